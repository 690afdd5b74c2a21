package submit

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The bounds of an address in bytes (RFC 5321 section 4.5.3.1).
const (
	maxLocalPart = 64
	maxAddress   = 254
)

// badAddress says why an address cannot stand in a command, in the codes that a
// server would use.
type badAddress int

const (
	goodAddress badAddress = iota
	noAddress              // it is none
	tooUnicode             // its local part needs SMTPUTF8, which the server does not offer
)

// refusal is how a recipient is refused before the server is asked.
func (b badAddress) refusal(recipient string) Refusal {
	if b == tooUnicode {
		return Refusal{Recipient: recipient, Code: 553, Enhanced: "5.6.7", Text: "The server cannot handle letters beyond ASCII in addresses."}
	}
	return Refusal{Recipient: recipient, Code: 553, Enhanced: "5.1.3", Text: "This is not an address."}
}

// wireAddress is the form of an address that goes over the wire: its domain in
// ASCII, which every server understands. Nothing that it returns can end a command
// or the path within it.
func wireAddress(address string, smtputf8 bool) (string, badAddress) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at > maxLocalPart || len(address) > 4*maxAddress || !utf8.ValidString(address) {
		return "", noAddress
	}
	local, domain := address[:at], address[at+1:]
	if !isASCII(domain) {
		ascii, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return "", noAddress
		}
		domain = ascii
	}
	switch {
	case !isDomain(domain) || !isLocalPart(local) || len(local)+1+len(domain) > maxAddress:
		return "", noAddress
	case !isASCII(local) && !smtputf8:
		return "", tooUnicode
	}
	return local + "@" + domain, goodAddress
}

// isDomain tells whether an ASCII text is a domain or an address literal.
func isDomain(text string) bool {
	if inside, ok := strings.CutPrefix(text, "["); ok {
		inside, ok = strings.CutSuffix(inside, "]")
		return ok && inside != "" && strings.Trim(inside, "0123456789abcdefABCDEFIPv:.") == ""
	}
	for _, label := range strings.Split(text, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(char rune) bool {
			return !isLetterOrDigit(char) && char != '-' && char != '_'
		}) {
			return false
		}
	}
	return true
}

// isLocalPart tells whether a text is a local part: a quoted string, or letters
// and signs with dots among them, more freely than RFC 5321 has it, because
// addresses with two dots in a row are in use.
func isLocalPart(text string) bool {
	if inside, ok := strings.CutPrefix(text, `"`); ok {
		inside, ok = strings.CutSuffix(inside, `"`)
		return ok && isQuoted(inside)
	}
	return !strings.ContainsFunc(text, func(char rune) bool {
		return !isText(char) || char < utf8.RuneSelf && !isLetterOrDigit(char) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", char)
	})
}

// isQuoted tells whether a text can stand between quotes.
func isQuoted(text string) bool {
	escaped := false
	for _, char := range text {
		switch {
		case char != ' ' && !isText(char):
			return false
		case escaped:
			escaped = false
		case char == '\\':
			escaped = true
		case char == '"':
			return false
		}
	}
	return !escaped
}

// isText tells whether a character is to be seen. Spaces of other scripts, marks
// of direction and characters that show nothing have no place in an address.
func isText(char rune) bool { return char != ' ' && unicode.IsPrint(char) }

func isLetterOrDigit(char rune) bool {
	return 'a' <= char && char <= 'z' || 'A' <= char && char <= 'Z' || '0' <= char && char <= '9'
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
