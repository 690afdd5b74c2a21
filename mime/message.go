package mime

import (
	"bytes"
	"io"
	"strconv"
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
	// Defects are what was found wrong so far: Parse reports what concerns the
	// structure, Render what concerns the texts, Examine all.
	Defects []Defect
	// inText are the files that stand, uuencoded, inside a text; they are among
	// Children too.
	inText []uuencoded
}

// Decode returns the content, decoded.
func (p *Part) Decode() io.Reader { return NewDecoder(p.Encoding, bytes.NewReader(p.Encoded)) }

func (p *Part) defect(found ...Defect) {
	list := defects(p.Defects)
	list.add(found...)
	p.Defects = list
}

// limited tells whether a limit kept the part from being taken apart as a whole,
// so that it is offered as it is.
func (p *Part) limited() bool {
	return defects(p.Defects).has(DefectDepthLimit, DefectPartLimit, DefectSizeLimit)
}

// Container tells a part that is nothing but its children, so that there is
// nothing to save of it by itself.
func (p *Part) Container() bool {
	return strings.HasPrefix(p.MediaType, "multipart/") && len(p.Children) > 0 && !p.limited()
}

// Inline tells whether the HTML of a message shows the part by itself.
func (p *Part) Inline() bool {
	return p.ContentID != "" && p.Disposition != "attachment" && strings.HasPrefix(p.MediaType, "image/")
}

// Message is a parsed message. It serves one goroutine at a time: views note in
// its parts what they find wrong.
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
	p := &parser{message: m, left: maxDecoded}
	header, body := splitMessage(raw)
	m.Header = header
	m.Root = p.part(header, body, "", 0, false)
	if len(m.Root.Children) == 0 || !strings.HasPrefix(m.Root.MediaType, "multipart/") {
		p.number(m.Root, "1")
	}
	m.noteDefects()
	return m
}

// noteDefects tells the reader of those defects that he should know of.
func (m *Message) noteDefects() {
	m.walk(func(part *Part) bool {
		for _, defect := range part.Defects {
			if note := defectNotes[defect]; note != "" {
				m.note(note)
			}
		}
		return true
	})
}

// parser bounds the work on one message.
type parser struct {
	message *Message
	parts   int
	left    int64 // bytes that may still be decoded to find parts in them
}

// part makes a part from its header and content, and the parts below it.
func (p *parser) part(header Header, content []byte, id string, depth int, digest bool) *Part {
	p.parts++
	part := &Part{ID: id, Header: header, Encoded: content, EncodedSize: int64(len(content)), Defects: header.defects}
	part.describe(digest)
	switch {
	case strings.HasPrefix(part.MediaType, "multipart/"):
		p.multipart(part, depth)
	case part.MediaType == "message/rfc822" || part.MediaType == "message/global":
		p.embedded(part, depth)
	case isOpaqueSigned(part):
		p.opaque(part, depth)
	case part.MediaType == "text/plain" && part.Disposition != "attachment" && transferEncoding(part.Encoding) == "":
		p.uuencoded(part)
	}
	return part
}

// describe reads what the header says about the content.
func (p *Part) describe(digest bool) {
	field := p.Header.raw("Content-Type")
	p.MediaType, p.Params = parseParameters(field)
	if !isMediaType(p.MediaType) {
		if field != "" {
			p.defect(DefectContentType)
		}
		p.MediaType = "text/plain"
		switch {
		case digest:
			p.MediaType = "message/rfc822" // RFC 2046 section 5.1.5
		case looksLikeHTML(p.Encoded):
			p.MediaType = "text/html"
			p.defect(DefectContentType)
		}
	}
	var disposition map[string]string
	p.Disposition, disposition = parseParameters(p.Header.raw("Content-Disposition"))
	p.Filename = SafeFilename(disposition["filename"])
	for _, other := range []string{disposition["name"], p.Params["name"], p.Params["filename"]} {
		if p.Filename == "" {
			p.Filename = SafeFilename(other)
		}
	}
	p.ContentID = strings.Trim(strings.TrimSpace(p.Header.raw("Content-ID")), "<>")
	p.Encoding, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(p.Header.raw("Content-Transfer-Encoding"))), ";")
	if knownEncoding := transferEncoding(p.Encoding); knownEncoding != "" && knownEncoding != "base64" && knownEncoding != "quoted-printable" && knownEncoding != "uuencode" {
		p.defect(DefectUnknownEncoding)
	}
}

