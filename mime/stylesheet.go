package mime

import (
	"strings"

	"github.com/tdewolff/parse/v2/css"
)

// Bounds on a style sheet: what a browser would have to match is bounded too.
const (
	maxRules         = 3000
	maxMediaDepth    = 3
	maxSelectors     = 100 // of one rule
	maxSelectorParts = 12  // of one selector
)

// styleSheet filters a style element: rules and media queries stay, as far as
// they are allowed; imports, fonts, animations and all others go.
func (s *sanitizer) styleSheet(text string) {
	if len(text) >= maxCSS || s.sheets+len(text) > maxSheets {
		s.truncated = true
		return
	}
	s.sheets += len(text)
	f := &sheetFilter{sanitizer: s, reader: newCSSReader(text)}
	f.rules(0)
	if f.sheet.Len() > 0 {
		s.out.WriteString("<style>" + f.sheet.String() + "</style>")
	}
}

// sheetFilter writes the rules of a style sheet that are allowed. Each of its
// tokens has an allowed form, none of which contains "<".
type sheetFilter struct {
	*sanitizer
	reader *cssReader
	sheet  strings.Builder
	count  int
}

// rules reads rules up to the closing brace or the end.
func (f *sheetFilter) rules(depth int) {
	for f.count < maxRules {
		kind, text := f.reader.skipSpace()
		switch kind {
		case css.ErrorToken:
			return
		case css.RightBraceToken:
			if depth > 0 {
				return
			}
		case css.SemicolonToken, css.CDOToken, css.CDCToken:
		case css.AtKeywordToken:
			f.atRule(strings.ToLower(text), depth)
		default:
			f.rule(kind, text)
		}
	}
	f.truncated = true
}

// rule reads a rule whose first token was read.
func (f *sheetFilter) rule(kind css.TokenType, text string) {
	f.count++
	p := selectorFilter{}
	for ; kind != css.LeftBraceToken; kind, text = f.reader.next() {
		if kind == css.ErrorToken || kind == css.RightBraceToken {
			return
		}
		p.token(kind, text)
	}
	selectors := p.list()
	if selectors == "" {
		f.skipBlock()
		return
	}
	var declarations strings.Builder
	f.declarationList(f.reader, &declarations)
	if declarations.Len() > 0 {
		f.colours = f.colours || strings.Contains(declarations.String(), "color:") || strings.Contains(declarations.String(), "background:")
		f.sheet.WriteString(selectors + "{" + declarations.String() + "}")
	}
}

// atRule keeps media rules about the screen.
func (f *sheetFilter) atRule(name string, depth int) {
	f.count++
	var condition strings.Builder
	ok, open := name == "@media" && depth < maxMediaDepth, 0
	for {
		kind, text := f.reader.next()
		switch kind {
		case css.ErrorToken, css.SemicolonToken:
			return
		case css.LeftBraceToken:
			if !ok || open != 0 || condition.Len() > 500 {
				f.skipBlock()
				return
			}
			f.sheet.WriteString("@media " + strings.TrimSpace(condition.String()) + "{")
			f.rules(depth + 1)
			f.sheet.WriteByte('}')
			return
		case css.LeftParenthesisToken:
			open++
		case css.RightParenthesisToken:
			open--
			ok = ok && open >= 0
		case css.WhitespaceToken:
			text = " "
		case css.IdentToken:
			ok = ok && cssName(text)
		case css.NumberToken, css.DimensionToken:
			ok = ok && cssNumber(strings.ToLower(text))
		case css.ColonToken, css.CommaToken:
		default:
			ok = ok && (text == "/" || text == "<" || text == ">") && kind == css.DelimToken
			text = strings.NewReplacer("<", "", ">", "").Replace(text)
		}
		if condition.Len() <= 500 {
			condition.WriteString(text)
		}
	}
}

// skipBlock reads past the block whose opening brace was read.
func (f *sheetFilter) skipBlock() {
	for depth := 1; depth > 0; {
		switch kind, _ := f.reader.next(); kind {
		case css.LeftBraceToken:
			depth++
		case css.RightBraceToken:
			depth--
		case css.ErrorToken:
			return
		}
	}
}

// allowedPseudo are the pseudo-classes that say where an element stands.
// Pseudo-elements add boxes and are left out.
var allowedPseudo = map[string]bool{
	"hover": true, "link": true, "visited": true, "active": true, "focus": true, "first-child": true, "last-child": true, "only-child": true,
	"first-of-type": true, "last-of-type": true, "only-of-type": true, "empty": true, "root": true,
	"nth-child(": true, "nth-last-child(": true, "nth-of-type(": true, "nth-last-of-type(": true,
}

// selectorFilter takes the selectors of a rule apart and keeps those that are
// allowed, ids and classes prefixed. Attribute selectors are not allowed: with
// remote pictures they could report what is quoted in a message.
type selectorFilter struct {
	kept     []string
	current  strings.Builder
	bad      bool
	parts    int
	argument bool   // inside nth-child()
	before   string // "." or ":" before a name
}

func (p *selectorFilter) token(kind css.TokenType, text string) {
	if p.bad && kind != css.CommaToken || len(p.kept) > maxSelectors {
		return
	}
	before := p.before
	p.before = ""
	switch kind {
	case css.CommaToken:
		p.end()
		return
	case css.WhitespaceToken:
		text = " "
		p.bad = before != ""
		p.parts++
	case css.IdentToken:
		p.bad = !cssIdentifier(text) || before == ":" && !allowedPseudo[strings.ToLower(text)]
		if before == "." {
			text = prefixed(text)
		}
	case css.HashToken:
		p.bad = !cssIdentifier(text[1:])
		text = "#" + prefixed(text[1:])
	case css.ColonToken:
		p.bad = before != ""
		p.before = ":"
	case css.FunctionToken:
		p.bad = before != ":" || !allowedPseudo[strings.ToLower(text)]
		p.argument = true
	case css.RightParenthesisToken:
		p.bad = !p.argument
		p.argument = false
	case css.NumberToken, css.DimensionToken:
		p.bad = !p.argument || len(text) > 10 || strings.Trim(strings.ToLower(text), "0123456789n+-") != ""
	case css.DelimToken:
		switch {
		case text == "." && before == "":
			p.before = "."
		case strings.Contains("*>+~", text):
			p.parts++
		default:
			p.bad = true
		}
	default:
		p.bad = true
	}
	if p.parts > 2*maxSelectorParts {
		p.bad = true
	}
	if !p.bad {
		p.current.WriteString(text)
	}
}

// end takes the selector that was read.
func (p *selectorFilter) end() {
	text := strings.TrimSpace(p.current.String())
	if !p.bad && !p.argument && p.before == "" && text != "" && len(p.kept) < maxSelectors {
		p.kept = append(p.kept, text)
	}
	*p = selectorFilter{kept: p.kept}
}

func (p *selectorFilter) list() string {
	p.end()
	return strings.Join(p.kept, ",")
}
