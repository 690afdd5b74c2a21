package wire

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Encoding says how a server wants to be written to.
type Encoding struct {
	// UTF8 says that strings and mailbox names may be in UTF-8 (IMAP4rev2 or
	// UTF8=ACCEPT enabled).
	UTF8 bool
	// NonSync is the largest literal, in bytes, that need not wait for the
	// server's consent: without bound for LITERAL+, 4096 for LITERAL-, 0 without
	// either (RFC 7888). Negative stands for no bound.
	NonSync int64
}

// Encoder writes commands one behind the other. Its methods write exactly what
// they are given; whoever uses it puts spaces where they belong.
type Encoder struct {
	Encoding

	buffer []byte
	breaks []Break
}

// Break is a place in what was written at which something else comes first.
type Break struct {
	// At is the position.
	At int
	// Wait says that the server must have sent a continuation request.
	Wait bool
	// Source, if set, gives so many bytes that come next.
	Source io.Reader
	Size   int64
}

// Bytes returns what was written, and the breaks in it in order. It is valid
// until the encoder is used again.
func (e *Encoder) Bytes() ([]byte, []Break) { return e.buffer, e.breaks }

// Reset forgets everything that was written.
func (e *Encoder) Reset() {
	if cap(e.buffer) > keepSize {
		e.buffer = nil
	}
	e.buffer, e.breaks = e.buffer[:0], nil
}

// Raw writes text as it is.
func (e *Encoder) Raw(text string) { e.buffer = append(e.buffer, text...) }

// Number writes a number.
func (e *Encoder) Number(number uint64) { e.buffer = strconv.AppendUint(e.buffer, number, 10) }

// String writes an astring or string that may hold anything but NUL: quoted
// where that is allowed, otherwise as a literal.
func (e *Encoder) String(text string) {
	if !e.quotable(text) {
		e.Literal(int64(len(text)), nil)
		e.Raw(text)
		return
	}
	e.buffer = append(e.buffer, '"')
	for i := range len(text) {
		if text[i] == '"' || text[i] == '\\' {
			e.buffer = append(e.buffer, '\\')
		}
		e.buffer = append(e.buffer, text[i])
	}
	e.buffer = append(e.buffer, '"')
}

// maxQuoted bounds quoted strings, in bytes; some servers bound lines.
const maxQuoted = 1000

func (e *Encoder) quotable(text string) bool {
	if len(text) > maxQuoted {
		return false
	}
	for i := range len(text) {
		if char := text[i]; char == '\r' || char == '\n' || char == 0 || char >= 0x80 && !e.UTF8 {
			return false
		}
	}
	return true
}

// Literal announces a literal of so many bytes, which come from source, or are
// written next if it is nil.
func (e *Encoder) Literal(size int64, source io.Reader) {
	e.buffer = append(e.buffer, '{')
	e.buffer = strconv.AppendInt(e.buffer, size, 10)
	wait := e.NonSync >= 0 && size > e.NonSync || e.NonSync == 0
	if !wait {
		e.buffer = append(e.buffer, '+')
	}
	e.buffer = append(e.buffer, "}\r\n"...)
	if wait || source != nil {
		e.breaks = append(e.breaks, Break{At: len(e.buffer), Wait: wait, Source: source, Size: size})
	}
}

// Await makes what follows wait for the server's continuation request.
func (e *Encoder) Await() { e.breaks = append(e.breaks, Break{At: len(e.buffer), Wait: true}) }

// Mailbox writes the name of a mailbox.
func (e *Encoder) Mailbox(name string) {
	switch {
	case strings.EqualFold(name, "INBOX"):
		e.Raw("INBOX")
	case e.UTF8:
		e.String(name)
	default:
		e.String(encodeUTF7(name))
	}
}

// Set writes a set of UIDs or sequence numbers.
func (e *Encoder) Set(set imap.NumSet) { e.Raw(set.String()) }

// Flags writes a list of flags. Flags come from servers and from this program,
// never from users; whatever is not an atom is left out.
func (e *Encoder) Flags(flags []imap.Flag) {
	e.Raw("(")
	first := true
	for _, flag := range flags {
		if flag == "" || strings.ContainsAny(string(flag), " (){%*\"\r\n\x00") {
			continue
		}
		if !first {
			e.Raw(" ")
		}
		e.Raw(string(flag))
		first = false
	}
	e.Raw(")")
}

// DateTime writes a date with time.
func (e *Encoder) DateTime(date time.Time) { e.Raw(`"` + formatDate(date) + `"`) }

// Section writes a body section as it stands in a FETCH command.
func (e *Encoder) Section(section *imap.FetchItemBodySection) {
	e.Raw("BODY")
	if section.Peek {
		e.Raw(".PEEK")
	}
	e.Raw("[" + SectionName(section) + "]")
	e.partial(section.Partial)
}

// BinarySection writes a part to be decoded as it stands in a FETCH command
// (RFC 3516).
func (e *Encoder) BinarySection(section *imap.FetchItemBinarySection) {
	e.Raw("BINARY")
	if section.Peek {
		e.Raw(".PEEK")
	}
	e.Raw("[" + PartName(section.Part) + "]")
	e.partial(section.Partial)
}

func (e *Encoder) partial(partial *imap.SectionPartial) {
	if partial == nil {
		return
	}
	e.Raw("<")
	e.Number(uint64(partial.Offset))
	e.Raw(".")
	e.Number(uint64(partial.Size))
	e.Raw(">")
}
