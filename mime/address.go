package mime

import "strings"

// Address is a mailbox of RFC 5322 section 3.4, decoded for display.
type Address struct {
	// Name may be empty. An entry of a list that is no address at all, such as
	// the name of an empty group, is only a name.
	Name string
	// Email is local-part@domain, in Unicode where the message has it so (RFC
	// 6532), except a domain whose letters pretend to be others: that is in
	// ASCII. It may be empty or odd in malformed mail.
	Email string
}

// parseAddresses reads a list of addresses as people and programs write them.
// Groups are given as their members, comments as names where there is no other.
func parseAddresses(field string, most int) []Address {
	p := addressParser{text: field, most: most}
	for len(p.list) < most && p.more() {
		p.entry()
	}
	return p.list
}

// addressParser walks over a field once.
type addressParser struct {
	text string
	pos  int
	most int
	list []Address
	// literal says that a quote without an end was met: from then on quotes mean
	// nothing.
	literal bool
	group   string // the name of the group that is open
	members int
	surname string // what an unquoted comma cut off: "Ruiz, Ana <a@b>"
}

func (p *addressParser) more() bool { return p.pos < len(p.text) }

// entry reads up to the next comma or semicolon that is not inside something.
func (p *addressParser) entry() {
	var phrase, comment, angle strings.Builder
	hasAngle := false
	for p.more() {
		char := p.text[p.pos]
		p.pos++
		switch {
		case char == ',' || char == ';':
			p.end(phrase.String(), comment.String(), angle.String(), hasAngle, char)
			return
		case char == ':' && !hasAngle && p.startsGroup(phrase.String()):
			p.group, p.members, p.surname = strings.TrimSpace(phrase.String()), 0, ""
			phrase.Reset()
		case char == '"' && !p.literal:
			p.quoted(&phrase)
		case char == '(':
			p.comment(&comment)
		case char == '<':
			p.angle(&angle, &phrase, &hasAngle)
		case char == '>':
		case char == '=' && strings.HasPrefix(p.text[p.pos-1:], "=?"):
			p.word(&phrase)
		default:
			phrase.WriteByte(char)
		}
	}
	p.end(phrase.String(), comment.String(), angle.String(), hasAngle, 0)
}

// startsGroup tells the colon of a group's name from one inside something else.
func (p *addressParser) startsGroup(phrase string) bool {
	return !strings.ContainsAny(phrase, "@<") && !strings.EqualFold(strings.TrimSpace(phrase), "mailto") && !strings.HasSuffix(strings.ToLower(strings.TrimSpace(phrase)), "[mailto")
}

// word takes an encoded word as a whole: some programs leave commas and quotes in
// it.
func (p *addressParser) word(to *strings.Builder) {
	start := p.pos - 1
	rest := p.text[start:min(len(p.text), start+1000)]
	if word, ok := readWord(rest, 0, strings.LastIndex(rest, "?=")); ok && !strings.ContainsAny(word.data, "<>@") {
		to.WriteString(rest[:word.length])
		p.pos = start + word.length
		return
	}
	to.WriteByte('=')
}

// angle reads what stands in angle brackets. Of several the last counts; the
// others are part of the name.
func (p *addressParser) angle(angle, phrase *strings.Builder, has *bool) {
	if *has && strings.Contains(angle.String(), "@") {
		phrase.WriteString(" <" + angle.String() + ">")
	}
	*has = true
	angle.Reset()
	for p.more() && p.text[p.pos] != '>' {
		if p.text[p.pos] == '<' || p.text[p.pos] == ',' && strings.Contains(angle.String(), "@") && !strings.HasPrefix(strings.TrimSpace(angle.String()), "@") {
			return // the closing bracket is missing
		}
		angle.WriteByte(p.text[p.pos])
		p.pos++
	}
	p.pos++
}

