package mime

import (
	"strconv"
	"strings"

	"golang.org/x/net/html/atom"
)

// html adds what an HTML text says, as text.
func (b *blockBuilder) html(text string) {
	w := &htmlWalker{builder: b}
	scanHTML(text, w)
	w.flush()
}

// htmlWalker turns elements into paragraphs.
type htmlWalker struct {
	builder *blockBuilder
	spans   []Span
	line    strings.Builder // text since the last span
	endsBy  byte            // the last byte of the paragraph so far
	space   bool            // white space is due before the next word
	quote   int
	// stack says what the end of each open element ends.
	stack  []openElement
	hidden int // open elements that are not shown
	pre    int
	lists  []list
	tables []table
}

type openElement struct {
	name   atom.Atom
	hidden bool
	signed bool   // a signature, as some programs mark theirs
	link   int    // the number of spans before a link; -1 for no link
	url    string // of the link
}

// list counts the items of a list.
type list struct {
	ordered bool
	next    int
}

// table tells a table of data from one that only arranges: its cells are kept
// apart.
type table struct {
	data  bool
	cells int // in the row so far
}

func (w *htmlWalker) enough() bool      { return w.builder.full }
func (w *htmlWalker) styleSheet(string) {}

func (w *htmlWalker) start(t *tag) {
	if elements[t.name]&void == 0 {
		opened := openElement{name: t.name, hidden: isHidden(t), link: -1}
		if opened.hidden {
			w.hidden++
		}
		if opened.signed = !w.builder.signature && isSignature(t); opened.signed && w.hidden == 0 {
			w.flush()
			w.builder.signature = true
		}
		defer func() { w.stack = append(w.stack, opened) }()
		if t.name == atom.A && w.hidden == 0 {
			if address, ok := safeURL(cleanAddress(t.get("href"))); ok {
				w.beginLink()
				opened.link, opened.url = len(w.spans), address
			}
		}
	}
	if w.hidden > 0 {
		return
	}
	if elements[t.name]&block != 0 && t.name != atom.Tr && t.name != atom.Ul && t.name != atom.Ol || len(w.lists) == 0 && (t.name == atom.Ul || t.name == atom.Ol) {
		w.flush()
	}
	switch t.name {
	case atom.Br:
		w.newline()
	case atom.Img:
		if alt := strings.TrimSpace(t.get("alt")); len(alt) > 1 {
			w.text(" [" + alt + "] ")
		}
	case atom.Blockquote:
		w.quote++
	case atom.Pre:
		w.pre++
	case atom.Ul, atom.Ol:
		first, err := strconv.Atoi(t.get("start"))
		if err != nil {
			first = 1
		}
		w.lists = append(w.lists, list{t.name == atom.Ol, first})
	case atom.Li:
		w.item()
	case atom.Dt, atom.Dd:
		w.breakLine()
	case atom.Table:
		border := t.get("border")
		w.tables = append(w.tables, table{data: border != "" && border != "0"})
	case atom.Tr:
		w.row()
	case atom.Td, atom.Th:
		w.cell(t.name == atom.Th)
	}
}

func (w *htmlWalker) end(name atom.Atom) {
	last := len(w.stack) - 1
	closed := w.stack[last]
	w.stack = w.stack[:last]
	if w.hidden > 0 {
		if closed.hidden {
			w.hidden--
		}
		return
	}
	if closed.link >= 0 {
		w.endLink(closed)
		w.warn(closed)
	}
	if closed.signed {
		w.flush()
		w.builder.signature = false
	}
	nested := (name == atom.Ul || name == atom.Ol) && len(w.lists) > 1
	if elements[name]&block != 0 && name != atom.Tr && !nested {
		w.flush()
	}
	switch name {
	case atom.Blockquote:
		w.quote--
	case atom.Pre:
		w.pre--
	case atom.Ul, atom.Ol:
		w.lists = w.lists[:len(w.lists)-1]
	case atom.Table:
		w.tables = w.tables[:len(w.tables)-1]
	case atom.Td, atom.Th, atom.Caption:
		w.space = true
	}
}

// item begins an item of a list, indented in lists within lists.
func (w *htmlWalker) item() {
	w.breakLine()
	mark := "• "
	if depth := len(w.lists); depth > 0 {
		w.write(strings.Repeat("  ", min(depth, maxQuote)-1))
		if inner := &w.lists[depth-1]; inner.ordered {
			mark = strconv.Itoa(inner.next) + ". "
			inner.next++
		}
	}
	w.write(mark)
}

