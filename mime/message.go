package mime

import (
	"bytes"
	"io"
	"strings"
)

// Part is a node of the part tree of a message.
type Part struct {
	// ID is the section number of RFC 9051 section 6.4.5.1: "1", "1.2". The
	// root of a multipart message has none; the only part of any other message
	// is "1".
	ID          string
	MediaType   string            // lower case, such as "text/plain"
	Params      map[string]string // of Content-Type; names in lower case
	Disposition string            // lower case: "attachment", "inline" or empty
	Filename    string            // safe to show and to save under; may be empty
	ContentID   string            // without angle brackets
	Encoding    string            // lower case
	EncodedSize int64             // bytes as transferred
	// Children are the parts of a multipart, or of the message in a
	// message/rfc822.
	Children []*Part
	// Encoded is the content as transferred; nil when it was not loaded.
	Encoded []byte
	Header  Header
}

// Decode returns the content, decoded.
func (p *Part) Decode() io.Reader { return NewDecoder(p.Encoding, bytes.NewReader(p.Encoded)) }

// Inline tells whether the HTML of a message shows the part by itself.
func (p *Part) Inline() bool {
	return p.ContentID != "" && p.Disposition != "attachment" && strings.HasPrefix(p.MediaType, "image/")
}

// Message is a parsed message.
type Message struct {
	Header Header
	Root   *Part
	Notes  []Note
}

// Part finds a part by its section number; nil when there is none.
func (m *Message) Part(id string) *Part {
	var found *Part
	m.walk(func(part *Part) bool {
		if part.ID == id && id != "" {
			found = part
		}
		return found == nil
	})
	return found
}

// walk visits the parts in order until visit returns false.
func (m *Message) walk(visit func(*Part) bool) {
	var descend func(*Part, int) bool
	descend = func(part *Part, depth int) bool {
		if part == nil || depth > 2*maxDepth {
			return true
		}
		if !visit(part) {
			return false
		}
		for _, child := range part.Children {
			if !descend(child, depth+1) {
				return false
			}
		}
		return true
	}
	descend(m.Root, 0)
}

func (m *Message) note(note Note) {
	for _, known := range m.Notes {
		if known == note {
			return
		}
	}
	m.Notes = append(m.Notes, note)
}

// Parse reads a message. It never fails.
func Parse(raw []byte) *Message {
	m := &Message{}
	p := &parser{message: m}
	header, body := splitHeader(raw)
	if header.odd || len(header.fields) == 0 {
		m.note(NoteMalformed)
	}
	m.Header = header
	m.Root = p.part(header, body, "", 0, false)
	if len(m.Root.Children) == 0 || !strings.HasPrefix(m.Root.MediaType, "multipart/") {
		p.number(m.Root, "1")
	}
	return m
}

// parser bounds the work on one message.
type parser struct {
	message *Message
	parts   int
}

// part makes a part from its header and content, and the parts below it.
func (p *parser) part(header Header, content []byte, id string, depth int, digest bool) *Part {
	p.parts++
	part := &Part{ID: id, Header: header, Encoded: content, EncodedSize: int64(len(content))}
	part.describe(digest)
	switch {
	case strings.HasPrefix(part.MediaType, "multipart/"):
		p.multipart(part, depth)
	case part.MediaType == "message/rfc822" || part.MediaType == "message/global":
		p.embedded(part, depth)
	}
	return part
}

// describe reads what the header says about the content.
func (p *Part) describe(digest bool) {
	p.MediaType, p.Params = parseParameters(p.Header.raw("Content-Type"))
	if kind, subtype, ok := strings.Cut(p.MediaType, "/"); !ok || kind == "" || subtype == "" || strings.ContainsAny(p.MediaType, " \t<>\"") {
		p.MediaType = "text/plain"
		if digest {
			p.MediaType = "message/rfc822" // RFC 2046 section 5.1.5
		}
	}
	var disposition map[string]string
	p.Disposition, disposition = parseParameters(p.Header.raw("Content-Disposition"))
	p.Filename = SafeFilename(disposition["filename"])
	if p.Filename == "" {
		p.Filename = SafeFilename(p.Params["name"])
	}
	p.ContentID = strings.Trim(strings.TrimSpace(p.Header.raw("Content-ID")), "<>")
	p.Encoding, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(p.Header.raw("Content-Transfer-Encoding"))), ";")
}

// multipart splits the content of a multipart. One that cannot be split is
// shown as the text that it holds.
func (p *parser) multipart(part *Part, depth int) {
	if depth >= maxDepth {
		p.message.note(NoteLimit)
		return
	}
	contents, closed := splitParts(part.Encoded, part.Params["boundary"], maxParts-p.parts)
	if !closed {
		p.message.note(NoteMalformed)
	}
	if len(contents) == 0 {
		p.message.note(NoteMalformed)
		part.MediaType, part.Encoding = "text/plain", ""
		return
	}
	for i, content := range contents {
		if p.parts >= maxParts {
			p.message.note(NoteLimit)
			break
		}
		header, body := splitHeader(content)
		part.Children = append(part.Children, p.part(header, body, join(part.ID, i+1), depth+1, part.MediaType == "multipart/digest"))
	}
}

// embedded reads the message in a message/rfc822. Its parts are numbered as if
// it stood alone, below the number of this part.
func (p *parser) embedded(part *Part, depth int) {
	if depth >= maxDepth || p.parts >= maxParts {
		p.message.note(NoteLimit)
		return
	}
	if part.Encoding == "base64" || part.Encoding == "quoted-printable" {
		return // RFC 2046 section 5.2.1 forbids it: it is only offered for saving
	}
	header, body := splitHeader(part.Encoded)
	inner := p.part(header, body, part.ID, depth+1, false)
	if !strings.HasPrefix(inner.MediaType, "multipart/") {
		p.number(inner, join(part.ID, 1))
	}
	part.Children = []*Part{inner}
}

// number gives a part another section number, and the parts below it.
func (p *parser) number(part *Part, id string) {
	old := part.ID
	part.ID = id
	for _, child := range part.Children {
		rest := strings.TrimPrefix(strings.TrimPrefix(child.ID, old), ".")
		if child.ID == old {
			p.number(child, id)
		} else {
			p.number(child, id+"."+rest)
		}
	}
}

func join(id string, number int) string {
	if id == "" {
		return itoa(number)
	}
	return id + "." + itoa(number)
}
