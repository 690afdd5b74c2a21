package mime

import (
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// HTMLOptions say what the HTML of a message may do.
type HTMLOptions struct {
	// AllowRemote keeps images from https addresses.
	AllowRemote bool
}

// HTML is sanitised HTML: the inner content of a body element.
type HTML struct {
	Markup string
	// BlockedRemote counts what was left out because it is remote.
	BlockedRemote int
	Truncated     bool
}

// SafeHTML sanitises the HTML of a message. What is not known to be harmless is
// left out: elements, attributes, style properties and URL schemes are allowed
// by list. Nothing in the result refers to anything remote, except links that a
// reader follows, and https images with AllowRemote.
func SafeHTML(m *Message, options HTMLOptions) HTML {
	s := &sanitizer{options: options, images: map[string]string{}}
	c := choose(m)
	for _, file := range c.files {
		if file.ContentID != "" && file.Disposition != "attachment" {
			s.addImage(file)
		}
	}
	ignored := &Message{}
	for _, part := range c.html {
		text, cut := partText(part, ignored)
		s.truncated = s.truncated || cut
		s.document(text)
	}
	return HTML{Markup: s.out.String(), BlockedRemote: s.blocked, Truncated: s.truncated}
}

// sanitizer writes what is allowed of a tree.
type sanitizer struct {
	options   HTMLOptions
	images    map[string]string // content id → data URI
	imageSize int
	out       strings.Builder
	blocked   int
	truncated bool
}

// dataTypes are the types of pictures that may be part of the HTML.
var dataTypes = []string{"image/png", "image/jpeg", "image/gif", "image/webp"}

// addImage keeps a picture of the message as a data URI. Its type is what its
// bytes say.
func (s *sanitizer) addImage(part *Part) {
	if len(part.Encoded) == 0 || s.imageSize >= maxImages {
		return
	}
	data, err := io.ReadAll(io.LimitReader(part.Decode(), maxImage+1))
	kind := http.DetectContentType(data)
	if err != nil || len(data) > maxImage || !slices.Contains(dataTypes, kind) {
		return
	}
	s.imageSize += len(data)
	s.images[part.ContentID] = "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data)
}

// document sanitises one HTML text.
func (s *sanitizer) document(text string) {
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		s.truncated = true
		return
	}
	s.node(root, 0)
}

// allowedElements maps elements to whether they have an end tag.
var allowedElements = func() map[atom.Atom]bool {
	allowed := map[atom.Atom]bool{atom.Br: false, atom.Hr: false, atom.Img: false, atom.Col: false, atom.Wbr: false}
	for _, element := range []atom.Atom{
		atom.A, atom.Abbr, atom.Address, atom.Article, atom.Aside, atom.B, atom.Bdi, atom.Bdo, atom.Big, atom.Blockquote, atom.Caption,
		atom.Center, atom.Cite, atom.Code, atom.Colgroup, atom.Dd, atom.Del, atom.Details, atom.Dfn, atom.Div, atom.Dl, atom.Dt, atom.Em,
		atom.Figcaption, atom.Figure, atom.Font, atom.Footer, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Header, atom.I,
		atom.Ins, atom.Kbd, atom.Li, atom.Main, atom.Mark, atom.Nav, atom.Ol, atom.P, atom.Pre, atom.Q, atom.S, atom.Samp, atom.Section,
		atom.Small, atom.Span, atom.Strike, atom.Strong, atom.Sub, atom.Summary, atom.Sup, atom.Table, atom.Tbody, atom.Td, atom.Tfoot,
		atom.Th, atom.Thead, atom.Time, atom.Tr, atom.Tt, atom.U, atom.Ul, atom.Var,
	} {
		allowed[element] = true
	}
	return allowed
}()

// droppedElements go with all that is in them. Of elements that are neither
// allowed nor dropped, what is in them stays.
var droppedElements = map[atom.Atom]bool{
	atom.Script: true, atom.Iframe: true, atom.Frame: true, atom.Frameset: true, atom.Noframes: true, atom.Noscript: true, atom.Object: true,
	atom.Embed: true, atom.Applet: true, atom.Svg: true, atom.Math: true, atom.Template: true, atom.Title: true, atom.Textarea: true,
	atom.Select: true, atom.Option: true, atom.Button: true, atom.Input: true, atom.Audio: true, atom.Video: true, atom.Source: true,
	atom.Track: true, atom.Canvas: true, atom.Map: true, atom.Area: true, atom.Base: true, atom.Link: true, atom.Meta: true, atom.Param: true,
	atom.Noembed: true, atom.Xmp: true, atom.Plaintext: true, atom.Listing: true, atom.Dialog: true, atom.Slot: true,
}

