package mime

import (
	"strings"

	"golang.org/x/net/html/atom"
)

// HTMLOptions say what the HTML of a message may do.
type HTMLOptions struct {
	// AllowRemote keeps pictures from other machines, over https. (Those with
	// an http address are asked for over https.)
	AllowRemote bool
}

// HTML is sanitised HTML: the inner content of a body element.
type HTML struct {
	Markup string
	// BlockedRemote counts the pictures that AllowRemote would show. Pictures of
	// one pixel, which only report that a message was read, are never shown.
	BlockedRemote int
	Truncated     bool
	// OwnColours tells that the message sets colours of its own. Then a dark page
	// shows it on white, as its author saw it; without them it may turn dark.
	OwnColours bool
}

// SafeHTML sanitises the HTML of a message. What is not known to be harmless is
// left out: elements, attributes, style properties and URL schemes are allowed
// by list. Nothing in the result refers to anything remote, except links that a
// reader follows, and https pictures with AllowRemote.
//
// The result is written anew from tokens: balanced, everything escaped, without
// comments and without text that is read in another way than HTML. However a
// browser nests its elements, each of them is an allowed one.
func SafeHTML(m *Message, options HTMLOptions) HTML { return safeHTML(choose(m), options) }

func safeHTML(c chosen, options HTMLOptions) HTML {
	s := &sanitizer{options: options}
	for _, file := range c.files {
		s.pictures.addPart(file)
	}
	for _, item := range c.items {
		if s.truncated {
			break
		}
		s.item(item)
	}
	return HTML{Markup: s.out.String(), BlockedRemote: s.blocked, Truncated: s.truncated, OwnColours: s.colours}
}

// item writes a piece of a message: its HTML, or its text as HTML.
func (s *sanitizer) item(item item) {
	if !hasContent(item.html) {
		b := &blockBuilder{}
		b.item(item)
		s.blocks(b.blocks)
		return
	}
	for _, part := range item.html {
		if part.MediaType != "text/html" {
			b := &blockBuilder{}
			b.part(part)
			s.blocks(b.blocks)
			continue
		}
		text := partText(part)
		s.out.Grow(len(text.text))
		scanHTML(s.pictures.pullData(text.text), s)
		s.truncated = s.truncated || text.cut
	}
}

// blocks writes text as HTML, quotations in blockquotes.
func (s *sanitizer) blocks(blocks []Block) {
	depth := 0
	for _, block := range blocks {
		for ; depth < block.Quote; depth++ {
			s.out.WriteString("<blockquote>")
		}
		for ; depth > block.Quote; depth-- {
			s.out.WriteString("</blockquote>")
		}
		s.out.WriteString(`<p style="white-space:pre-wrap">`)
		for _, span := range block.Spans {
			if span.URL == "" {
				s.escape(span.Text)
				continue
			}
			s.out.WriteString("<a")
			s.href(span.URL)
			s.out.WriteByte('>')
			s.escape(span.Text)
			s.out.WriteString("</a>")
		}
		s.out.WriteString("</p>")
	}
	s.out.WriteString(strings.Repeat("</blockquote>", depth))
	s.link.address = ""
}

// sanitizer writes what is allowed of what scanHTML reads.
type sanitizer struct {
	options   HTMLOptions
	pictures  pictures
	out       strings.Builder
	sheets    int  // bytes of style sheets so far
	inBody    bool // the body element was written, as a div
	blocked   int
	truncated bool
	colours   bool
	link      linkText
	// styles are what became of style attributes, without those that have
	// pictures, which are counted. Newsletters repeat a few of them all the time.
	styles map[string]string
}

// linkText is the link that is open, and the text in it so far.
type linkText struct {
	address string
	text    strings.Builder
}

func (s *sanitizer) enough() bool {
	if s.out.Len()-s.pictures.written > maxHTML {
		s.truncated = true
	}
	return s.truncated
}

func (s *sanitizer) start(t *tag) {
	name := t.name.String()
	switch t.name {
	case atom.Img:
		s.picture(t)
		return
	case atom.Body:
		if s.inBody = len(t.attrs) > 0; !s.inBody {
			return
		}
		name = "div" // it keeps the colours of the body
	}
	if t.name == atom.A {
		s.link = linkText{}
	}
	s.out.WriteByte('<')
	s.out.WriteString(name)
	s.attributes(t)
	s.out.WriteByte('>')
}

func (s *sanitizer) end(name atom.Atom) {
	if name == atom.Body {
		if s.inBody {
			s.out.WriteString("</div>")
		}
		return
	}
	if name == atom.A {
		s.warn()
	}
	s.out.WriteString("</")
	s.out.WriteString(name.String())
	s.out.WriteByte('>')
}

// warn writes where a link leads whose text names another place. No style of the
// message reaches what it writes.
func (s *sanitizer) warn() {
	if s.link.address == "" {
		return
	}
	if other := otherHost(s.link.text.String(), s.link.address); other != "" {
		s.out.WriteString(` <span style="all:initial!important;color:#b3261e!important;font:bold 13px sans-serif!important">[`)
		s.escape(other)
		s.out.WriteString("]</span>")
	}
	s.link.address = ""
}

func (s *sanitizer) text(data string) {
	if s.link.address != "" && s.link.text.Len() < maxURL {
		s.link.text.WriteString(data[:min(len(data), maxURL)])
	}
	s.escape(data)
}

// escaper makes text that no context of HTML can mistake for markup. Control
// characters go: parsers differ about them.
var escaper = func() *strings.Replacer {
	pairs := []string{"&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "\x7f", ""}
	for char := range byte(' ') {
		if char != '\t' && char != '\n' {
			pairs = append(pairs, string(rune(char)), "")
		}
	}
	return strings.NewReplacer(pairs...)
}()

func (s *sanitizer) escape(text string) { escaper.WriteString(&s.out, text) }

// picture writes an img, or the text that stands for it when the picture is
// not shown.
func (s *sanitizer) picture(t *tag) {
	width, height := strings.TrimSpace(t.get("width")), strings.TrimSpace(t.get("height"))
	pixel := (width == "0" || width == "1") && (height == "0" || height == "1")
	address := t.get("src")
	if address == "" {
		address, _, _ = strings.Cut(strings.TrimSpace(t.get("srcset")), " ")
	}
	source, remote := s.pictures.find(address)
	switch {
	case pixel && remote:
		return
	case remote && !s.options.AllowRemote:
		s.blocked++
		source = ""
	}
	if source == "" {
		s.escape(strings.TrimSpace(t.get("alt")))
		return
	}
	s.out.WriteString("<img")
	s.attribute("src", source)
	if remote {
		s.attribute("referrerpolicy", "no-referrer")
	}
	s.attributes(t)
	s.out.WriteByte('>')
}
