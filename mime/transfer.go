package mime

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"strings"
)

// NewDecoder undoes a content transfer encoding (RFC 2045 section 6), as a
// stream in constant memory. It is lenient: what is no base64 is skipped, what
// is no quoted-printable stays. An unknown encoding is taken for none.
func NewDecoder(encoding string, r io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64", "base-64", "b":
		return base64.NewDecoder(base64.StdEncoding, &base64Filter{source: bufio.NewReader(r)})
	case "quoted-printable", "quotedprintable", "quoted_printable":
		return &quotedReader{source: bufio.NewReader(r)}
	default:
		return r
	}
}

// base64Filter lets base64 characters pass, and pads what was cut off.
type base64Filter struct {
	source *bufio.Reader
	count  int // characters given so far, modulo 4
	ended  bool
}

func (f *base64Filter) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && !f.ended {
		b, err := f.source.ReadByte()
		if err != nil {
			if err != io.EOF {
				return n, err
			}
			f.ended = true
			break
		}
		switch {
		case isBase64(b):
			p[n] = b
			n++
			f.count = (f.count + 1) % 4
		case b == '=' && f.count >= 2:
			f.ended = true // what follows padding is no part of it
		}
	}
	if f.ended {
		// One character by itself holds no byte: it is completed to one.
		for ; f.count != 0 && n < len(p); f.count = (f.count + 1) % 4 {
			p[n] = '='
			if f.count == 1 {
				p[n] = 'A'
			}
			n++
		}
		if n == 0 && len(p) > 0 {
			return 0, io.EOF
		}
	}
	return n, nil
}

// maxQuotedLine bounds a line of quoted-printable that is looked at as a whole;
// longer ones are decoded in pieces.
const maxQuotedLine = 64 << 10

// quotedReader decodes quoted-printable.
type quotedReader struct {
	source  *bufio.Reader
	pending []byte
	err     error
}

func (q *quotedReader) Read(p []byte) (int, error) {
	for len(q.pending) == 0 && q.err == nil {
		q.line()
	}
	if len(q.pending) == 0 {
		return 0, q.err
	}
	n := copy(p, q.pending)
	q.pending = q.pending[n:]
	return n, nil
}

// line decodes the next line.
func (q *quotedReader) line() {
	var line []byte
	for len(line) < maxQuotedLine {
		piece, err := q.source.ReadSlice('\n')
		line = append(line, piece...)
		if err == bufio.ErrBufferFull {
			continue
		}
		q.err = err
		break
	}
	ending := line[len(bytes.TrimRight(line, "\r\n")):]
	content := bytes.TrimRight(line[:len(line)-len(ending)], " \t")
	if len(ending) == 0 {
		content = line
	}
	if soft, ok := bytes.CutSuffix(content, []byte("=")); ok {
		content, ending = soft, nil
	}
	decoded := make([]byte, 0, len(content)+len(ending))
	for i := 0; i < len(content); i++ {
		if content[i] == '=' && i+2 < len(content) && isHex(content[i+1]) && isHex(content[i+2]) {
			decoded = append(decoded, unhex(content[i+1])<<4|unhex(content[i+2]))
			i += 2
		} else {
			decoded = append(decoded, content[i])
		}
	}
	q.pending = append(decoded, ending...)
}
