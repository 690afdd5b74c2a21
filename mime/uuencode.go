package mime

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// uuencoded is a file that stands inside a text, as mail had it before MIME:
// from a line "begin 644 name" to a line "end".
type uuencoded struct {
	name       string
	start, end int // in the text, with both lines
}

// maxUUFiles bounds the files that are looked for in one text.
const maxUUFiles = 100

// findUUencoded finds the files in a text. A "begin" that is not followed by
// lines whose lengths are what they say is text.
func findUUencoded(text []byte) []uuencoded {
	var found []uuencoded
	for pos := 0; len(found) < maxUUFiles; {
		at := bytes.Index(text[pos:], []byte("begin "))
		if at < 0 {
			return found
		}
		at += pos
		pos = at + len("begin ")
		if at > 0 && text[at-1] != '\n' && text[at-1] != '\r' {
			continue
		}
		line, rest := cutLine(text[at:])
		name, ok := beginLine(line)
		if !ok {
			continue
		}
		length, ok := uuLines(rest)
		if !ok {
			continue
		}
		end := len(text) - len(rest) + length
		found = append(found, uuencoded{name, at, end})
		pos = end
	}
	return found
}

// beginLine reads "begin mode name".
func beginLine(line []byte) (name string, ok bool) {
	fields := strings.SplitN(toText(line), " ", 3)
	if len(fields) < 3 || fields[0] != "begin" || len(fields[1]) < 3 || len(fields[1]) > 4 || strings.Trim(fields[1], "01234567") != "" {
		return "", false
	}
	name = SafeFilename(strings.Trim(strings.TrimSpace(fields[2]), `"`))
	return name, name != ""
}

// uuBeginning is where the first file in a text begins, though it may be cut;
// the length of the text when there is none.
func uuBeginning(text []byte) int {
	for pos := 0; ; {
		at := bytes.Index(text[pos:], []byte("begin "))
		if at < 0 {
			return len(text)
		}
		at += pos
		pos = at + len("begin ")
		if at > 0 && text[at-1] != '\n' && text[at-1] != '\r' {
			continue
		}
		line, rest := cutLine(text[at:])
		next, _ := cutLine(rest)
		if _, ok := beginLine(line); ok && len(next) > 0 && uuLine(next) {
			return at
		}
	}
}

// uuLines tells how long the lines up to and with "end" are; false when they are
// no uuencoded file.
func uuLines(text []byte) (length int, ok bool) {
	rest := text
	for lines := 0; len(rest) > 0; lines++ {
		line, next := cutLine(rest)
		line = bytes.TrimRight(line, " ")
		if bytes.Equal(line, []byte("end")) {
			return len(text) - len(next), lines > 0
		}
		if len(line) > 0 && !uuLine(line) {
			return 0, false
		}
		rest = next
	}
	return 0, false
}

// uuLine tells whether a line has the length that its first character says.
// Trailing blanks, which stand for zeros, may be missing.
func uuLine(line []byte) bool {
	count := int(line[0]-' ') & 63
	if line[0] < ' ' || line[0] > '`' || len(line) > 1+4*((count+2)/3)+2 {
		return false
	}
	for _, b := range line {
		if b < ' ' || b > '`' {
			return false
		}
	}
	return true
}

// uuReader decodes uuencode, from the line after "begin" to "end".
type uuReader struct {
	source  *bufio.Reader
	begun   bool
	pending []byte
	err     error
}

func (u *uuReader) Read(p []byte) (int, error) {
	for len(u.pending) == 0 && u.err == nil {
		u.line()
	}
	if len(u.pending) == 0 {
		return 0, u.err
	}
	n := copy(p, u.pending)
	u.pending = u.pending[n:]
	return n, nil
}

// line decodes the next line. Lines before "begin", and those that are too long
// to be any, are left out.
func (u *uuReader) line() {
	line, err := u.source.ReadSlice('\n')
	for err == bufio.ErrBufferFull {
		_, err = u.source.ReadSlice('\n')
		line = nil
	}
	u.err = err
	line = bytes.TrimRight(line, " \r\n")
	switch {
	case !u.begun:
		_, u.begun = beginLine(line)
	case bytes.Equal(line, []byte("end")):
		u.err = io.EOF
	case len(line) > 0 && uuLine(line):
		u.pending = uuDecode(line)
	}
}

func uuDecode(line []byte) []byte {
	count := int(line[0]-' ') & 63
	line = line[1:]
	six := func(i int) byte {
		if i >= len(line) {
			return 0
		}
		return (line[i] - ' ') & 63
	}
	out := make([]byte, 0, count+2)
	for i := 0; len(out) < count; i += 4 {
		a, b, c, d := six(i), six(i+1), six(i+2), six(i+3)
		out = append(out, a<<2|b>>4, b<<4|c>>2, c<<6|d)
	}
	return out[:count]
}
