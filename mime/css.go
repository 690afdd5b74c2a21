package mime

import (
	"strings"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"
)

// allowedProperties are the style properties that mail needs; names that end
// with a hyphen stand for all that begin so. What takes content out of its
// place (position, transform, z-index), adds content or moves by itself is not
// among them.
var allowedProperties = newPropertySet(
	"background", "background-attachment", "background-clip", "background-color", "background-image", "background-origin", "background-position",
	"background-repeat", "background-size", "border", "border-", "box-shadow", "box-sizing", "caption-side", "clear", "color", "color-scheme", "column-gap",
	"direction", "display", "empty-cells", "flex", "flex-", "float", "font", "font-", "gap", "height", "hyphens", "letter-spacing", "line-height",
	"list-style", "list-style-", "margin", "margin-", "max-height", "max-width", "min-height", "min-width", "opacity", "order", "orphans",
	"outline", "outline-", "overflow", "overflow-wrap", "overflow-x", "overflow-y", "padding", "padding-", "page-break-", "row-gap", "tab-size",
	"table-layout", "text-align", "text-align-last", "text-decoration", "text-decoration-", "text-indent", "text-overflow", "text-shadow",
	"text-transform", "unicode-bidi", "vertical-align", "visibility", "white-space", "widows", "width", "word-break", "word-spacing", "word-wrap",
	"align-", "justify-", "grid-template-columns", "grid-template-rows", "object-fit", "aspect-ratio",
)

// propertySet holds whole names and beginnings of names.
type propertySet struct{ names, families map[string]bool }

func newPropertySet(names ...string) propertySet {
	set := propertySet{map[string]bool{}, map[string]bool{}}
	for _, name := range names {
		if family, ok := strings.CutSuffix(name, "-"); ok {
			set.families[family] = true
		} else {
			set.names[name] = true
		}
	}
	return set
}

func (p propertySet) has(name string) bool {
	if p.names[name] {
		return true
	}
	for i := range len(name) {
		if name[i] == '-' && p.families[name[:i]] {
			return cssName(name)
		}
	}
	return false
}

// allowedFunctions are the functions that values may use. url is treated by
// itself; var, attr, env and image-set are not among them.
var allowedFunctions = map[string]bool{
	"rgb": true, "rgba": true, "hsl": true, "hsla": true, "calc": true, "min": true, "max": true, "clamp": true, "repeat": true, "minmax": true,
	"linear-gradient": true, "radial-gradient": true, "repeating-linear-gradient": true, "repeating-radial-gradient": true,
}

// Bounds on one declaration.
const (
	maxValueTokens = 300
	maxFunctions   = 8 // nested
)

// cssReader reads style tokens without comments.
type cssReader struct{ lexer *css.Lexer }

func newCSSReader(text string) *cssReader {
	return &cssReader{css.NewLexer(parse.NewInputString(text))}
}

func (r *cssReader) next() (css.TokenType, string) {
	for {
		if kind, text := r.lexer.Next(); kind != css.CommentToken {
			return kind, string(text)
		}
	}
}

// skipSpace returns the next token that is not white space.
func (r *cssReader) skipSpace() (css.TokenType, string) {
	for {
		if kind, text := r.next(); kind != css.WhitespaceToken {
			return kind, text
		}
	}
}

// declarations filters the content of a style attribute.
func (s *sanitizer) declarations(text string) string {
	if text == "" || len(text) > maxCSS {
		return ""
	}
	if known, ok := s.styles[text]; ok {
		return known
	}
	var out strings.Builder
	blocked, shown := s.blocked, s.pictures.shown
	s.declarationList(newCSSReader(text), &out)
	if len(text) <= maxAttribute && len(s.styles) < maxStyles && s.blocked == blocked && s.pictures.shown == shown {
		if s.styles == nil {
			s.styles = map[string]string{}
		}
		s.styles[text] = out.String()
	}
	return out.String()
}

// maxStyles bounds how many style attributes are remembered.
const maxStyles = 200

// declarationList writes the allowed declarations up to the closing brace or
// the end.
func (s *sanitizer) declarationList(r *cssReader, out *strings.Builder) {
	for {
		kind, name := r.skipSpace()
		switch kind {
		case css.ErrorToken, css.RightBraceToken:
			return
		case css.SemicolonToken:
			continue
		}
		v := valueFilter{sanitizer: s, property: strings.ToLower(name)}
		v.ok = kind == css.IdentToken && allowedProperties.has(v.property)
		if kind == css.LeftBraceToken {
			v.braces++
		} else if colon, _ := r.skipSpace(); colon != css.ColonToken {
			v.ok = false
			if colon == css.RightBraceToken || colon == css.ErrorToken {
				return
			}
			if colon == css.SemicolonToken {
				continue
			}
		}
		last := v.read(r)
		if text := strings.TrimSpace(v.out.String()); v.ok && text != "" {
			if out.Len() > 0 {
				out.WriteByte(';')
			}
			out.WriteString(v.property + ":" + text)
			s.blocked += v.blocked
		}
		if last != css.SemicolonToken {
			return
		}
	}
}

