package mime

import "strings"

// Address is a mailbox of RFC 5322 section 3.4, decoded for display.
type Address struct{ Name, Email string }

// parseAddresses reads a list of addresses. Groups are given as their members,
// comments as names where there is no other, and what is no address at all as a
// name.
func parseAddresses(field string, most int) []Address {
	var list []Address
	p := addressParser{text: field}
	for len(list) < most && p.more() {
		if address := p.next(); address != (Address{}) {
			list = append(list, address)
		}
	}
	return list
}

// addressParser walks over a field once.
type addressParser struct {
	text string
	pos  int
}

func (p *addressParser) more() bool { return p.pos < len(p.text) }

// next reads up to the next comma or semicolon that is not inside something.
func (p *addressParser) next() Address {
	var phrase, comment, angle strings.Builder
	hasAngle := false
	for p.more() {
		char := p.text[p.pos]
		p.pos++
		switch char {
		case ',', ';':
			return newAddress(phrase.String(), comment.String(), angle.String(), hasAngle)
		case ':':
			if !hasAngle && !strings.ContainsAny(phrase.String(), "@<") {
				phrase.Reset() // the name of a group
				continue
			}
			phrase.WriteByte(char)
		case '"':
			p.quoted(&phrase)
		case '(':
			p.comment(&comment)
		case '<':
			hasAngle = true
			angle.Reset()
			for p.more() && p.text[p.pos] != '>' {
				angle.WriteByte(p.text[p.pos])
				p.pos++
			}
			p.pos++
		default:
			phrase.WriteByte(char)
		}
	}
	return newAddress(phrase.String(), comment.String(), angle.String(), hasAngle)
}

// quoted reads a quoted string whose first quote was read.
func (p *addressParser) quoted(to *strings.Builder) {
	for p.more() {
		char := p.text[p.pos]
		p.pos++
		switch {
		case char == '"':
			return
		case char == '\\' && p.more():
			to.WriteByte(p.text[p.pos])
			p.pos++
		default:
			to.WriteByte(char)
		}
	}
}

// comment reads a comment, which may hold others.
func (p *addressParser) comment(to *strings.Builder) {
	depth := 1
	for p.more() {
		char := p.text[p.pos]
		p.pos++
		switch {
		case char == '\\' && p.more():
			char = p.text[p.pos]
			p.pos++
		case char == '(':
			depth++
		case char == ')':
			if depth--; depth == 0 {
				return
			}
		}
		to.WriteByte(char)
	}
}

func newAddress(phrase, comment, angle string, hasAngle bool) Address {
	phrase = strings.Join(strings.Fields(phrase), " ")
	if hasAngle {
		email := angle
		if route := strings.LastIndexByte(email, ':'); strings.HasPrefix(email, "@") && route >= 0 {
			email = email[route+1:] // an obsolete route (RFC 5322 section 4.4)
		}
		address := Address{Name: DecodeWords(phrase), Email: DecodeWords(strings.Join(strings.Fields(email), ""))}
		if address.Name == "" {
			address.Name = strings.TrimSpace(DecodeWords(comment))
		}
		return address
	}
	if strings.Contains(phrase, "@") && !strings.Contains(phrase, " ") {
		return Address{Name: strings.TrimSpace(DecodeWords(comment)), Email: DecodeWords(phrase)}
	}
	return Address{Name: DecodeWords(phrase)}
}
