package compose

import (
	"bufio"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"strconv"
	"strings"
	"unicode/utf8"
)

func decimal(number int) string { return strconv.Itoa(number) }

// textEncoding chooses the transfer encoding of a text whose lines end with
// "\n": none where that is enough, then quoted-printable, or base64 where most of
// it would be escapes.
func textEncoding(text string, server Server) string {
	high, long, odd, start := 0, false, false, 0
	for i := range len(text) {
		switch b := text[i]; {
		case b == '\n':
			long = long || i-start > hardLine
			start = i + 1
		case b >= 0x80:
			high++
		case b < ' ' && b != '\t', b == 0x7F:
			odd = true
		}
	}
	long = long || len(text)-start > hardLine
	switch {
	case high == 0 && !long && !odd:
		return "7bit"
	case high*5 > len(text)*2 && !server.EightBitMIME:
		return "base64"
	case server.EightBitMIME && !long && !odd:
		return "8bit"
	}
	return "quoted-printable"
}

// writeText writes a text in a transfer encoding, its lines ended by CRLF.
func writeText(out *bufio.Writer, text, encoding string) error {
	var encoder io.WriteCloser
	switch encoding {
	case "quoted-printable":
		encoder = quotedprintable.NewWriter(out)
	case "base64":
		encoder = newBase64Writer(out)
	default:
		return writeLines(out, text)
	}
	if err := writeLines(encoder, text); err != nil {
		return err
	}
	if err := encoder.Close(); err != nil || encoding != "base64" {
		return err
	}
	_, err := out.WriteString("\r\n")
	return err
}

func writeLines(out io.Writer, text string) error {
	_, err := io.WriteString(out, strings.ReplaceAll(text, "\n", "\r\n"))
	return err
}

// base64Writer writes base64 in lines of 76 characters.
type base64Writer struct {
	out     *bufio.Writer
	encoder io.WriteCloser
	column  int
}

const base64Line = 76

func newBase64Writer(out *bufio.Writer) *base64Writer {
	w := &base64Writer{out: out}
	w.encoder = base64.NewEncoder(base64.StdEncoding, lineBreaker{w})
	return w
}

func (w *base64Writer) Write(data []byte) (int, error) { return w.encoder.Write(data) }
func (w *base64Writer) Close() error                   { return w.encoder.Close() }

// lineBreaker breaks what the encoder writes into lines.
type lineBreaker struct{ *base64Writer }

func (l lineBreaker) Write(data []byte) (int, error) {
	written := len(data)
	for len(data) > 0 {
		if l.column == base64Line {
			if _, err := l.out.WriteString("\r\n"); err != nil {
				return 0, err
			}
			l.column = 0
		}
		n := min(len(data), base64Line-l.column)
		if _, err := l.out.Write(data[:n]); err != nil {
			return 0, err
		}
		l.column += n
		data = data[n:]
	}
	return written, nil
}

// cleanText is a text that mail can carry: valid UTF-8, lines ended by "\n",
// without NUL.
func cleanText(text string) string {
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	if strings.ContainsAny(text, "\r\x00") {
		text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "").Replace(text)
	}
	return text
}

// flowWidth is how long the lines of flowed text are, in characters (RFC 3676
// section 4.2).
const flowWidth = 72

// flow writes text as format=flowed: paragraphs of one long line become lines
// that end with a space, quotation marks stand together, and lines that would be
// taken for something else are stuffed.
func flow(text string) string {
	var out strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			out.WriteByte('\n')
		}
		quote, rest := quoteMarks(line)
		if rest != "-- " {
			rest = strings.TrimRight(rest, " ")
		}
		for first := true; first || rest != ""; first = false {
			if !first {
				out.WriteByte('\n')
			}
			piece := rest
			if rest != "-- " {
				piece = flowPiece(rest, flowWidth-len(quote))
			}
			rest = rest[len(piece):]
			out.WriteString(quote)
			if quote != "" && piece != "" || strings.HasPrefix(piece, " ") || strings.HasPrefix(piece, ">") || strings.HasPrefix(piece, "From ") {
				out.WriteByte(' ')
			}
			out.WriteString(piece)
		}
	}
	return out.String()
}

// quoteMarks takes the marks of a quotation off a line, with one space after
// each.
func quoteMarks(line string) (marks, rest string) {
	count := 0
	for strings.HasPrefix(line, ">") {
		count++
		line = strings.TrimPrefix(line[1:], " ")
	}
	return strings.Repeat(">", count), line
}

// flowPiece is the beginning of a paragraph that makes one line: up to the last
// space that fits, with it. A word longer than that goes on.
func flowPiece(text string, width int) string {
	count, space := 0, -1
	for i, char := range text {
		if count >= width && space >= 0 {
			return text[:space+1]
		}
		if char == ' ' && i+1 < len(text) && text[i+1] != ' ' {
			space = i
			if count >= width {
				return text[:space+1]
			}
		}
		count++
	}
	return text
}
