package mime

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Bounds on reading HTML. What is beyond them is read over, not failed at.
const (
	// maxOpen bounds how deep elements are nested; deeper ones lose their tags.
	// Browsers stop at 512.
	maxOpen = 200
	// maxToken bounds a tag, a comment or a run of text, in bytes. Longer text
	// comes in pieces, a longer tag is left out.
	maxToken = 64 << 10
	// maxTagAttributes bounds the attributes of a tag that are looked at.
	maxTagAttributes = 100
)

// tag is a start tag. Its attributes are those that this package knows, in
// order; the first of a name counts.
type tag struct {
	name  atom.Atom
	attrs []attribute
}

type attribute struct{ key, value string }

func (t *tag) get(key string) string {
	value, _ := t.lookup(key)
	return value
}

func (t *tag) lookup(key string) (string, bool) {
	for _, attr := range t.attrs {
		if attr.key == key {
			return attr.value, true
		}
	}
	return "", false
}

// htmlSink receives HTML as balanced events: for every start of an element that
// is not void there is exactly one end, in the right order.
type htmlSink interface {
	start(*tag)
	end(atom.Atom)
	text(string)
	styleSheet(string)
	// enough tells that nothing more is wanted.
	enough() bool
}

// scanHTML reads HTML as a stream of tokens with a bounded stack of its own,
// instead of building the tree of the HTML standard: the standard's algorithm
// copies formatting elements (section 13.2.6.4.7, "adoption agency"), so that a
// few bytes can cost megabytes. A misnested end tag therefore ends what was
// opened inside, and that is not opened again.
func scanHTML(text string, sink htmlSink) {
	s := &htmlScanner{reader: newHTMLReader(text), sink: sink, count: map[atom.Atom]int{}}
	for !sink.enough() && s.token() {
	}
	s.endStyle()
	s.closeTo(0)
}

type openTag struct {
	name atom.Atom
	kind elementKind
}

type htmlScanner struct {
	reader *htmlReader
	sink   htmlSink
	open   []openTag
	// count says how many elements of a name are open, so that most are not
	// looked for at all.
	count map[atom.Atom]int
	// tooDeep counts the start tags beyond maxOpen whose end tags are to come.
	tooDeep int
	// foreign is svg or math while inside it, foreignDepth how many times.
	foreign      atom.Atom
	foreignDepth int
	// raw is the element whose content is the next text: script, style, title…
	raw   atom.Atom
	style strings.Builder // the style sheet that is being read
	tag   tag
}

// token handles the next token; false at the end.
func (s *htmlScanner) token() bool {
	switch s.reader.next() {
	case html.ErrorToken:
		return false
	case html.TextToken:
		s.text(s.reader.tokenizer.Text())
	case html.StartTagToken, html.SelfClosingTagToken:
		s.startTag()
	case html.EndTagToken:
		name, _ := s.reader.tokenizer.TagName()
		s.raw = 0
		s.endTag(atom.Lookup(name))
	}
	return true
}

func (s *htmlScanner) text(data []byte) {
	switch {
	case s.foreign != 0, unreadText[s.raw]:
	case s.raw == atom.Style:
		s.style.Write(data[:min(len(data), maxCSS-s.style.Len())])
	default:
		s.sink.text(string(data))
	}
}

// endStyle hands over a style sheet, whose text may have come in pieces.
func (s *htmlScanner) endStyle() {
	if s.style.Len() > 0 {
		s.sink.styleSheet(s.style.String())
		s.style.Reset()
	}
}

// unreadText holds the elements whose raw text is not for readers.
var unreadText = map[atom.Atom]bool{atom.Script: true, atom.Title: true, atom.Iframe: true}

// rawText holds the elements after which the tokenizer does not look for tags.
var rawText = map[atom.Atom]bool{
	atom.Iframe: true, atom.Plaintext: true, atom.Script: true, atom.Style: true, atom.Textarea: true, atom.Title: true, atom.Xmp: true,
}