// quoted reads a quoted string whose first quote was read.
func (p *addressParser) quoted(to *strings.Builder) {
	start, length := p.pos, to.Len()
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
	p.pos, p.literal = start, true
	kept := to.String()[:length]
	to.Reset()
	to.WriteString(kept)
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

// end adds the entry that was read, and closes the group after a semicolon.
func (p *addressParser) end(phrase, comment, angle string, hasAngle bool, by byte) {
	phrase = strings.Join(strings.Fields(phrase), " ")
	switch {
	case hasAngle:
		if p.surname != "" && phrase != "" {
			p.list = p.list[:len(p.list)-1]
			phrase = p.surname + ", " + phrase
		}
		p.surname = ""
		p.add(angleAddress(phrase, comment, angle))
	case phrase == "":
		p.surname = ""
	default:
		found := bareAddresses(phrase, comment)
		p.surname = ""
		if len(found) == 1 && found[0].Email == "" && by == ',' && !strings.Contains(phrase, "=?") {
			p.surname = phrase
		}
		p.add(found...)
	}
	if by == ';' || by == 0 {
		if p.group != "" && p.members == 0 {
			p.add(Address{Name: DecodeWords(p.group)})
		}
		p.group, p.surname = "", ""
	}
}

func (p *addressParser) add(found ...Address) {
	for _, address := range found {
		if address != (Address{}) && len(p.list) < p.most {
			p.list = append(p.list, address)
			p.members++
		}
	}
}

// angleAddress makes "phrase <angle> (comment)" an address.
func angleAddress(phrase, comment, angle string) Address {
	email := strings.TrimSpace(angle)
	if route := strings.LastIndexByte(email, ':'); strings.HasPrefix(email, "@") && route >= 0 {
		email = email[route+1:] // an obsolete route (RFC 5322 section 4.4)
	}
	address := Address{Name: DecodeWords(phrase), Email: cleanEmail(email)}
	if address.Name == "" {
		address.Name = strings.TrimSpace(DecodeWords(comment))
	}
	if address.Email == "" && strings.Contains(phrase, "@") && !strings.Contains(phrase, " ") {
		address = Address{Email: cleanEmail(phrase)} // "a@b <>"
	}
	address.Name = unquoteName(address.Name)
	return address
}

// unquoteName removes quotes that belong to the syntax of other programs.
func unquoteName(name string) string {
	name = strings.TrimSpace(name)
	for _, quote := range []string{"'", `"`} {
		if len(name) > 2 && strings.HasPrefix(name, quote) && strings.HasSuffix(name, quote) && strings.Count(name, quote) == 2 {
			name = strings.TrimSpace(name[1 : len(name)-1])
		}
	}
	return name
}

// bareAddresses reads an entry without angle brackets: an address, several with
// only white space between them, or a name before an address.
func bareAddresses(phrase, comment string) []Address {
	name := strings.TrimSpace(DecodeWords(comment))
	if !strings.Contains(phrase, "@") {
		if strings.Contains(phrase, "=?") {
			if decoded := DecodeWords(phrase); plausible(decoded) {
				return []Address{{Name: name, Email: decoded}} // all of it was encoded
			}
		}
		return []Address{{Name: DecodeWords(phrase)}}
	}
	var found []Address
	var words []string
	for _, word := range strings.Fields(phrase) {
		if strings.Contains(word, "@") && !strings.HasPrefix(word, "=?") {
			found = append(found, Address{Name: unquoteName(DecodeWords(strings.Join(words, " "))), Email: cleanEmail(word)})
			words = nil
		} else {
			words = append(words, word)
		}
	}
	rest := DecodeWords(strings.Join(words, " "))
	switch {
	case len(found) == 0:
		return []Address{{Name: rest}}
	case len(found) == 1 && found[0].Name == "":
		if rest != "" {
			name = unquoteName(rest)
		}
		found[0].Name = name
	}
	return found
}

// cleanEmail removes what programs put around an address. Encoded words mean
// nothing in an address (RFC 2047 section 5), and could hide another one; they
// are decoded only where one of them is the whole address.
func cleanEmail(email string) string {
	email = strings.Trim(strings.TrimSpace(email), "<>'[] ")
	if strings.HasSuffix(email, `"`) {
		email = strings.Trim(email, `"`)
	}
	if len(email) > len("mailto:") && strings.EqualFold(email[:len("mailto:")], "mailto:") {
		email = email[len("mailto:"):]
	}
	if strings.HasPrefix(email, "=?") && strings.HasSuffix(email, "?=") && strings.Count(email, "=?") == 1 {
		if decoded := DecodeWords(email); plausible(decoded) {
			return decoded
		}
	}
	if at := strings.LastIndexByte(email, '@'); at >= 0 {
		if local := email[:at]; !strings.HasPrefix(local, `"`) {
			email = strings.Join(strings.Fields(local), "") + "@" + strings.Join(strings.Fields(email[at+1:]), "")
		}
		email = restoreLiteral(email)
	}
	email = strings.TrimSpace(plainLine(toText([]byte(email))))
	if shown := ShownEmail(email); strings.Contains(shown, "xn--") {
		return shown // it is the same address, and cannot be taken for another
	}
	return email
}

// restoreLiteral gives a domain literal its bracket back.
func restoreLiteral(email string) string {
	if open := strings.LastIndex(email, "@["); open >= 0 && !strings.HasSuffix(email, "]") {
		return email + "]"
	}
	return email
}

// plausible tells whether text is a usual address: one at sign, a domain with a
// dot, nothing that means something in a list of addresses.
func plausible(text string) bool {
	at := strings.IndexByte(text, '@')
	if at < 1 || at != strings.LastIndexByte(text, '@') || strings.ContainsAny(text, " \t\r\n<>()[]\\,;:\"") {
		return false
	}
	domain := text[at+1:]
	return strings.Contains(domain, ".") && !strings.HasPrefix(domain, ".") && !strings.HasSuffix(domain, ".") && !strings.Contains(domain, "..")
}
