package compose

import (
	"bufio"
	"strings"
	"unicode"
	"unicode/utf8"

	"alphamail/mime"
	"golang.org/x/net/idna"
)

// Widths of lines, in bytes (RFC 5322 section 2.1.1).
const (
	maxLine  = 78
	hardLine = 998
)

// fieldWriter writes fields, folded.
type fieldWriter struct {
	out *bufio.Writer
	// utf8 allows letters beyond ASCII in addresses (RFC 6532).
	utf8 bool
}

// tokens writes a field whose value may be folded between the tokens. A comma, or
// nothing, stands at the end of each but the last.
func (f *fieldWriter) tokens(name string, tokens []string, separator string) {
	if len(tokens) == 0 {
		return
	}
	column := len(name) + 1
	f.out.WriteString(name + ":")
	for i, token := range tokens {
		if i < len(tokens)-1 {
			token += separator
		}
		if column+1+len(token) > maxLine && column > len(name)+1 {
			f.out.WriteString("\r\n")
			column = 0
		}
		f.out.WriteString(" " + token)
		column += 1 + len(token)
	}
	f.out.WriteString("\r\n")
}

// text writes a field of free text. Only words that need it are encoded (RFC
// 2047).
func (f *fieldWriter) text(name, value string) {
	f.tokens(name, encodeText(oneLine(value), textWord), "")
}

// ids writes a field of message identifiers.
func (f *fieldWriter) ids(name string, ids []string) {
	var tokens []string
	for _, id := range ids {
		if isID(id) {
			tokens = append(tokens, "<"+id+">")
		}
	}
	f.tokens(name, tokens, "")
}

// addresses writes a field of addresses.
func (f *fieldWriter) addresses(name string, list []mime.Address) error {
	var tokens []string
	for i, address := range list {
		email, err := f.email(address.Email)
		if err != nil {
			return err
		}
		words := phrase(oneLine(address.Name))
		if len(words) > 0 {
			email = "<" + email + ">"
		}
		words = append(words, email)
		if i < len(list)-1 {
			words[len(words)-1] += ","
		}
		tokens = append(tokens, words...)
	}
	f.tokens(name, tokens, "")
	return nil
}

// email checks an address and writes its domain in ASCII, unless the local part
// needs more anyway.
func (f *fieldWriter) email(email string) (string, error) {
	at := strings.LastIndexByte(email, '@')
	if at < 1 || !utf8.ValidString(email) || len(email) > 320 {
		return "", ErrAddress
	}
	local, domain := email[:at], email[at+1:]
	if ascii := asciiDomain(domain); ascii != "" {
		domain = ascii
	}
	if !isDomain(domain) || !isLocalPart(local) {
		return "", ErrAddress
	}
	if !isASCII(local) && !f.utf8 {
		return "", ErrNeedsSMTPUTF8
	}
	return local + "@" + domain, nil
}

// asciiDomain is the form of a domain that goes over the wire; empty when there
// is none.
func asciiDomain(domain string) string {
	if isASCII(domain) {
		return domain
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return ""
	}
	return ascii
}

// isDomain tells whether text can stand behind the at sign: a name or an address
// in brackets.
func isDomain(text string) bool {
	if inside, ok := strings.CutPrefix(text, "["); ok {
		return strings.HasSuffix(inside, "]") && strings.Trim(inside[:len(inside)-1], "0123456789abcdefABCDEFipvIPV.:") == ""
	}
	for _, label := range strings.Split(text, ".") {
		if label == "" || strings.ContainsFunc(label, func(char rune) bool {
			return char >= 0x80 || !unicode.IsLetter(char) && !unicode.IsDigit(char) && char != '-' && char != '_'
		}) {
			return false
		}
	}
	return text != "" && len(text) <= 255
}

// isLocalPart tells whether text is a dot-atom or a quoted string (RFC 5322
// section 3.4.1). Dots where they should not be are accepted, since mailboxes
// have them.
func isLocalPart(text string) bool {
	if inside, ok := strings.CutPrefix(text, `"`); ok && len(inside) > 1 && strings.HasSuffix(inside, `"`) {
		inside = inside[:len(inside)-1]
		for i := 0; i < len(inside); i++ {
			if inside[i] == '\\' {
				i++
			}
			if i >= len(inside) || inside[i] < ' ' || inside[i] == 0x7F || inside[i] == '"' && inside[i-1] != '\\' {
				return false
			}
		}
		return true
	}
	return text != "" && !strings.ContainsFunc(text, func(char rune) bool {
		return char <= ' ' || char == 0x7F || char >= 0x80 && char < 0xA1 || strings.ContainsRune(`()<>[]:;@\,"`, char) || unicode.IsSpace(char)
	})
}

// isID tells whether text is a message identifier, loosely: others make them too.
func isID(text string) bool {
	return text != "" && len(text) < hardLine/2 && isASCII(text) && !strings.ContainsFunc(text, func(char rune) bool { return char <= ' ' || char == 0x7F || char == '<' || char == '>' })
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

// oneLine makes text that can stand in a field: one line, without control
// characters.
func oneLine(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	return strings.Join(strings.FieldsFunc(text, func(char rune) bool {
		return unicode.IsControl(char) || char == ' ' || char == 0x2028 || char == 0x2029
	}), " ")
}

// phrase writes a display name as words: as it is, in quotes, or encoded.
func phrase(name string) []string {
	switch {
	case name == "":
		return nil
	case needsEncoding(name):
		return encodeText(name, phraseWord)
	case strings.ContainsAny(name, `()<>[]:;@\,."`):
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
		if len(quoted) <= hardLine/2 {
			return strings.Split(quoted, " ")
		}
		return encodeText(name, phraseWord)
	}
	return strings.Fields(name)
}