func (s *htmlScanner) startTag() {
	s.endStyle()
	name, more := s.reader.tokenizer.TagName()
	s.tag.name, s.tag.attrs, s.raw = atom.Lookup(name), s.tag.attrs[:0], 0
	s.reader.raw = ""
	switch {
	case s.tag.name == atom.Noscript || s.tag.name == atom.Noframes || s.tag.name == atom.Noembed:
		s.reader.tokenizer.NextIsNotRawText() // no script runs, no frame opens: their content is shown
	case rawText[s.tag.name]:
		s.raw, s.reader.raw = s.tag.name, string(name)
	}
	if s.inForeign() || s.tag.name == 0 {
		s.reader.skipAttributes(more)
		return
	}
	s.tag.attrs = s.reader.attributes(s.tag.attrs, more)
	kind, known := elements[s.tag.name]
	if !known {
		return
	}
	if kind&void != 0 {
		s.implyEnds(s.tag.name)
		s.sink.start(&s.tag)
		return
	}
	s.push(kind)
}

// inForeign keeps track of svg and math, which are left out with what is in
// them. As in the standard (section 13.2.6.5) an HTML element ends them.
func (s *htmlScanner) inForeign() bool {
	name := s.tag.name
	switch {
	case s.foreign == 0 && (name == atom.Svg || name == atom.Math):
		s.foreign, s.foreignDepth = name, 0
		fallthrough
	case s.foreign != 0 && name == s.foreign:
		if s.reader.kind == html.StartTagToken {
			s.foreignDepth++
		}
		if s.foreignDepth == 0 {
			s.foreign = 0
		}
		return true
	case s.foreign != 0 && elements[name]&breaksOut != 0:
		s.foreign = 0
	}
	return s.foreign != 0
}

// push opens an element.
func (s *htmlScanner) push(kind elementKind) {
	name := s.tag.name
	if name == atom.Body && len(s.open) > 0 {
		return // only the outermost counts
	}
	s.implyEnds(name)
	if kind&needsTable != 0 && s.count[atom.Table] == 0 {
		return
	}
	if len(s.open) == maxOpen {
		s.tooDeep++
		return
	}
	s.open = append(s.open, openTag{name, kind})
	s.count[name]++
	s.sink.start(&s.tag)
}

// implyEnds ends the elements that the start of another one ends: the end tags
// of p, li, td and others may be left out (HTML section 13.1.2.4).
func (s *htmlScanner) implyEnds(name atom.Atom) {
	kind := elements[name]
	if kind&endsParagraph != 0 {
		s.closeOpen(scopeBarrier, atom.P)
	}
	switch name {
	case atom.A:
		s.closeOpen(scopeBarrier, atom.A)
	case atom.Li:
		s.closeOpen(listBarrier, atom.Li)
	case atom.Dt, atom.Dd:
		s.closeOpen(listBarrier, atom.Dt, atom.Dd)
	case atom.Td, atom.Th:
		s.closeOpen(tableBarrier, atom.Td, atom.Th, atom.Caption)
	case atom.Tr:
		s.closeOpen(tableBarrier, atom.Tr, atom.Caption, atom.Colgroup)
	case atom.Tbody, atom.Thead, atom.Tfoot, atom.Colgroup, atom.Caption:
		s.closeOpen(tableBarrier, atom.Tbody, atom.Thead, atom.Tfoot, atom.Colgroup, atom.Caption)
	case atom.Table:
		s.closeOpen(cellBarrier, atom.Table)
	}
}

// endTag handles an end tag. One that ends nothing is ignored.
func (s *htmlScanner) endTag(name atom.Atom) {
	s.endStyle()
	s.reader.raw = ""
	if s.foreign != 0 {
		if name == s.foreign {
			if s.foreignDepth--; s.foreignDepth == 0 {
				s.foreign = 0
			}
		}
		return
	}
	kind := elements[name]
	switch {
	case name == atom.Br:
		s.tag.name, s.tag.attrs = atom.Br, nil
		s.sink.start(&s.tag) // browsers take </br> for <br>
	case kind == 0 || kind&void != 0 || name == atom.Body:
	case s.tooDeep > 0:
		s.tooDeep--
	case name == atom.Table:
		s.closeOpen(0, atom.Table)
	case kind&needsTable != 0:
		s.closeOpen(tableBarrier, name)
	default:
		s.closeOpen(scopeBarrier, name)
	}
}

