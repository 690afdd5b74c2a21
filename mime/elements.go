package mime

import "golang.org/x/net/html/atom"

// elementKind says how an element nests.
type elementKind uint16

const (
	paired elementKind = 1 << iota // has an end tag
	void                           // has none
	// endsParagraph elements end an open p.
	endsParagraph
	// needsTable elements mean nothing outside of a table.
	needsTable
	// scopeBarrier elements keep end tags inside them from ending what is
	// outside; the others do so for their kind of end tag.
	scopeBarrier
	listBarrier
	tableBarrier
	cellBarrier
	// breaksOut elements end svg and math.
	breaksOut
	// block elements are paragraphs of their own in text.
	block
)

// elements are all elements that a message may use. Of any other, the tags are
// left out and what is between them stays. (Only scripts, styles, titles,
// frames, svg and math go with their content.)
var elements = func() map[atom.Atom]elementKind {
	all := map[atom.Atom]elementKind{}
	add := func(kind elementKind, names ...atom.Atom) {
		for _, name := range names {
			all[name] |= kind
		}
	}
	add(void, atom.Br, atom.Hr, atom.Img, atom.Col, atom.Wbr)
	add(paired,
		atom.A, atom.Abbr, atom.B, atom.Bdi, atom.Bdo, atom.Big, atom.Body, atom.Cite, atom.Code, atom.Del, atom.Dfn, atom.Em, atom.Font, atom.I,
		atom.Ins, atom.Kbd, atom.Mark, atom.Q, atom.S, atom.Samp, atom.Small, atom.Span, atom.Strike, atom.Strong, atom.Sub, atom.Sup, atom.Time,
		atom.Tt, atom.U, atom.Var)
	add(paired|endsParagraph|breaksOut|block,
		atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Center, atom.Details, atom.Div, atom.Dl, atom.Figcaption, atom.Figure,
		atom.Footer, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Header, atom.Main, atom.Nav, atom.Ol, atom.P, atom.Pre,
		atom.Section, atom.Summary, atom.Table, atom.Ul)
	add(paired|endsParagraph|breaksOut, atom.Li, atom.Dt, atom.Dd)
	add(paired|needsTable, atom.Caption, atom.Colgroup, atom.Tbody, atom.Td, atom.Tfoot, atom.Th, atom.Thead, atom.Tr)
	add(needsTable, atom.Col)
	add(endsParagraph|block, atom.Hr)
	add(block, atom.Tr, atom.Caption)
	add(breaksOut, atom.B, atom.Big, atom.Body, atom.Br, atom.Code, atom.Em, atom.Hr, atom.I, atom.Img, atom.S, atom.Small, atom.Span, atom.Strike,
		atom.Strong, atom.Sub, atom.Sup, atom.Tt, atom.U, atom.Var, atom.Font)
	add(scopeBarrier, atom.Td, atom.Th, atom.Caption, atom.Table)
	add(listBarrier, atom.Ul, atom.Ol, atom.Dl, atom.Td, atom.Th, atom.Caption, atom.Table)
	add(tableBarrier, atom.Table)
	add(cellBarrier, atom.Td, atom.Th, atom.Caption)
	return all
}()
