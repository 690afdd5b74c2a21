package page

import (
	"context"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

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

// phrase is a sentence about what mail chose.
type phrase struct {
	pattern pattern
	// pairs are the names and values of its gaps.
	pairs []string
}

// Render writes the sentence with each value isolated, so that none can turn the
// words around it; it is a templ.Component.
func (p phrase) Render(_ context.Context, w io.Writer) error {
	var b []byte
	for _, piece := range p.pattern {
		b = appendEscaped(b, piece.text)
		for i := 0; i+1 < len(p.pairs); i += 2 {
			if p.pairs[i] == piece.gap {
				b = append(b, "<bdi>"...)
				b = appendEscaped(b, plain(p.pairs[i+1]))
				b = append(b, "</bdi>"...)
			}
		}
	}
	_, err := w.Write(b)
	return err
}

// maxQuoteShown bounds the nesting of quotations in a page; deeper ones are
// shown at this depth.
const maxQuoteShown = 12

// A quotation that is longer than maxQuoteOpen characters, or deeper than
// maxQuoteOpenDepth, can be folded.
const (
	maxQuoteOpen      = 600
	maxQuoteOpenDepth = 2
)

// passage is a paragraph, or a quotation with passages inside.
type passage struct {
	*api.Block
	quoted []passage
	folded bool
}

// nest turns blocks with a quotation depth into nested quotations.
func nest(blocks []api.Block) []passage {
	list, _, _ := nestAt(blocks, 0)
	return list
}

// hasOwnWords tells whether there is anything but quotations, which alone are
// what a reader came for.
func hasOwnWords(blocks []api.Block) bool {
	return slices.ContainsFunc(blocks, func(block api.Block) bool { return block.Quote <= 0 && !block.Attribution })
}

// forPeople parts what a report says to people from what it says to machines,
// which its slip tells in words.
func forPeople(p *api.MessageAnswer) (words, machine []api.Block) {
	if p.Report == nil {
		return p.Text, nil
	}
	for _, block := range p.Text {
		if block.Machine {
			machine = append(machine, block)
		} else {
			words = append(words, block)
		}
	}
	if len(words) == 0 {
		return p.Text, nil // better these than nothing
	}
	return words, machine
}

// nestAt takes blocks until one is less deep, and returns their length and the
// rest.
func nestAt(blocks []api.Block, depth int) (list []passage, length int, rest []api.Block) {
	for len(blocks) > 0 {
		switch quote := min(max(blocks[0].Quote, 0), maxQuoteShown); {
		case quote < depth:
			return list, length, blocks
		case quote == depth:
			for _, span := range blocks[0].Spans {
				length += utf8.RuneCountInString(span.Text)
			}
			list = append(list, passage{Block: &blocks[0]})
			blocks = blocks[1:]
		default:
			var inner []passage
			var size int
			inner, size, blocks = nestAt(blocks, depth+1)
			length += size
			list = append(list, passage{quoted: inner, folded: size > maxQuoteOpen || depth >= maxQuoteOpenDepth})
		}
	}
	return list, length, nil
}

// lines is text whose newlines are line breaks.
func lines(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, strings.ReplaceAll(templ.EscapeString(text), "\n", "<br>"))
		return err
	})
}
