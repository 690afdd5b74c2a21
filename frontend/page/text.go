package page

import (
	"context"
	"io"
	"strings"

	"github.com/a-h/templ"

	"alphamail/node/api"
)

// plain takes control characters and bidirectional controls away from a name
// that mail chose. Isolation (dir, bdi) keeps such controls inside an element;
// this also keeps titles and spoken names honest, and stops a file or a person
// from showing under a reversed name.
func plain(s string) string {
	if !strings.ContainsFunc(s, isUnwanted) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case isUnwanted(r):
			return -1
		}
		return r
	}, s)
}

// isUnwanted finds control characters and those with Unicode's property
// Bidi_Control.
func isUnwanted(r rune) bool {
	return r < ' ' || 0x7f <= r && r <= 0x9f || r == 0x061c ||
		r == 0x200e || r == 0x200f || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069
}

// isLocal tells that a link stays on this site: browsers read a second slash or
// a backslash as the start of a host name.
func isLocal(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && !strings.ContainsAny(path, "\\\t\r\n")
}

// maxQuoteShown bounds the nesting of quotations in a page; deeper ones are
// shown at this depth.
const maxQuoteShown = 12

// passage is a paragraph, or a quotation with passages inside.
type passage struct {
	spans  []api.Span
	quoted []passage
}

// nest turns blocks with a quotation depth into nested quotations.
func nest(blocks []api.Block) []passage {
	list, _ := nestAt(blocks, 0)
	return list
}

// nestAt takes blocks until one is less deep, and returns the rest.
func nestAt(blocks []api.Block, depth int) (list []passage, rest []api.Block) {
	for len(blocks) > 0 {
		switch quote := min(max(blocks[0].Quote, 0), maxQuoteShown); {
		case quote < depth:
			return list, blocks
		case quote == depth:
			list = append(list, passage{spans: blocks[0].Spans})
			blocks = blocks[1:]
		default:
			var inner []passage
			inner, blocks = nestAt(blocks, depth+1)
			list = append(list, passage{quoted: inner})
		}
	}
	return list, nil
}

// lines is text whose newlines are line breaks.
func lines(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, strings.ReplaceAll(templ.EscapeString(text), "\n", "<br>"))
		return err
	})
}
