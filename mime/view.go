package mime

import (
	"bytes"
	"slices"
	"strings"
)

// View is a message as a page shows it.
type View struct {
	// Text is the message as text: its text part, or what its HTML says.
	Text    []Block
	HasHTML bool
	// HTML is the sanitised HTML with remote pictures blocked; empty without
	// HasHTML.
	HTML HTML
	// Parts are the parts that a reader can open or save, in order.
	Parts []*Part
	Notes []Note
	// Events are those of the invitations and calendars in the message.
	Events []Event
	// Report is what a mail server tells about a message that was sent; nil in
	// other messages.
	Report *Report
	// Doubts are marks to set beside who claims to have sent the message.
	Doubts []Doubt
}

// Block is a paragraph; newlines in its spans are line breaks that are meant.
type Block struct {
	// Quote is the depth of quotation, 0 for the sender's own words.
	Quote int
	// Signature is true for what stands below "-- ", and Attribution for the line
	// that says who wrote what is quoted next.
	Signature, Attribution bool
	// Machine is true for what a report says to programs.
	Machine bool
	Spans   []Span
}

// Span is a run of text, perhaps a link.
type Span struct {
	Text string
	// URL is empty, or an absolute http, https, mailto or tel URL.
	URL string
}

// chosen is which parts of a message make its view.
type chosen struct {
	items []item  // what is shown, one after the other
	files []*Part // all other parts
	// calendars are among files too.
	calendars []*Part
	notes     []Note
}

// item is a piece of a message that is shown: as text, as HTML, or the same in
// both forms. Texts that stand among its HTML are with that.
type item struct{ texts, html []*Part }

// choose walks the part tree and decides what is text, what is HTML and what is
// a file.
func choose(m *Message) chosen {
	var c chosen
	c.take(m.Root, 0)
	if len(c.items) == 0 && m.Root != nil && m.Root.MediaType == "message/rfc822" {
		c.embedded(m.Root)
	}
	return c
}

// hasHTML tells whether anything is there as HTML.
func (c *chosen) hasHTML() bool {
	return slices.ContainsFunc(c.items, func(item item) bool { return hasContent(item.html) })
}

func (c *chosen) take(part *Part, depth int) {
	if part == nil || depth > 2*maxDepth {
		return
	}
	switch {
	case part.MediaType == "multipart/alternative" && len(part.Children) > 0:
		c.alternative(part, depth)
	case part.MediaType == "multipart/encrypted":
		c.notes = append(c.notes, NoteEncrypted)
		c.files = append(c.files, leaves(part)...)
	case part.MediaType == "multipart/appledouble" && len(part.Children) == 2:
		c.take(part.Children[1], depth+1) // the first holds what only a Mac needs
	case strings.HasPrefix(part.MediaType, "multipart/"):
		if part.MediaType == "multipart/signed" {
			c.notes = append(c.notes, NoteSigned)
		}
		for _, child := range part.Children {
			c.take(child, depth+1)
			if part.MediaType == "multipart/digest" && child.MediaType == "message/rfc822" {
				c.embedded(child)
			}
		}
	case part.MediaType == "application/pkcs7-mime" || part.MediaType == "application/x-pkcs7-mime":
		c.smime(part, depth)
	case isText(part) && part.MediaType == "text/html":
		c.items = append(c.items, item{html: []*Part{part}})
	case isText(part):
		c.items = append(c.items, item{texts: []*Part{part}})
		c.files = append(c.files, part.Children...)
	default:
		c.files = append(c.files, part)
		if isCalendar(part) {
			c.calendars = append(c.calendars, part)
		}
	}
	if part.limited() && !slices.Contains(c.files, part) {
		c.files = append(c.files, part) // what was not taken apart
	}
}

// embedded shows a message that is not an attachment to something: one of a
// digest, or all that there is. It is a file too, with its own files in it.
func (c *chosen) embedded(part *Part) {
	if len(part.Children) != 1 || len(c.items) >= maxEmbedded {
		return
	}
	inner := choose(&Message{Root: part.Children[0]})
	c.items = append(c.items, item{texts: []*Part{part}})
	c.items = append(c.items, inner.items...)
	c.notes = append(c.notes, inner.notes...)
}

// smime takes a part of S/MIME: what was signed in it, or the part itself when it
// is encrypted.
func (c *chosen) smime(part *Part, depth int) {
	if part.Params["smime-type"] == "signed-data" || len(part.Children) > 0 {
		c.notes = append(c.notes, NoteSigned)
	} else if part.Params["smime-type"] != "certs-only" {
		c.notes = append(c.notes, NoteEncrypted)
	}
	for _, child := range part.Children {
		c.take(child, depth+1)
	}
	c.files = append(c.files, part)
}

