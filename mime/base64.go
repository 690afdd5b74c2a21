package mime

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
)

// base64Reader decodes base64, as a stream in constant memory. Characters that do
// not belong to it are left out, padding in the middle is accepted, a missing end
// is completed. A line of words ends it: that is the footer of a mailing list,
// which programs append without looking.
type base64Reader struct {
	source  *bufio.Reader
	quantum []byte // characters that were not decoded yet
	decoded []byte // what is to be handed out
	begun   bool   // a character was seen
	ended   bool
	err     error
	junk    bool
	// skipsLine is set behind padding, where a line should end.
	skipsLine bool
	// footer is the text behind the end, up to maxFooter bytes.
	footer []byte
}

const (
	// maxBase64Line bounds a line that is looked at as a whole; longer ones are
	// decoded in pieces.
	maxBase64Line = 8 << 10
	maxFooter     = 8 << 10
)

func newBase64Reader(r io.Reader) *base64Reader {
	return &base64Reader{source: bufio.NewReaderSize(r, maxBase64Line)}
}

func (r *base64Reader) Read(p []byte) (int, error) {
	for len(r.decoded) == 0 && r.err == nil {
		r.line()
	}
	if len(r.decoded) == 0 {
		return 0, r.err
	}
	n := copy(p, r.decoded)
	r.decoded = r.decoded[n:]
	return n, nil
}

// line decodes the next line.
func (r *base64Reader) line() {
	line, err := r.source.ReadSlice('\n')
	if err != nil && err != bufio.ErrBufferFull {
		r.err = err
	}
	if !r.ended && isFooter(line, len(r.quantum)%4 == 0) {
		r.ended = true
	}
	if r.ended {
		r.junk = r.junk || len(bytes.TrimSpace(line)) > 0
		r.footer = append(r.footer, line[:min(len(line), maxFooter-len(r.footer))]...)
	} else {
		r.take(line)
	}
	if r.err != nil {
		r.complete()
	}
}

// isFooter tells whether a line cannot be base64: it holds words with spaces
// between them, or a rule of hyphens or underscores between whole groups.
func isFooter(line []byte, whole bool) bool {
	line = bytes.TrimSpace(line)
	if len(line) == 0 {
		return false
	}
	if space := bytes.IndexByte(line, ' '); space > 0 {
		// Blanks within one run of base64 are junk; several words are text.
		return bytes.Count(line, []byte(" ")) > 1 || !fullLines(line)
	}
	return whole && len(line) > 1 && (len(bytes.Trim(line, "-_=*")) == 0 || bytes.HasPrefix(line, []byte("--")))
}

// fullLines tells whether what stands between blanks is as long as lines are.
func fullLines(line []byte) bool {
	for _, word := range bytes.Fields(line) {
		if len(word) < 16 {
			return false
		}
	}
	return true
}

// take decodes the characters of a line, up to padding.
func (r *base64Reader) take(line []byte) {
	r.decoded = r.decoded[:0]
	for _, b := range line {
		if r.skipsLine {
			break
		}
		switch {
		case base64Value[b]:
			r.quantum = append(r.quantum, b)
		case b == '=':
			if len(r.quantum)%4 >= 2 {
				r.decode(len(r.quantum))
				r.skipsLine = true
			}
		case b != '\n' && b != '\r' && b != ' ' && b != '\t':
			r.junk = true
		}
	}
	r.decode(len(r.quantum) / 4 * 4)
	if bytes.HasSuffix(line, []byte("\n")) {
		r.skipsLine = false
	}
}

// decode decodes that many characters.
func (r *base64Reader) decode(count int) {
	if count == 0 {
		return
	}
	start := len(r.decoded)
	r.decoded = append(r.decoded, make([]byte, base64.RawStdEncoding.DecodedLen(count))...)
	n, _ := base64.RawStdEncoding.Decode(r.decoded[start:], r.quantum[:count])
	r.decoded = r.decoded[:start+n]
	r.quantum = append(r.quantum[:0], r.quantum[count:]...)
	r.begun = true
}

// complete decodes the last characters, whose padding is missing. One by itself
// holds no byte.
func (r *base64Reader) complete() {
	if len(r.quantum) > 0 {
		r.junk = true
		if len(r.quantum) > 1 {
			r.decode(len(r.quantum))
		}
		r.quantum = r.quantum[:0]
	}
}

// base64Value tells which bytes are characters of base64.
var base64Value = func() (table [256]bool) {
	for b := range table {
		table[b] = isBase64(byte(b))
	}
	return table
}()