// row begins a row: a line in a table of data, a paragraph in one that arranges.
func (w *htmlWalker) row() {
	if len(w.tables) == 0 {
		return
	}
	inner := &w.tables[len(w.tables)-1]
	inner.cells = 0
	if inner.data {
		w.breakLine()
	} else {
		w.flush()
	}
}

func (w *htmlWalker) cell(heading bool) {
	if len(w.tables) == 0 {
		return
	}
	inner := &w.tables[len(w.tables)-1]
	inner.data = inner.data || heading
	if inner.cells++; inner.data && inner.cells > 1 {
		w.write(" | ")
	}
	w.space = w.space || !inner.data
}

// text adds words; white space between them becomes one space.
func (w *htmlWalker) text(data string) {
	if w.hidden > 0 {
		return
	}
	for _, char := range data {
		switch char {
		case ' ', '\t', '\n', '\r', '\f', 0xa0:
			if w.pre > 0 && char == '\n' {
				w.newline()
			} else if w.pre > 0 {
				w.write(" ")
			} else {
				w.space = true
			}
			continue
		case 0x200c, 0x200d: // they join what stands on both sides
			if w.endsBy == 'x' && !w.space {
				w.line.WriteRune(char)
				w.endsBy = 'j'
			}
			continue
		}
		if char < ' ' || char >= 0x7f && char < 0xa0 || isInvisible(char) {
			continue
		}
		w.spaceDue()
		w.line.WriteRune(char)
		w.endsBy = 'x'
	}
}

// write adds text as it is.
func (w *htmlWalker) write(text string) {
	if text != "" {
		w.line.WriteString(text)
		w.endsBy, w.space = text[len(text)-1], false
	}
}

func (w *htmlWalker) spaceDue() {
	if w.space && w.endsBy != 0 && w.endsBy != '\n' && w.endsBy != ' ' {
		w.line.WriteByte(' ')
	}
	w.space = false
}

func (w *htmlWalker) newline() { w.write("\n") }

// breakLine begins a new line unless one has just begun.
func (w *htmlWalker) breakLine() {
	if w.endsBy != 0 && w.endsBy != '\n' {
		w.newline()
	}
	w.space = false
}

func (w *htmlWalker) beginLink() {
	w.spaceDue()
	w.endSpan()
}

// endLink makes what was added since its beginning a link. A paragraph may
// have ended inside it: then what follows is none.
func (w *htmlWalker) endLink(link openElement) {
	w.endSpan()
	for i := min(link.link, len(w.spans)); i < len(w.spans); i++ {
		if w.spans[i].URL == "" && strings.TrimSpace(w.spans[i].Text) != "" {
			w.spans[i].URL = link.url
		}
	}
}

// warn writes where a link leads whose text names another place.
func (w *htmlWalker) warn(link openElement) {
	var text strings.Builder
	for i := min(link.link, len(w.spans)); i < len(w.spans) && text.Len() < maxURL; i++ {
		text.WriteString(w.spans[i].Text)
	}
	if other := otherHost(text.String(), link.url); other != "" {
		w.write(" [" + other + "]")
	}
}

func (w *htmlWalker) endSpan() {
	if w.line.Len() > 0 {
		w.spans = append(w.spans, Span{Text: w.line.String()})
		w.line.Reset()
	}
}

// flush ends the paragraph, and goes on with links that are open.
func (w *htmlWalker) flush() {
	for i := range w.stack {
		if w.stack[i].link >= 0 {
			w.endLink(w.stack[i])
			w.stack[i].link = 0
		}
	}
	w.endSpan()
	spans := w.spans
	w.spans, w.space, w.endsBy = nil, false, 0
	for len(spans) > 0 && strings.TrimSpace(spans[0].Text) == "" {
		spans = spans[1:]
	}
	for len(spans) > 0 && strings.TrimSpace(spans[len(spans)-1].Text) == "" {
		spans = spans[:len(spans)-1]
	}
	if len(spans) > 0 {
		spans[len(spans)-1].Text = strings.TrimRight(spans[len(spans)-1].Text, " \n|")
		w.builder.addSpans(w.quote, spans)
	}
}

// isSignature tells whether an element is a signature as Gmail, Thunderbird and
// others mark it.
func isSignature(t *tag) bool {
	for _, name := range strings.Fields(t.get("class")) {
		switch name {
		case "gmail_signature", "moz-signature", "moz-txt-sig", "signature":
			return true
		}
	}
	return t.get("id") == "Signature" || t.get("id") == "signature"
}

// isHidden tells whether an element is not shown, as the preview lines of
// newsletters are.
func isHidden(t *tag) bool {
	_, hidden := t.lookup("hidden")
	style := t.get("style")
	return hidden || style != "" && len(style) <= maxAttribute && hides(style)
}
