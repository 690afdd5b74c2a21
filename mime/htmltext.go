package mime

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// html adds what an HTML text says, as text.
func (b *blockBuilder) html(text string) {
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return
	}
	w := &htmlWalker{builder: b}
	w.children(root, 0, 0)
	w.flush(0)
}

// htmlWalker turns elements into paragraphs.
type htmlWalker struct {
	builder *blockBuilder
	spans   []Span
	line    strings.Builder // text since the last span
	space   bool            // white space is due before the next word
}

// blockElements end a paragraph before and after them.
var blockElements = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true,
	atom.Ul: true, atom.Ol: true, atom.Table: true, atom.Tr: true, atom.Blockquote: true, atom.Pre: true, atom.Hr: true, atom.Dl: true,
	atom.Section: true, atom.Article: true, atom.Header: true, atom.Footer: true, atom.Center: true, atom.Address: true, atom.Figure: true,
}

// silentElements say nothing to a reader.
var silentElements = map[atom.Atom]bool{
	atom.Head: true, atom.Script: true, atom.Style: true, atom.Title: true, atom.Noscript: true, atom.Template: true, atom.Object: true,
	atom.Iframe: true, atom.Svg: true, atom.Math: true, atom.Select: true, atom.Textarea: true, atom.Button: true, atom.Audio: true, atom.Video: true,
}

func (w *htmlWalker) children(node *html.Node, quote, depth int) {
	if depth > maxTreeDepth {
		return
	}
	for child := node.FirstChild; child != nil && !w.builder.full; child = child.NextSibling {
		w.node(child, quote, depth+1)
	}
}

func (w *htmlWalker) node(node *html.Node, quote, depth int) {
	switch {
	case node.Type == html.TextNode:
		w.text(node.Data)
		return
	case node.Type != html.ElementNode:
		w.children(node, quote, depth)
		return
	case silentElements[node.DataAtom] || isHidden(node):
		return
	}
	switch node.DataAtom {
	case atom.Br:
		w.line.WriteByte('\n')
		w.space = false
	case atom.Img:
		if alt := strings.TrimSpace(attribute(node, "alt")); len(alt) > 1 {
			w.text(" [" + alt + "] ")
		}
	case atom.A:
		w.link(node, quote, depth)
	case atom.Li, atom.Dt, atom.Dd:
		w.breakLine()
		if node.DataAtom == atom.Li {
			w.text("• ")
		}
		w.children(node, quote, depth)
	case atom.Td, atom.Th:
		w.space = true
		w.children(node, quote, depth)
		w.space = true
	default:
		block := blockElements[node.DataAtom]
		inner := quote
		if block {
			w.flush(quote)
		}
		if node.DataAtom == atom.Blockquote {
			inner++
		}
		w.children(node, inner, depth)
		if block {
			w.flush(inner)
		}
	}
}

// text adds words; white space between them becomes one space.
func (w *htmlWalker) text(data string) {
	for _, char := range data {
		switch char {
		case ' ', '\t', '\n', '\r', '\f', 0xa0:
			w.space = true
			continue
		case 0x200b, 0x200c, 0x200d, 0x034f, 0xfeff, 0xad: // spacers of newsletters
			continue
		}
		if char < ' ' || char == 0x7f {
			continue
		}
		if w.space && w.hasText() {
			w.line.WriteByte(' ')
		}
		w.space = false
		w.line.WriteRune(char)
	}
}

// hasText tells whether the current line has begun.
func (w *htmlWalker) hasText() bool {
	if line := w.line.String(); line != "" {
		return line[len(line)-1] != '\n'
	}
	return len(w.spans) > 0 && !strings.HasSuffix(w.spans[len(w.spans)-1].Text, "\n")
}

func (w *htmlWalker) breakLine() {
	if w.hasText() {
		w.line.WriteByte('\n')
	}
	w.space = false
}

func (w *htmlWalker) link(node *html.Node, quote, depth int) {
	address, ok := safeURL(attribute(node, "href"))
	if !ok {
		w.children(node, quote, depth)
		return
	}
	if w.space && w.hasText() {
		w.line.WriteByte(' ')
	}
	w.space = false
	w.endSpan()
	before := len(w.spans)
	w.children(node, quote, depth)
	w.endSpan()
	for i := before; i < len(w.spans); i++ {
		if w.spans[i].URL == "" && strings.TrimSpace(w.spans[i].Text) != "" {
			w.spans[i].URL = address
		}
	}
}

func (w *htmlWalker) endSpan() {
	if w.line.Len() > 0 {
		w.spans = append(w.spans, Span{Text: w.line.String()})
		w.line.Reset()
	}
}

// flush ends the paragraph.
func (w *htmlWalker) flush(quote int) {
	w.endSpan()
	spans := w.spans
	w.spans, w.space = nil, false
	for len(spans) > 0 && strings.TrimSpace(spans[0].Text) == "" {
		spans = spans[1:]
	}
	for len(spans) > 0 && strings.TrimSpace(spans[len(spans)-1].Text) == "" {
		spans = spans[:len(spans)-1]
	}
	if len(spans) > 0 {
		w.builder.addSpans(quote, spans)
	}
}

func attribute(node *html.Node, name string) string {
	for _, attr := range node.Attr {
		if attr.Key == name && attr.Namespace == "" {
			return attr.Val
		}
	}
	return ""
}

// isHidden tells whether an element is not shown, as the preview lines of
// newsletters are.
func isHidden(node *html.Node) bool {
	style := strings.ToLower(strings.ReplaceAll(attribute(node, "style"), " ", ""))
	for _, attr := range node.Attr {
		if attr.Key == "hidden" {
			return true
		}
	}
	return strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden")
}
