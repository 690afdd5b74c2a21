package mime

import (
	"strings"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"
	"golang.org/x/net/html"
)

// allowedProperties are the style properties that mail needs; names that end
// with a hyphen stand for all that begin so.
var allowedProperties = []string{
	"background", "background-color", "background-image", "background-position", "background-repeat", "background-size", "border", "border-",
	"box-sizing", "caption-side", "clear", "color", "direction", "display", "empty-cells", "float", "font", "font-", "gap", "height",
	"letter-spacing", "line-height", "list-style", "list-style-type", "list-style-position", "margin", "margin-", "max-height", "max-width", "min-height",
	"min-width", "mso-", "opacity", "overflow", "overflow-wrap", "padding", "padding-", "page-break-", "quotes", "table-layout", "text-align", "text-decoration",
	"text-decoration-", "text-indent", "text-overflow", "text-shadow", "text-transform", "unicode-bidi", "vertical-align", "visibility",
	"white-space", "width", "word-break", "word-spacing", "word-wrap", "align-", "justify-", "flex", "flex-", "box-shadow", "outline", "outline-",
}

func allowedProperty(name string) bool {
	for _, allowed := range allowedProperties {
		if name == allowed || strings.HasSuffix(allowed, "-") && strings.HasPrefix(name, allowed) {
			return true
		}
	}
	return false
}

// allowedFunctions are the functions that values may use, with their
// parenthesis. url is treated by itself.
var allowedFunctions = map[string]bool{
	"rgb(": true, "rgba(": true, "hsl(": true, "hsla(": true, "calc(": true, "min(": true, "max(": true, "clamp(": true,
	"linear-gradient(": true, "radial-gradient(": true, "repeating-linear-gradient(": true,
}

// declarations filters the content of a style attribute.
func (s *sanitizer) declarations(text string) string {
	if len(text) > maxCSS {
		return ""
	}
	var out strings.Builder
	p := css.NewParser(parse.NewInputString(text), true)
	for {
		grammar, _, data := p.Next()
		if grammar == css.ErrorGrammar {
			if p.Err() != nil && out.Len() <= maxCSS && p.HasParseError() {
				continue
			}
			return out.String()
		}
		if grammar == css.DeclarationGrammar {
			s.declaration(&out, string(data), p.Values())
		}
	}
}

// declaration writes one declaration if all of it is allowed.
func (s *sanitizer) declaration(out *strings.Builder, name string, values []css.Token) {
	name = strings.ToLower(strings.TrimSpace(name))
	if !allowedProperty(name) {
		return
	}
	var value strings.Builder
	for _, token := range values {
		text, ok := s.value(token)
		if !ok {
			return
		}
		value.WriteString(text)
	}
	text := strings.TrimSpace(value.String())
	if text == "" || strings.ContainsAny(text, "\\<>") {
		return
	}
	if out.Len() > 0 {
		out.WriteByte(';')
	}
	out.WriteString(name + ":" + text)
}

// value returns what a token of a value becomes; false when it spoils the
// declaration.
func (s *sanitizer) value(token css.Token) (string, bool) {
	text := string(token.Data)
	switch token.TokenType {
	case css.FunctionToken:
		return text, allowedFunctions[strings.ToLower(text)]
	case css.URLToken:
		return s.styleURL(text)
	case css.BadURLToken, css.BadStringToken, css.AtKeywordToken, css.CDOToken, css.CDCToken, css.LeftBraceToken, css.RightBraceToken, css.SemicolonToken, css.ColonToken, css.CommentToken, css.UnicodeRangeToken:
		return "", token.TokenType == css.CommentToken
	case css.IdentToken:
		return text, !strings.EqualFold(text, "expression")
	case css.StringToken:
		return text, !isRemote(strings.ToLower(text))
	default:
		return text, true
	}
}

// styleURL returns the url() of a picture that may be shown.
func (s *sanitizer) styleURL(text string) (string, bool) {
	inside := strings.TrimSpace(text)
	if len(inside) < len("url()") {
		return "", false
	}
	inside = strings.Trim(strings.TrimSpace(inside[len("url("):len(inside)-1]), `"'`)
	address, ok := s.imageURL(inside)
	if !ok || strings.ContainsAny(address, `"'()\<>`) {
		return "", false
	}
	return `url("` + address + `")`, true
}

