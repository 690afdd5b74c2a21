package submit

import (
	"bufio"
	"bytes"
)

// bodyWriter writes the body of a message as DATA wants it: lines end with CRLF
// and with nothing else (RFC 5321 section 2.3.8), so that no server can see an end
// where others see none, and a dot at the beginning of a line is doubled (section
// 4.5.2).
type bodyWriter struct {
	out    *bufio.Writer
	within bool  // a line has begun
	cr     bool  // the last byte was a CR, which is not written yet
	err    error // of the network
}

// Write implements io.Writer.
func (b *bodyWriter) Write(data []byte) (int, error) {
	written := len(data)
	for len(data) > 0 && b.err == nil {
		if b.cr || data[0] == '\n' || data[0] == '\r' {
			data = data[b.lineEnd(data[0]):]
			continue
		}
		end := bytes.IndexAny(data, "\r\n")
		if end < 0 {
			end = len(data)
		}
		if !b.within && data[0] == '.' {
			b.put(".")
		}
		if _, err := b.out.Write(data[:end]); err != nil {
			b.err = err
		}
		b.within = true
		data = data[end:]
	}
	if b.err != nil {
		return 0, b.err
	}
	return written, nil
}

// lineEnd takes what may be part of a line end, and returns how many bytes that
// is.
func (b *bodyWriter) lineEnd(next byte) int {
	switch {
	case !b.cr && next == '\r':
		b.cr = true
		return 1
	case !b.cr || next == '\n':
		b.endLine()
		return 1
	default: // a CR alone
		b.endLine()
		return 0
	}
}

func (b *bodyWriter) endLine() {
	b.put("\r\n")
	b.cr, b.within = false, false
}

func (b *bodyWriter) put(text string) {
	if _, err := b.out.WriteString(text); err != nil && b.err == nil {
		b.err = err
	}
}

// finish ends the last line and hands everything to the network.
func (b *bodyWriter) finish() error {
	if b.err == nil && (b.cr || b.within) {
		b.endLine()
	}
	if b.err == nil {
		b.err = b.out.Flush()
	}
	return b.err
}
