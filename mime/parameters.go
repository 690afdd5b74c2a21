package mime

import (
	"strings"
)

// maxParameters bounds the parameters of a field, and the pieces of one of them.
const maxParameters = 200

// parameters are read from a field such as Content-Type, however they are
// written: by RFC 2045, by RFC 2231 with and without a charset, in pieces, with
// encoded words as much mail wrongly has, without quotes, without semicolons.
type parameters struct {
	plain    map[string]string
	extended map[string]string // by RFC 2231: these count more
	pieces   map[string]map[int]piece
}

// piece is part of a value that was cut in pieces (RFC 2231 section 3).
type piece struct {
	charset, text string
	encoded       bool
}

// parseParameters reads the value of Content-Type or Content-Disposition: the
// value itself, in lower case, and its parameters with lower-case names, decoded.
func parseParameters(field string) (string, map[string]string) {
	value, rest := splitValue(field)
	if rest == "" {
		return value, map[string]string{}
	}
	p := parameters{plain: map[string]string{}}
	for count := 0; rest != "" && count < maxParameters; count++ {
		var name, text string
		name, text, rest = nextParameter(rest)
		p.add(name, text)
	}
	return value, p.all()
}

// DecodeParameters decodes parameters that somebody else took apart, such as a mail
// server in a BODYSTRUCTURE: most servers leave the forms of RFC 2231 as they are.
func DecodeParameters(taken map[string]string) map[string]string {
	p := parameters{plain: make(map[string]string, len(taken))}
	count := 0
	for name, value := range taken {
		if count++; count > maxParameters {
			break
		}
		p.add(strings.ToLower(name), value)
	}
	return p.all()
}

// splitValue takes the value off the front of a field.
func splitValue(field string) (value, rest string) {
	value = strings.TrimLeft(dropComments(field), " \t\"'")
	end := strings.IndexAny(value, "; \t,\"'")
	if end < 0 {
		return strings.ToLower(value), ""
	}
	return strings.ToLower(value[:end]), value[end+1:]
}

// dropComments removes a comment (RFC 5322 section 3.2.2) before the parameters,
// where it cannot be part of a value.
func dropComments(field string) string {
	open := strings.IndexByte(field, '(')
	if open < 0 || strings.Contains(field[:open], ";") {
		return field
	}
	closing := strings.IndexByte(field[open:], ')')
	if closing < 0 {
		return field
	}
	return field[:open] + " " + field[open+closing+1:]
}

// nextParameter reads "name=value" and what follows it.
func nextParameter(text string) (name, value, rest string) {
	text = strings.TrimLeft(text, "; \t,\"")
	equals := strings.IndexAny(text, "=;")
	if equals < 0 {
		return "", "", ""
	}
	name = strings.ToLower(strings.TrimSpace(text[:equals]))
	if space := strings.LastIndexAny(name, " \t"); space >= 0 {
		name = name[space+1:] // words that belong to nothing
	}
	if text[equals] == ';' {
		return "", "", text[equals+1:]
	}
	value, rest = parameterValue(strings.TrimLeft(text[equals+1:], " \t"))
	return name, value, rest
}

// parameterValue reads a value. Without quotes it goes to the semicolon, unless
// another parameter follows without one.
func parameterValue(text string) (value, rest string) {
	if strings.HasPrefix(text, `"`) {
		return quotedValue(text[1:])
	}
	end := strings.IndexByte(text, ';')
	if end < 0 {
		end = len(text)
	}
	value, rest = text[:end], text[end:]
	if next := strings.IndexByte(value, '='); next > 0 && !strings.HasPrefix(value, "=?") {
		// "boundary=a charset=b" has no semicolon.
		if space := strings.LastIndexAny(value[:next], " \t"); space > 0 && isToken(value[space+1:next]) {
			return strings.TrimSpace(value[:space]), text[space+1:]
		}
	}
	if comment := strings.Index(value, " ("); comment > 0 && strings.HasSuffix(strings.TrimSpace(value), ")") && !strings.Contains(value[:comment], " ") {
		value = value[:comment]
	}
	return strings.TrimSpace(value), rest
}

