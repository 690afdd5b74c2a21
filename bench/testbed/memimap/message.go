package memimap

import (
	"bufio"
	"bytes"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-message/textproto"
)

// Message is immutable content with its internal date. What FETCH needs of it
// is worked out once, when it is first asked for.
type Message struct {
	raw    []byte
	date   time.Time
	parsed atomic.Pointer[parsed] // set once; two racing writers store the same
}

// NewMessage makes a message of raw, which must not be modified any more.
func NewMessage(raw []byte, date time.Time) *Message { return &Message{raw: raw, date: date} }

// parsed is read-only once it is stored.
type parsed struct {
	lenient   []byte // raw, or raw without the header lines that nobody can parse
	envelope  *imap.Envelope
	structure imap.BodyStructure
}

func (m *Message) parse() *parsed {
	if p := m.parsed.Load(); p != nil {
		return p
	}
	p := &parsed{lenient: m.raw}
	header, err := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(m.raw)))
	if err != nil {
		p.lenient = dropBadLines(m.raw)
		header, _ = textproto.ReadHeader(bufio.NewReader(bytes.NewReader(p.lenient)))
	}
	p.envelope = envelope(header)
	p.structure = p.mend(imapserver.ExtractBodyStructure(bytes.NewReader(p.lenient)), nil)
	m.parsed.Store(p)
	return p
}

// splitHeader returns the header with the empty line that ends it, and the body.
func splitHeader(raw []byte) (header, body []byte) {
	for rest := raw; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		line := rest[:i]
		rest = rest[i+1:]
		if len(line) == 0 || len(line) == 1 && line[0] == '\r' {
			return raw[:len(raw)-len(rest)], rest
		}
	}
	return raw, nil
}

// dropBadLines removes header lines that are neither a field nor the
// continuation of one: an mbox separator, rubbish, names that are not ASCII.
func dropBadLines(raw []byte) []byte {
	header, body := splitHeader(raw)
	var w bytes.Buffer
	kept := false
	for line := range bytes.Lines(header) {
		switch {
		case len(bytes.TrimRight(line, "\r\n")) == 0:
		case line[0] == ' ' || line[0] == '\t':
		default:
			name, _, ok := bytes.Cut(line, []byte(":"))
			kept = ok && len(name) > 0 && bytes.IndexFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0
		}
		if kept {
			w.Write(line)
		}
	}
	if !bytes.HasSuffix(w.Bytes(), []byte("\r\n\r\n")) {
		w.WriteString("\r\n")
	}
	w.Write(body)
	return w.Bytes()
}

// mend makes a structure one that can be written: a multipart without parts,
// which the grammar does not know, becomes text, as it does on other servers,
// and envelopes inside are those of this package.
func (p *parsed) mend(bs imap.BodyStructure, path []int) imap.BodyStructure {
	switch bs := bs.(type) {
	case *imap.BodyStructureMultiPart:
		if len(bs.Children) == 0 {
			body := p.section(&imap.FetchItemBodySection{Part: path, Specifier: imap.PartSpecifierText})
			return &imap.BodyStructureSinglePart{
				Type: "text", Subtype: "plain", Encoding: "7bit", Size: uint32(len(body)),
				Text:     &imap.BodyStructureText{NumLines: int64(bytes.Count(body, []byte("\n")))},
				Extended: &imap.BodyStructureSinglePartExt{},
			}
		}
		for i, child := range bs.Children {
			bs.Children[i] = p.mend(child, append(path[:len(path):len(path)], i+1))
		}
	case *imap.BodyStructureSinglePart:
		if bs.Type == "" || bs.Subtype == "" {
			bs.Type, bs.Subtype = "text", "plain"
			bs.Text = &imap.BodyStructureText{}
		}
		if inner := bs.MessageRFC822; inner != nil {
			if len(path) == 0 {
				path = []int{1}
			}
			raw := p.section(&imap.FetchItemBodySection{Part: path, Specifier: imap.PartSpecifierHeader})
			if header, err := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(raw))); err == nil {
				inner.Envelope = envelope(header)
			}
			if multi, ok := inner.BodyStructure.(*imap.BodyStructureMultiPart); ok {
				inner.BodyStructure = p.mend(multi, path)
			} else {
				inner.BodyStructure = p.mend(inner.BodyStructure, append(path[:len(path):len(path)], 1))
			}
		}
	}
	return bs
}

// section returns what a part specifier below the top names.
func (p *parsed) section(item *imap.FetchItemBodySection) []byte {
	return imapserver.ExtractBodySection(bytes.NewReader(p.lenient), item)
}

// section returns a body section (RFC 9051 section 6.4.5). What belongs to the
// whole message is cut from its own bytes; parts are found by imapserver.
func (m *Message) section(item *imap.FetchItemBodySection) []byte {
	header, body := splitHeader(m.raw)
	single, isSingle := m.parse().structure.(*imap.BodyStructureSinglePart)
	var b []byte
	switch {
	case len(item.Part) == 0 && item.Specifier == imap.PartSpecifierNone:
		b = m.raw
	case len(item.Part) == 0 && item.Specifier == imap.PartSpecifierText:
		b = body
	case len(item.Part) == 0 && len(item.HeaderFields) == 0 && len(item.HeaderFieldsNot) == 0:
		b = header
	case len(item.Part) == 0:
		b = filterHeader(header, item.HeaderFields, item.HeaderFieldsNot)
	case isSingle && single.MessageRFC822 == nil && len(item.Part) == 1 && item.Part[0] == 1 && item.Specifier == imap.PartSpecifierNone:
		b = body
	default:
		return m.parse().section(item)
	}
	if p := item.Partial; p != nil {
		start := min(max(p.Offset, 0), int64(len(b)))
		b = b[start:min(start+max(p.Size, 0), int64(len(b)))]
	}
	return b
}

// filterHeader keeps the named fields, or all but those, and the empty line.
func filterHeader(header []byte, only, not []string) []byte {
	listed := func(names []string, name string) bool {
		for _, n := range names {
			if strings.EqualFold(n, name) {
				return true
			}
		}
		return false
	}
	var w bytes.Buffer
	keep := false
	for line := range bytes.Lines(header) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := bytes.Cut(line, []byte(":"))
			n := strings.TrimSpace(string(name))
			keep = len(only) > 0 && listed(only, n) || len(only) == 0 && !listed(not, n)
		}
		if keep {
			w.Write(line)
		}
	}
	w.WriteString("\r\n")
	return w.Bytes()
}