// closeOpen ends the innermost open element of some names, and what is open
// inside it, unless a barrier stands before it.
func (s *htmlScanner) closeOpen(barrier elementKind, names ...atom.Atom) {
	if !slices.ContainsFunc(names, func(name atom.Atom) bool { return s.count[name] > 0 }) {
		return
	}
	for i := len(s.open) - 1; i >= 0; i-- {
		if slices.Contains(names, s.open[i].name) {
			s.closeTo(i)
			return
		}
		if s.open[i].kind&barrier != 0 {
			return
		}
	}
}

func (s *htmlScanner) closeTo(depth int) {
	for len(s.open) > depth {
		last := len(s.open) - 1
		name := s.open[last].name
		s.count[name]--
		s.open = s.open[:last]
		s.sink.end(name)
	}
}

// htmlReader is x/net's tokenizer with bounded tokens. It starts a new one
// where a token is too large, and after a tag of very many attributes, whose
// names a tokenizer would clear away again at every later tag.
type htmlReader struct {
	source     string
	tokenizer  *html.Tokenizer
	kind       html.TokenType
	start, pos int    // where the current token begins and ends
	raw        string // the element whose raw text is being read
}

func newHTMLReader(source string) *htmlReader {
	r := &htmlReader{source: source}
	r.restart()
	return r
}

// restart reads on at pos.
func (r *htmlReader) restart() {
	r.tokenizer = html.NewTokenizerFragment(strings.NewReader(r.source[r.pos:]), r.raw)
	r.tokenizer.SetMaxBuf(maxToken)
}

func (r *htmlReader) next() html.TokenType {
	for {
		kind := r.tokenizer.Next()
		if kind != html.ErrorToken {
			r.kind, r.start = kind, r.pos
			r.pos += len(r.tokenizer.Raw())
			return kind
		}
		if !errors.Is(r.tokenizer.Err(), html.ErrBufferExceeded) || r.pos >= len(r.source) {
			return kind
		}
		r.skipOversized()
		r.restart()
	}
}

// skipOversized moves to where reading can go on: text and raw text right
// there, otherwise behind the comment or tag that was too large.
func (r *htmlReader) skipOversized() {
	rest := r.source[r.pos:]
	switch {
	case r.kind == html.CommentToken && strings.HasPrefix(r.source[r.start:], "<!--") && !strings.HasSuffix(r.source[r.start:r.pos], "-->"):
		r.kind = html.TextToken
		r.skipPast("-->")
	case r.raw == "" && strings.HasPrefix(rest, "<"):
		r.skipPast(">")
	case r.raw == "" && r.source[max(r.pos-1, 0)] == '<':
		r.pos-- // the piece of text ended inside the next tag
	}
}

func (r *htmlReader) skipPast(end string) {
	if at := strings.Index(r.source[r.pos:], end); at >= 0 {
		r.pos += at + len(end)
	} else {
		r.pos = len(r.source)
	}
}

// attributes appends the known attributes of the current tag.
func (r *htmlReader) attributes(list []attribute, more bool) []attribute {
	count := 0
	for more && count < maxTagAttributes {
		var key, value []byte
		key, value, more = r.tokenizer.TagAttr()
		count++
		if known := attributeNames[string(key)]; known != "" {
			list = append(list, attribute{known, string(value)})
		}
	}
	if more {
		r.restart()
	}
	return list
}

func (r *htmlReader) skipAttributes(more bool) {
	for range maxTagAttributes {
		if !more {
			return
		}
		_, _, more = r.tokenizer.TagAttr()
	}
	r.restart()
}
