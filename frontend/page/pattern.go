package page

import (
	"errors"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// pattern is a sentence with gaps, compiled from the "{{.Name}}" notation of
// go-i18n, whose own evaluation costs far more than a list row may.
type pattern []piece

// piece is a run of text and the name of the gap after it. Only the last piece
// of a pattern has none.
type piece struct{ text, gap string }

var errPattern = errors.New(`a gap is not of the form "{{.Name}}"`)

func compile(message string) (pattern, error) {
	var p pattern
	for {
		before, rest, found := strings.Cut(message, "{{")
		if !found {
			return append(p, piece{text: message}), nil
		}
		gap, after, closed := strings.Cut(rest, "}}")
		name, isField := strings.CutPrefix(gap, ".")
		if !closed || !isField || name == "" {
			return nil, errPattern
		}
		p = append(p, piece{before, name})
		message = after
	}
}

// fill returns the sentence with its gaps filled from pairs of name and value.
func (p pattern) fill(pairs ...string) string {
	return string(p.append(make([]byte, 0, 128), pairs...))
}

// append is fill for a buffer.
func (p pattern) append(to []byte, pairs ...string) []byte {
	for _, piece := range p {
		to = append(to, piece.text...)
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == piece.gap {
				to = append(to, pairs[i+1]...)
			}
		}
	}
	return to
}

// counted is a pattern for each plural form of CLDR, indexed by plural.Form.
// Its gap is Count.
type counted struct {
	tag   language.Tag
	forms [plural.Many + 1]pattern
}

func compileCounted(tag language.Tag, m *i18n.Message) (counted, error) {
	c := counted{tag: tag}
	for form, message := range map[plural.Form]string{
		plural.Other: m.Other, plural.Zero: m.Zero, plural.One: m.One,
		plural.Two: m.Two, plural.Few: m.Few, plural.Many: m.Many,
	} {
		if message == "" {
			continue
		}
		p, err := compile(message)
		if err != nil {
			return c, err
		}
		c.forms[form] = p
	}
	return c, nil
}

func (c *counted) form(n int) pattern {
	p := c.forms[plural.Cardinal.MatchPlural(c.tag, n, 0, 0, 0, 0)]
	if p == nil {
		p = c.forms[plural.Other]
	}
	return p
}

// fill returns the form for n, with number written for the count.
func (c *counted) fill(n int, number string) string {
	return c.form(n).fill("Count", number)
}

// around returns the words before and after the count, for pages that show the
// number and only speak the words.
func (c *counted) around(n int) (before, after string) {
	p := c.form(n)
	if len(p) < 2 {
		return "", p[0].text
	}
	return p[0].text, p[1].text
}
