package settings

import (
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"alphamail/node/api"
)

// Cards are what a file of cards holds: vCard 4.0 (RFC 6350), 3.0 (RFC 2426) or
// 2.1.
type Cards struct {
	Contacts []api.Contact
	Lists    []api.ContactList
	// Unusable counts the cards without anything to keep.
	Unusable int
}

// property is one line of a card.
type property struct {
	name       string // capitals, without its group
	parameters string // capitals
	value      string // still escaped
}

// ReadCards reads a file of cards as well as it can: what it does not know it
// passes over, what is too long it cuts.
func ReadCards(data []byte) Cards {
	var cards Cards
	var card []property
	inside := false
	for _, line := range unfold(string(data)) {
		p, ok := parseProperty(line)
		switch {
		case !ok:
		case p.name == "BEGIN" && strings.EqualFold(strings.TrimSpace(p.value), "VCARD"):
			if inside {
				cards.add(card) // the end of the one before is missing
			}
			card, inside = card[:0], true
		case p.name == "END" && inside && strings.EqualFold(strings.TrimSpace(p.value), "VCARD"):
			cards.add(card)
			inside = false
		case inside:
			card = append(card, p)
		}
	}
	if inside {
		cards.add(card)
	}
	return cards
}

// unfold returns the lines of a file, with their continuations (RFC 6350 section
// 3.2; in vCard 2.1 also those of quoted-printable).
func unfold(text string) []string {
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	var lines []string
	var current strings.Builder
	soft := false
	end := func() {
		if current.Len() > 0 {
			lines = append(lines, current.String())
			current.Reset()
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		folded := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		switch {
		case soft:
		case folded && current.Len() > 0:
			line = line[1:]
		default:
			end()
		}
		if current.Len() == 0 {
			soft = isQuotedPrintable(line)
		}
		if soft = soft && strings.HasSuffix(line, "="); soft {
			line = line[:len(line)-1]
		}
		current.WriteString(line)
		soft = soft && current.Len() > 0
	}
	end()
	return lines
}

func isQuotedPrintable(line string) bool {
	parameters, _, _ := strings.Cut(line, ":")
	return strings.Contains(strings.ToUpper(parameters), "QUOTED-PRINTABLE")
}

// parseProperty reads "group.NAME;PARAMETER=value:value".
func parseProperty(line string) (property, bool) {
	quoted := false
	colon := strings.IndexFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ':' && !quoted
	})
	if colon < 0 {
		return property{}, false
	}
	name, parameters, _ := strings.Cut(line[:colon], ";")
	name = name[strings.LastIndexByte(name, '.')+1:]
	p := property{strings.ToUpper(strings.TrimSpace(name)), strings.ToUpper(parameters), line[colon+1:]}
	if strings.Contains(p.parameters, "QUOTED-PRINTABLE") {
		p.value = decodeQuotedPrintable(p.value)
	}
	if !utf8.ValidString(p.value) {
		p.value = fromLatin1(p.value)
	}
	return p, p.name != ""
}

func decodeQuotedPrintable(text string) string {
	decoded := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '=' && i+2 < len(text) {
			if char, err := hex.DecodeString(text[i+1 : i+3]); err == nil {
				decoded = append(decoded, char[0])
				i += 2
				continue
			}
		}
		decoded = append(decoded, text[i])
	}
	return string(decoded)
}

// fromLatin1 is what old programs wrote where they did not say.
func fromLatin1(text string) string {
	runes := make([]rune, len(text))
	for i := range len(text) {
		runes[i] = rune(text[i])
	}
	return string(runes)
}

// fields splits a value at separators that are not escaped, and takes the escapes
// away (RFC 6350 section 3.4).
func (p property) fields(separator byte) []string {
	var all []string
	var current strings.Builder
	for i := 0; i < len(p.value); i++ {
		switch char := p.value[i]; {
		case char == '\\' && i+1 < len(p.value):
			i++
			if next := p.value[i]; next == 'n' || next == 'N' {
				current.WriteByte('\n')
			} else {
				current.WriteByte(next)
			}
		case char == separator:
			all = append(all, current.String())
			current.Reset()
		default:
			current.WriteByte(char)
		}
	}
	return append(all, current.String())
}