func (s *sanitizer) node(node *html.Node, depth int) {
	if s.out.Len() > maxHTML || depth > maxTreeDepth {
		s.truncated = true
		return
	}
	switch node.Type {
	case html.TextNode:
		s.out.WriteString(html.EscapeString(node.Data))
		return
	case html.ElementNode:
		s.element(node, depth)
		return
	case html.DocumentNode:
		s.children(node, depth)
	}
}

func (s *sanitizer) children(node *html.Node, depth int) {
	for child := node.FirstChild; child != nil; child = child.NextSibling {
		s.node(child, depth+1)
	}
}

func (s *sanitizer) element(node *html.Node, depth int) {
	if node.Namespace != "" || droppedElements[node.DataAtom] {
		s.countRemote(node)
		return
	}
	switch node.DataAtom {
	case atom.Style:
		s.styleSheet(node)
		return
	case atom.Body:
		s.body(node, depth)
		return
	}
	paired, allowed := allowedElements[node.DataAtom]
	if !allowed || node.DataAtom == 0 {
		s.children(node, depth)
		return
	}
	if node.DataAtom == atom.Img && !s.hasImage(node) {
		s.alternative(node)
		return
	}
	s.out.WriteByte('<')
	s.out.WriteString(node.DataAtom.String())
	s.attributes(node)
	s.out.WriteByte('>')
	if node.DataAtom == atom.Pre && node.FirstChild != nil && strings.HasPrefix(node.FirstChild.Data, "\n") {
		s.out.WriteByte('\n') // parsers drop the first newline in pre
	}
	if paired {
		s.children(node, depth)
		s.out.WriteString("</")
		s.out.WriteString(node.DataAtom.String())
		s.out.WriteByte('>')
	}
}

// body becomes a div that keeps colours and text of the body element.
func (s *sanitizer) body(node *html.Node, depth int) {
	if len(node.Attr) == 0 {
		s.children(node, depth)
		return
	}
	s.out.WriteString("<div")
	s.attributes(node)
	s.out.WriteByte('>')
	s.children(node, depth)
	s.out.WriteString("</div>")
}

// hasImage tells whether the picture of an img may be shown, and counts it when
// it is remote and may not.
func (s *sanitizer) hasImage(node *html.Node) bool {
	_, ok := s.imageURL(attribute(node, "src"))
	return ok
}

// imageURL returns where a picture may come from.
func (s *sanitizer) imageURL(address string) (string, bool) {
	address = strings.TrimSpace(address)
	lower := strings.ToLower(address)
	switch {
	case address == "":
		return "", false
	case strings.HasPrefix(lower, "cid:"):
		data, ok := s.images[address[len("cid:"):]]
		return data, ok
	case strings.HasPrefix(lower, "data:"):
		head, content, ok := strings.Cut(address, ",")
		kind, found := strings.CutSuffix(strings.ToLower(strings.TrimPrefix(head, "data:")), ";base64")
		if !ok || !found || !slices.Contains(dataTypes, kind) || len(content) > maxImage*4/3 || strings.Trim(content, base64Characters) != "" {
			return "", false
		}
		return "data:" + kind + ";base64," + content, true
	}
	if safe, ok := safeURL(address); ok && s.options.AllowRemote && strings.HasPrefix(safe, "https://") {
		return safe, true
	}
	if isRemote(lower) {
		s.blocked++
	}
	return "", false
}

const base64Characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="

// isRemote tells whether an address leads to another machine, in any way that a
// browser understands.
func isRemote(lower string) bool {
	return strings.Contains(lower, "//") || strings.HasPrefix(lower, "http:") || strings.HasPrefix(lower, "https:") || strings.HasPrefix(lower, "ftp:") || strings.HasPrefix(lower, `\\`)
}

// alternative writes the text of a picture that is not shown.
func (s *sanitizer) alternative(node *html.Node) {
	if alt := strings.TrimSpace(attribute(node, "alt")); alt != "" {
		s.out.WriteString(html.EscapeString(alt))
	}
}

// countRemote counts what an element that is dropped would have loaded.
func (s *sanitizer) countRemote(node *html.Node) {
	switch node.DataAtom {
	case atom.Meta, atom.Title, atom.Base, atom.Input, atom.Button, atom.Area, atom.Map:
		return
	}
	for _, attr := range node.Attr {
		switch attr.Key {
		case "src", "href", "data", "poster", "srcset", "background":
			if isRemote(strings.ToLower(strings.TrimSpace(attr.Val))) {
				s.blocked++
			}
		}
	}
}