// quotedValue reads to the closing quote. A quote that nothing may follow is
// part of the value; without any, so is everything up to a semicolon. A
// backslash before anything but a quote or a backslash is one of Windows' paths.
func quotedValue(text string) (value, rest string) {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			out.WriteByte(text[i])
		case text[i] == '"':
			after := strings.TrimLeft(text[i+1:], " \t")
			if after == "" || after[0] == ';' || after[0] == ',' || after[0] == '(' || isNamed(after) {
				return out.String(), after
			}
			out.WriteByte('"')
		default:
			out.WriteByte(text[i])
		}
	}
	if end := strings.IndexByte(text, ';'); end >= 0 {
		return strings.Trim(text[:end], " \t"), text[end:]
	}
	return out.String(), ""
}

// isNamed tells whether text begins with a name and an equals sign.
func isNamed(text string) bool {
	equals := strings.IndexByte(text[:min(len(text), 40)], '=')
	return equals > 0 && isToken(text[:equals])
}

// isToken tells whether text can be the name of a parameter (RFC 2045 section
// 5.1).
func isToken(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7F || strings.IndexByte(`()<>@,;:\"/[]?=`, text[i]) >= 0 {
			return false
		}
	}
	return text != ""
}

func (p *parameters) add(name, value string) {
	if name == "" {
		return
	}
	base, extended := strings.CutSuffix(name, "*")
	stem, index, continued := strings.Cut(base, "*")
	number, valid := smallNumber(index)
	switch {
	case continued && valid:
		if p.pieces == nil {
			p.pieces = map[string]map[int]piece{}
		}
		if p.pieces[stem] == nil {
			p.pieces[stem] = map[int]piece{}
		}
		made := piece{text: value, encoded: extended}
		if extended && number == 0 {
			made.charset, made.text = cutCharset(value)
		}
		if _, known := p.pieces[stem][number]; !known {
			p.pieces[stem][number] = made
		}
	case extended:
		charset, text := cutCharset(value)
		if p.extended == nil {
			p.extended = map[string]string{}
		}
		p.extended[base], _ = decodeCharset(charset, unescapePercent(text))
	default:
		if _, known := p.plain[base]; !known {
			p.plain[base] = value
		}
	}
}

// all returns the parameters, the best form of each.
func (p *parameters) all() map[string]string {
	for name, value := range p.plain {
		p.plain[name] = DecodeWords(value)
	}
	for name, list := range p.pieces {
		var whole []byte
		for i := 0; ; i++ {
			next, ok := list[i]
			if !ok {
				break
			}
			if next.encoded {
				whole = append(whole, unescapePercent(next.text)...)
			} else {
				whole = append(whole, next.text...)
			}
		}
		if len(whole) == 0 {
			continue
		}
		text, _ := decodeCharset(list[0].charset, whole)
		if strings.Contains(text, "=?") {
			text = DecodeWords(text)
		}
		p.plain[name] = text
	}
	for name, value := range p.extended {
		p.plain[name] = value
	}
	return p.plain
}

// cutCharset takes "charset'language'" off a value of RFC 2231.
func cutCharset(value string) (charset, text string) {
	if fields := strings.SplitN(value, "'", 3); len(fields) == 3 {
		return fields[0], fields[2]
	}
	return "", value
}

// unescapePercent undoes the escapes of RFC 2231; a percent sign that is none
// stays.
func unescapePercent(text string) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]) {
			out = append(out, unhex(text[i+1])<<4|unhex(text[i+2]))
			i += 2
		} else {
			out = append(out, text[i])
		}
	}
	return out
}

// smallNumber reads the number of a piece.
func smallNumber(text string) (int, bool) {
	if len(text) == 0 || len(text) > 3 {
		return 0, false
	}
	number := 0
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		number = number*10 + int(text[i]-'0')
	}
	return number, number < maxParameters
}