// looksLikeHTML tells whether content without a type is a page, as old programs
// send it.
func looksLikeHTML(content []byte) bool {
	start := bytes.ToLower(bytes.TrimLeft(content[:min(len(content), 200)], " \t\r\n"))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

// isMediaType tells whether text is "type/subtype".
func isMediaType(text string) bool {
	kind, subtype, ok := strings.Cut(text, "/")
	return ok && isToken(kind) && isToken(subtype)
}

// multipart splits the content of a multipart. One that cannot be split is
// shown as the text that it holds.
func (p *parser) multipart(part *Part, depth int) {
	if depth >= maxDepth {
		part.defect(DefectDepthLimit)
		return
	}
	contents, found := splitParts(part.Encoded, part.Params["boundary"], maxParts-p.parts)
	if len(contents) == 0 && transferEncoding(part.Encoding) != "" {
		// RFC 2045 section 6.4 forbids it.
		part.defect(DefectEncodedMultipart)
		contents, found = splitParts(p.decode(part), part.Params["boundary"], maxParts-p.parts)
	}
	if len(contents) == 0 {
		part.MediaType = "text/plain"
		if found.add(DefectNoBoundary); found.has(DefectPartLimit) {
			found = defects{DefectPartLimit}
		}
		part.defect(found[len(found)-1])
		return
	}
	part.defect(found...)
	for i, content := range contents {
		if p.parts >= maxParts {
			part.defect(DefectPartLimit)
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
		part.defect(DefectDepthLimit)
		return
	}
	content := part.Encoded
	if encoding := transferEncoding(part.Encoding); encoding == "base64" || encoding == "quoted-printable" {
		part.defect(DefectEncodedMultipart) // RFC 2046 section 5.2.1 forbids it
		if content = p.decode(part); len(content) == 0 {
			return
		}
	}
	p.child(part, content, depth)
	if subject := part.Children[0].Header.Get("Subject"); part.Filename == "" && subject != "" {
		part.Filename = SafeFilename(strings.NewReplacer("/", "_", `\`, "_").Replace(subject) + ".eml")
	}
}

// child reads a message, or an entity, inside a part.
func (p *parser) child(part *Part, content []byte, depth int) {
	header, body := splitMessage(content)
	inner := p.part(header, body, part.ID, depth+1, false)
	if !strings.HasPrefix(inner.MediaType, "multipart/") || len(inner.Children) == 0 {
		p.number(inner, join(part.ID, 1))
	}
	part.Children = []*Part{inner}
}

// opaque reads what was signed in a part that holds signature and content in one
// (RFC 8551 section 3.5.2).
func (p *parser) opaque(part *Part, depth int) {
	if depth >= maxDepth || p.parts >= maxParts {
		part.defect(DefectDepthLimit)
		return
	}
	if content := signedContent(p.decode(part)); len(content) > 0 {
		p.child(part, content, depth)
	}
}

// uuencoded makes the files inside a text parts of it.
func (p *parser) uuencoded(part *Part) {
	if !bytes.Contains(part.Encoded, []byte("begin ")) {
		return
	}
	for _, file := range findUUencoded(part.Encoded) {
		if p.parts >= maxParts {
			part.defect(DefectPartLimit)
			return
		}
		p.parts++
		part.inText = append(part.inText, file)
		content := part.Encoded[file.start:file.end]
		part.Children = append(part.Children, &Part{
			ID: join(part.ID, len(part.Children)+1), MediaType: "application/octet-stream", Params: map[string]string{}, Disposition: "attachment",
			Filename: file.name, Encoding: "x-uuencode", Encoded: content, EncodedSize: int64(len(content)),
		})
	}
}

// decode decodes a part that holds others, within what may be decoded.
func (p *parser) decode(part *Part) []byte {
	content, err := io.ReadAll(io.LimitReader(part.Decode(), p.left+1))
	if err != nil || int64(len(content)) > p.left {
		part.defect(DefectSizeLimit)
		return nil
	}
	p.left -= int64(len(content))
	return content
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
		return strconv.Itoa(number)
	}
	return id + "." + strconv.Itoa(number)
}
