package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
)

// Limits bound what is taken from a server.
type Limits struct {
	// Line bounds a response without its literals, in bytes. A response to
	// SEARCH needs eight for every message.
	Line int
	// Literals bounds the literals of a response together, in bytes. A literal
	// beyond it is read over and taken for NIL.
	Literals int

	// Responses and Bytes bound what comes while a batch of commands waits for its
	// answers. The Reader, which knows no commands, leaves them to its user.
	Responses int
	Bytes     int64
}

// DefaultLimits is room for a SEARCH in two million messages, for the flags of as
// many, and for whatever AlphaMail asks for at a time.
var DefaultLimits = Limits{Line: 16 << 20, Literals: 64 << 20, Responses: 4 << 20, Bytes: 1 << 30}

// ErrLine is returned for a line that is longer than allowed. The stream cannot
// be read on.
var ErrLine = errors.New("a response without end")

// Reader cuts a stream into responses. While nothing is read it holds no
// buffer.
type Reader struct {
	source io.Reader
	limits Limits

	buffer     []byte // nil while it holds nothing
	start, end int    // of what was read and not yet handed out
	scanned    int    // how far, from start, the current response was looked through
	literals   int    // bytes of literals in the current response
	skip       int64  // bytes of an oversized literal that are still to come
}

// NewReader returns a reader of a stream.
func NewReader(source io.Reader, limits Limits) *Reader {
	return &Reader{source: source, limits: limits}
}

const (
	crumbSize = 64       // the buffer of what is waited for
	pieceSize = 8 << 10  // the buffer of most responses
	keepSize  = 64 << 10 // larger buffers are not kept for others
)

var pieces = sync.Pool{New: func() any {
	piece := make([]byte, pieceSize)
	return &piece
}}

// Buffered reports whether something was read that Next has not returned.
func (r *Reader) Buffered() bool { return r.end > r.start }

// Rest takes out what was read and not returned by Next: it belongs to whatever
// comes behind the responses, such as a compressed stream.
func (r *Reader) Rest() []byte {
	rest := bytes.Clone(r.buffer[r.start:r.end])
	r.start, r.end, r.scanned, r.literals = 0, 0, 0, 0
	r.Release()
	return rest
}

// Release gives the buffer back when it holds nothing. What Next returned is not
// valid any more.
func (r *Reader) Release() {
	if r.buffer == nil || r.Buffered() {
		return
	}
	if cap(r.buffer) >= pieceSize && cap(r.buffer) <= keepSize {
		piece := r.buffer
		pieces.Put(&piece)
	}
	r.buffer, r.start, r.end, r.scanned = nil, 0, 0, 0
}

// Await waits until there is something for Next to read. It is for a long wait,
// in which it holds next to no memory.
func (r *Reader) Await() error {
	if r.Release(); r.Buffered() {
		return nil
	}
	r.buffer = make([]byte, crumbSize)
	return r.fill()
}