func (p property) text() string { return strings.Join(p.fields(0), "") }

// add keeps what a card says.
func (c *Cards) add(card []property) {
	var contact api.Contact
	var structured string
	var members []string
	isGroup := false
	for _, p := range card {
		switch p.name {
		case "FN":
			contact.Name = firstOf(contact.Name, words(p.text()))
		case "N":
			structured = firstOf(structured, personName(p.fields(';')))
		case "EMAIL":
			address := strings.TrimSpace(strings.TrimPrefix(p.text(), "mailto:"))
			if Addressable(address) && len(contact.Addresses) < api.MaxAddresses && !slices.Contains(contact.Addresses, address) {
				contact.Addresses = append(contact.Addresses, address)
			}
		case "ORG":
			contact.Organization = firstOf(contact.Organization, words(strings.Join(notEmpty(p.fields(';')), ", ")))
		case "TEL":
			contact.Phone = firstOf(contact.Phone, words(strings.TrimPrefix(p.text(), "tel:")))
		case "NOTE":
			contact.Note = firstOf(contact.Note, Shorten(note(p.text()), api.MaxNote))
		case "KIND", "X-ADDRESSBOOKSERVER-KIND":
			isGroup = strings.EqualFold(strings.TrimSpace(p.text()), "group")
		case "MEMBER", "X-ADDRESSBOOKSERVER-MEMBER":
			if address, ok := mailto(p.text()); ok && len(members) < api.MaxListMembers && !slices.Contains(members, address) {
				members = append(members, address)
			}
		}
	}
	contact.Name = firstOf(contact.Name, structured)
	switch {
	case isGroup && contact.Name != "" && len(members) > 0 && len(c.Lists) < api.MaxContactLists:
		c.Lists = append(c.Lists, api.ContactList{Name: contact.Name, Members: members})
	case !isGroup && len(c.Contacts) < api.MaxContacts && (ContactName(contact) != "" || contact.Phone != ""):
		c.Contacts = append(c.Contacts, contact)
	default:
		c.Unusable++
	}
}

func mailto(text string) (string, bool) {
	parsed, err := url.Parse(strings.TrimSpace(text))
	if err != nil || !strings.EqualFold(parsed.Scheme, "mailto") {
		return "", false
	}
	address, err := url.PathUnescape(parsed.Opaque)
	return address, err == nil && Addressable(address)
}

// personName puts family;given;middle;prefix;suffix in the order of speech.
func personName(fields []string) string {
	fields = append(fields, "", "", "", "", "")
	return words(strings.Join(notEmpty([]string{fields[3], fields[1], fields[2], fields[0], fields[4]}), " "))
}

func notEmpty(texts []string) []string {
	return slices.DeleteFunc(texts, func(text string) bool { return strings.TrimSpace(text) == "" })
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// words makes one line of a text, as short as a name may be.
func words(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return Shorten(strings.Join(strings.Fields(text), " "), api.MaxWords)
}

// note takes control characters but line breaks out of a text.
func note(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text))
}

// Shorten cuts a text to so many bytes, between characters.
func Shorten(text string, most int) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return strings.TrimSpace(text[:most])
}

// Addressable tells whether a text can be an address that mail is sent to: a local
// part and a domain without spaces, controls and what separates addresses.
func Addressable(text string) bool {
	at := strings.LastIndexByte(text, '@')
	if at < 1 || at == len(text)-1 || len(text) > api.MaxAccountLength || !utf8.ValidString(text) {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>()[],;:\\\"", r) || unicode.Is(unicode.Cf, r)
	}) && strings.Count(text, "@") == 1
}