// valueFilter writes the value of a declaration if all of it is allowed.
type valueFilter struct {
	*sanitizer
	property  string
	out       strings.Builder
	ok        bool
	functions int // open parentheses
	braces    int // open braces, which no value has
	tokens    int
	important bool
	blocked   int // pictures that the declaration would load
}

// read reads to the end of the declaration and returns what ended it.
func (v *valueFilter) read(r *cssReader) css.TokenType {
	for {
		kind, text := r.next()
		switch {
		case kind == css.ErrorToken:
			v.ok = v.ok && v.functions == 0
			return kind
		case kind == css.SemicolonToken && v.functions <= 0 && v.braces == 0:
			return kind
		case kind == css.RightBraceToken && v.braces == 0:
			v.ok = v.ok && v.functions == 0
			return kind
		case kind == css.LeftBraceToken:
			v.braces++
			v.ok = false
		case kind == css.RightBraceToken:
			v.braces--
		case !v.ok:
			v.nest(kind)
		default:
			v.tokens++
			v.ok = v.token(kind, text) && v.tokens <= maxValueTokens
		}
	}
}

// nest counts parentheses, within which a semicolon ends nothing.
func (v *valueFilter) nest(kind css.TokenType) {
	switch kind {
	case css.FunctionToken, css.LeftParenthesisToken:
		v.functions++
	case css.RightParenthesisToken:
		v.functions--
	}
}

// token writes one token of a value; false spoils the declaration.
func (v *valueFilter) token(kind css.TokenType, text string) bool {
	v.nest(kind)
	lower := strings.ToLower(text)
	switch kind {
	case css.WhitespaceToken:
		text = " "
	case css.IdentToken:
		if v.important && lower != "important" || !cssName(text) && !(v.isFont() && cssFontName(text)) {
			return false
		}
		v.important = false
	case css.NumberToken, css.PercentageToken, css.DimensionToken:
		if !cssNumber(lower) {
			return false
		}
	case css.HashToken:
		if !cssHexColour(text) {
			return false
		}
	case css.StringToken:
		name := strings.Trim(text, `"'`)
		if !v.isFont() || !cssFontName(name) {
			return false
		}
		text = "'" + name + "'"
	case css.FunctionToken:
		if !allowedFunctions[strings.TrimSuffix(lower, "(")] || v.functions > maxFunctions {
			return false
		}
		text = lower
	case css.URLToken:
		return v.url(text)
	case css.LeftParenthesisToken:
		if v.functions < 2 || v.functions > maxFunctions {
			return false // only sums inside calc() have parentheses
		}
	case css.RightParenthesisToken:
		if v.functions < 0 {
			return false
		}
	case css.DelimToken:
		switch {
		case text == "!" && !v.important && v.functions == 0:
			v.important = true
		case text == "/" || v.functions > 0 && strings.Contains("+-*", text):
		default:
			return false
		}
	case css.CommaToken:
	default:
		return false
	}
	v.out.WriteString(text)
	return true
}

func (v *valueFilter) isFont() bool { return v.property == "font" || v.property == "font-family" }

// url writes the url() of a picture. One that is blocked spoils the declaration
// except for its colour, which text may need to be readable.
func (v *valueFilter) url(text string) bool {
	switch v.property {
	case "background", "background-image", "list-style", "list-style-image", "border-image", "border-image-source":
	default:
		return false
	}
	inside := strings.TrimSpace(text)
	inside = strings.TrimSuffix(inside[strings.IndexByte(inside, '(')+1:], ")")
	url, ok := v.styleURL(strings.Trim(strings.TrimSpace(inside), `"'`))
	if !ok {
		url = "none"
	}
	v.out.WriteString(url)
	return true
}

// cssQuoter keeps an address inside the quotes of url("").
var cssQuoter = strings.NewReplacer(`"`, "%22", `'`, "%27", `(`, "%28", `)`, "%29", `\`, "%5C", "<", "%3C", ">", "%3E", " ", "%20")

// styleURL returns the url() of a picture that may be shown.
func (s *sanitizer) styleURL(address string) (string, bool) {
	if strings.Contains(address, `\`) {
		return "", false // an escape: no honest address needs one
	}
	source, remote := s.pictures.find(address)
	if remote && !s.options.AllowRemote {
		s.blocked++
		return "", false
	}
	return `url("` + cssQuoter.Replace(source) + `")`, source != ""
}