// Next returns the next response without its line end, literals in place behind
// the number that announces them. It is valid until the next call. After an
// error of the stream that passes, such as a deadline, Next goes on where it was.
func (r *Reader) Next() ([]byte, error) {
	for {
		if response, complete, err := r.complete(); complete || err != nil {
			return response, err
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// complete hands out the first response if all of it was read.
func (r *Reader) complete() ([]byte, bool, error) {
	for {
		if r.skip > 0 { // the rest of an oversized literal begins where scanning stopped
			have := min(r.skip, int64(r.end-r.start-r.scanned))
			at := r.start + r.scanned
			copy(r.buffer[at:], r.buffer[at+int(have):r.end])
			r.end -= int(have)
			if r.skip -= have; r.skip > 0 {
				return nil, false, nil
			}
		}
		unread := r.buffer[r.start:r.end]
		if r.scanned > len(unread) {
			return nil, false, nil // within a literal
		}
		newline := bytes.IndexByte(unread[r.scanned:], '\n')
		if newline < 0 {
			if len(unread)-r.literals > r.limits.Line {
				return nil, false, ErrLine
			}
			return nil, false, nil
		}
		lineEnd := r.scanned + newline
		if lineEnd-r.literals > r.limits.Line {
			return nil, false, ErrLine
		}
		size, from := announced(bytes.TrimSuffix(unread[r.scanned:lineEnd], []byte{'\r'}))
		if from < 0 || r.scanned == 0 && isStatusLine(unread[:lineEnd]) {
			r.start += lineEnd + 1
			r.scanned, r.literals = 0, 0
			return bytes.TrimSuffix(unread[:lineEnd], []byte{'\r'}), true, nil
		}
		if size > int64(r.limits.Literals-r.literals) {
			r.nullify(r.scanned+from, lineEnd, size)
			continue
		}
		r.literals += int(size)
		r.scanned = lineEnd + 1 + int(size)
	}
}

// nullify makes an announcement of a literal, {n} at the end of a line, NIL, and
// skips the literal.
func (r *Reader) nullify(from, lineEnd int, size int64) {
	const null = "NIL"
	at := r.start + from
	copy(r.buffer[at:], null)
	copy(r.buffer[at+len(null):], r.buffer[r.start+lineEnd+1:r.end])
	r.end -= lineEnd + 1 - from - len(null)
	r.scanned, r.skip = from+len(null), size
}

// announced returns the size of the literal that a line ends with and where its
// announcement, with a ~ for a literal8, begins; -1 if there is none.
func announced(line []byte) (size int64, from int) {
	if len(line) < 3 || line[len(line)-1] != '}' {
		return 0, -1
	}
	open := bytes.LastIndexByte(line, '{')
	if open < 0 {
		return 0, -1
	}
	digits := bytes.TrimSuffix(line[open+1:len(line)-1], []byte{'+'})
	if len(digits) == 0 || len(digits) > 18 {
		return 0, -1
	}
	size, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || size < 0 || digits[0] == '+' {
		return 0, -1
	}
	if open > 0 && line[open-1] == '~' {
		open--
	}
	return size, open
}

// isStatusLine reports whether a line is a status response or a continuation
// request: their text is for people, and may end with anything.
func isStatusLine(line []byte) bool {
	if bytes.HasPrefix(line, []byte("+")) {
		return true
	}
	tag, rest, found := bytes.Cut(line, []byte{' '})
	if !found {
		return false
	}
	if !bytes.Equal(tag, []byte{'*'}) {
		return true // nothing but a status response has a tag
	}
	word, _, _ := bytes.Cut(rest, []byte{' '})
	return statusTypes[upper(word)] != ""
}

// fill reads more, making room for it.
func (r *Reader) fill() error {
	if r.buffer == nil {
		r.buffer = *pieces.Get().(*[]byte)
		r.buffer = r.buffer[:cap(r.buffer)]
	}
	if r.start > 0 {
		copy(r.buffer, r.buffer[r.start:r.end])
		r.end -= r.start
		r.start = 0
	}
	// A literal whose size is known is read into a buffer of that size.
	need := max(r.end+1, min(r.scanned+1, r.end+keepSize))
	if need > len(r.buffer) {
		var grown []byte
		if need <= pieceSize {
			grown = *pieces.Get().(*[]byte)
			grown = grown[:cap(grown)]
		} else {
			grown = make([]byte, max(need, 2*len(r.buffer)))
		}
		copy(grown, r.buffer[:r.end])
		r.buffer = grown
	}
	n, err := r.source.Read(r.buffer[r.end:])
	r.end += n
	switch {
	case n > 0:
		return nil
	case err == nil:
		return io.ErrNoProgress
	case errors.Is(err, io.EOF) && r.Buffered():
		return fmt.Errorf("in the middle of a response: %w", io.ErrUnexpectedEOF)
	}
	return err
}