// styleSheet filters a style element.
func (s *sanitizer) styleSheet(node *html.Node) {
	var text strings.Builder
	for child := node.FirstChild; child != nil; child = child.NextSibling {
		text.WriteString(child.Data)
	}
	if text.Len() > maxCSS {
		s.truncated = true
		return
	}
	var out strings.Builder
	p := css.NewParser(parse.NewInputString(text.String()), false)
	f := &sheetFilter{sanitizer: s, out: &out, parser: p}
	f.run()
	if sheet := out.String(); sheet != "" && !strings.ContainsAny(strings.ReplaceAll(sheet, ">", ""), "<\\") {
		s.out.WriteString("<style>" + sheet + "</style>")
	}
}

// sheetFilter writes the rules of a style sheet that are allowed.
type sheetFilter struct {
	*sanitizer
	out      *strings.Builder
	parser   *css.Parser
	selector strings.Builder
	rule     strings.Builder
	ok       bool // the selectors of the rule are allowed
	skip     int  // depth of at-rules that are left out
	media    int  // depth of media rules that are kept
}

func (f *sheetFilter) run() {
	for f.out.Len() <= maxCSS {
		grammar, _, data := f.parser.Next()
		switch grammar {
		case css.ErrorGrammar:
			if f.parser.HasParseError() {
				continue
			}
			for ; f.media > 0; f.media-- {
				f.out.WriteByte('}')
			}
			return
		case css.BeginAtRuleGrammar:
			f.beginAtRule(strings.ToLower(string(data)), f.parser.Values())
		case css.EndAtRuleGrammar:
			f.endAtRule()
		case css.QualifiedRuleGrammar:
			f.addSelector(f.parser.Values())
			f.selector.WriteByte(',')
		case css.BeginRulesetGrammar:
			f.addSelector(f.parser.Values())
			f.rule.Reset()
		case css.DeclarationGrammar:
			f.declaration(&f.rule, string(data), f.parser.Values())
		case css.EndRulesetGrammar:
			f.endRule()
		}
	}
	f.truncated = true
	for ; f.media > 0; f.media-- {
		f.out.WriteByte('}')
	}
}

// beginAtRule keeps media rules about the size of the window; fonts, imports and
// all others are left out.
func (f *sheetFilter) beginAtRule(name string, values []css.Token) {
	var condition strings.Builder
	ok := name == "@media" && f.skip == 0 && f.media < 3
	for _, token := range values {
		switch token.TokenType {
		case css.URLToken, css.FunctionToken, css.StringToken, css.BadStringToken, css.BadURLToken, css.AtKeywordToken:
			ok = false
		}
		condition.Write(token.Data)
	}
	if !ok || strings.ContainsAny(condition.String(), "<\\{};") {
		f.skip++
		return
	}
	f.media++
	f.out.WriteString("@media " + strings.TrimSpace(condition.String()) + "{")
}

func (f *sheetFilter) endAtRule() {
	if f.skip > 0 {
		f.skip--
	} else if f.media > 0 {
		f.media--
		f.out.WriteByte('}')
	}
}

// addSelector adds a selector with its ids and classes prefixed.
func (f *sheetFilter) addSelector(values []css.Token) {
	if f.selector.Len() == 0 {
		f.ok = true
	}
	class := false
	for _, token := range values {
		text := string(token.Data)
		switch token.TokenType {
		case css.HashToken:
			text = "#" + prefixed(text[1:])
		case css.IdentToken:
			if class {
				text = prefixed(text)
			}
		case css.FunctionToken, css.URLToken, css.BadStringToken, css.BadURLToken, css.AtKeywordToken, css.StringToken, css.LeftBracketToken:
			f.ok = false // [attribute] selectors with values can be used to spy
		}
		class = token.TokenType == css.DelimToken && text == "."
		f.selector.WriteString(text)
	}
}

func (f *sheetFilter) endRule() {
	if selector := strings.TrimSpace(f.selector.String()); f.ok && f.skip == 0 && selector != "" && f.rule.Len() > 0 && !strings.ContainsAny(selector, "<\\{};") {
		f.out.WriteString(selector + "{" + f.rule.String() + "}")
	}
	f.selector.Reset()
	f.rule.Reset()
}
