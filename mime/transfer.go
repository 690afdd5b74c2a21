package mime

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// NewDecoder undoes a content transfer encoding (RFC 2045 section 6), as a
// stream in constant memory. It is lenient: what is no base64 is skipped, what
// is no quoted-printable stays. An unknown encoding is taken for none.
func NewDecoder(encoding string, r io.Reader) io.Reader {
	switch transferEncoding(encoding) {
	case "base64":
		return newBase64Reader(r)
	case "quoted-printable":
		return &quotedReader{source: bufio.NewReader(r)}
	case "uuencode":
		return &uuReader{source: bufio.NewReader(r)}
	default:
		return r
	}
}

// transferEncoding makes the ways to write an encoding one: "base64",
// "quoted-printable", "uuencode", empty for none, or what it is when nobody knows
// it.
func transferEncoding(label string) string {
	label, _, _ = strings.Cut(strings.ToLower(label), ";")
	label, _, _ = strings.Cut(label, "(")
	switch label = strings.Trim(label, " \t\"'"); label {
	case "base64", "base-64", "b", "x-base64", "base 64", "base64encoded":
		return "base64"
	case "quoted-printable", "quotedprintable", "quoted_printable", "qp", "q", "quoted-printible", "x-quoted-printable", "quoted printable":
		return "quoted-printable"
	case "x-uuencode", "uuencode", "x-uue", "uue", "x-uu", "uu":
		return "uuencode"
	case "", "7bit", "8bit", "binary", "7-bit", "8-bit", "7 bit", "8 bit", "7bits", "8bits", "none", "plain", "text", "identity", "ascii", "us-ascii", "utf-8", "utf8", "raw", "unencoded", "amazonses.com":
		return ""
	}
	return label
}

// defectReader is a decoder that notices what is wrong.
type defectReader interface{ defect() Defect }

func (r *base64Reader) defect() Defect {
	if r.junk {
		return DefectBase64
	}
	return ""
}

func (q *quotedReader) defect() Defect {
	if q.broken {
		return DefectQuotedPrintable
	}
	return ""
}

// maxQuotedLine bounds a line of quoted-printable that is looked at as a whole;
// longer ones are decoded in pieces.
const maxQuotedLine = 64 << 10

// quotedReader decodes quoted-printable.
type quotedReader struct {
	source  *bufio.Reader
	buffer  []byte // the line that is read
	decoded []byte
	pending []byte // what of decoded is to be handed out
	broken  bool   // an equals sign meant nothing
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
	line := q.buffer[:0]
	for len(line) < maxQuotedLine {
		piece, err := q.source.ReadSlice('\n')
		line = append(line, piece...)
		if err == bufio.ErrBufferFull {
			continue
		}
		q.err = err
		break
	}
	q.buffer = line
	ending := line[len(bytes.TrimRight(line, "\r\n")):]
	content := bytes.TrimRight(line[:len(line)-len(ending)], " \t")
	if len(ending) == 0 {
		content = line
	}
	if soft, ok := bytes.CutSuffix(content, []byte("=")); ok {
		content, ending = soft, nil
	}
	decoded := q.decoded[:0]
	for i := 0; i < len(content); i++ {
		switch {
		case content[i] != '=':
			decoded = append(decoded, content[i])
		case i+2 < len(content) && isHex(content[i+1]) && isHex(content[i+2]):
			decoded = append(decoded, unhex(content[i+1])<<4|unhex(content[i+2]))
			i += 2
		default:
			decoded = append(decoded, '=')
			q.broken = true
		}
	}
	q.decoded = append(decoded, ending...)
	q.pending = q.decoded
}