// alternative takes the text and the HTML of a multipart/alternative: the same
// content twice. Other alternatives, such as invitations, are offered as files.
func (c *chosen) alternative(part *Part, depth int) {
	var both item
	for _, child := range part.Children {
		var inner chosen
		inner.take(child, depth+1)
		first, rich := len(both.texts) == 0, inner.hasHTML()
		for _, found := range inner.items {
			if first && (!rich || len(found.html) > 0) {
				both.texts = append(both.texts, found.texts...)
			}
			if len(found.html) == 0 && rich {
				found.html = found.texts // a text among HTML is part of that form
			}
			both.html = append(both.html, found.html...)
		}
		c.files = append(c.files, inner.files...)
		c.notes = append(c.notes, inner.notes...)
		c.calendars = append(c.calendars, inner.calendars...)
	}
	if len(both.texts)+len(both.html) > 0 {
		c.items = append(c.items, both)
	}
}

// isText tells a text that is part of the message from one that came as a file.
func isText(part *Part) bool {
	if part.Disposition == "attachment" {
		return false
	}
	switch part.MediaType {
	case "text/html", "text/plain":
		return part.Filename == "" || part.Disposition == "inline" && part.ID == "1"
	case "text/enriched", "text/richtext", "text/markdown", "text/x-amp-html":
		return part.Filename == "" && part.MediaType != "text/x-amp-html"
	case "message/delivery-status", "text/rfc822-headers":
		return true
	}
	return false
}

func leaves(part *Part) []*Part {
	if len(part.Children) == 0 || !strings.HasPrefix(part.MediaType, "multipart/") {
		return []*Part{part}
	}
	var all []*Part
	for _, child := range part.Children {
		all = append(all, leaves(child)...)
	}
	return all
}

// TextParts returns the parts that must be at hand to show a message: its texts,
// its HTML, and the pictures that the HTML may hold.
func TextParts(m *Message) []*Part {
	c := choose(m)
	var parts, html []*Part
	for _, item := range c.items {
		for _, part := range item.texts {
			if len(part.Children) == 0 || len(part.inText) > 0 {
				parts = append(parts, part)
			}
		}
		html = append(html, item.html...)
	}
	parts = append(parts, html...)
	for _, part := range c.calendars {
		if part.EncodedSize <= 2*maxCalendar {
			parts = append(parts, part)
		}
	}
	if len(html) == 0 {
		return parts
	}
	left := int64(maxImages)
	for _, file := range c.files {
		if file.ContentID != "" && strings.HasPrefix(file.MediaType, "image/") && file.EncodedSize <= maxImage*4/3 && file.EncodedSize <= left {
			left -= file.EncodedSize
			parts = append(parts, file)
		}
	}
	return parts
}

// Render makes the view of a message.
func Render(m *Message) View {
	c := choose(m)
	b := &blockBuilder{}
	for _, item := range c.items {
		if b.full {
			break
		}
		b.item(item)
	}
	view := View{HasHTML: c.hasHTML(), Parts: c.files}
	if view.HasHTML {
		view.HTML = safeHTML(c, HTMLOptions{})
	}
	for _, part := range c.calendars {
		data, _ := decodeText(part, maxCalendar)
		text, _ := decodeCharset(part.Params["charset"], data)
		view.Events = append(view.Events, ParseCalendar(text, part.Params["method"])...)
	}
	if len(b.blocks) == 0 && !view.HasHTML {
		for _, event := range view.Events {
			b.add(0, event.text())
		}
	}
	view.Report, view.Doubts = reportOf(m), Doubts(m.Header)
	m.noteDefects()
	notes := &Message{}
	for _, note := range append(append([]Note{}, m.Notes...), c.notes...) {
		notes.note(note)
	}
	for _, note := range b.notes {
		notes.note(note)
	}
	if b.full {
		notes.note(NoteTruncated)
	}
	view.Text, view.Notes = b.blocks, notes.Notes
	return view
}

// Text is the decoded text of a text part, up to 1 MiB, or 2 MiB of HTML. Its
// lines end as they do in the message.
func (p *Part) Text() string { return partText(p).text }

// TextOfHTML is what HTML says as text.
func TextOfHTML(markup string) []Block {
	b := &blockBuilder{}
	b.html(markup[:min(len(markup), maxHTML)])
	return b.blocks
}

// HasHTML tells whether a message has an HTML view.
func HasHTML(m *Message) bool {
	c := choose(m)
	return c.hasHTML()
}

func hasContent(parts []*Part) bool {
	for _, part := range parts {
		if len(bytes.TrimSpace(part.Encoded)) > 0 {
			return true
		}
	}
	return false
}

// metaCharset finds the charset that an HTML text names itself.
func metaCharset(data []byte) string {
	head := bytes.ToLower(data[:min(len(data), 2048)])
	at := bytes.Index(head, []byte("charset="))
	if at < 0 {
		return ""
	}
	value := bytes.TrimLeft(head[at+len("charset="):], `"' `)
	if end := bytes.IndexAny(value, `"'>; /`); end >= 0 {
		return string(value[:end])
	}
	return ""
}
