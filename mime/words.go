package mime

import (
	"encoding/base64"
	"strings"
)

// DecodeWords decodes the encoded words of RFC 2047 in an unfolded field, as
// well as raw 8-bit text, broken ones as far as they can be read: with spaces
// inside, without an end, cut in the middle of a character or of a base64 group.
// What cannot be decoded stays as it is. Control characters become spaces, and
// what reverses the direction of reading goes.
func DecodeWords(text string) string {
	decoded, _ := decodeWords(text)
	return decoded
}

func decodeWords(text string) (string, defects) {
	if !strings.Contains(text, "=?") {
		return plainLine(toText([]byte(text))), nil
	}
	d := wordDecoder{lastEnd: strings.LastIndex(text, "?=")}
	d.all(text)
	return plainLine(d.out.String()), d.found
}

// wordDecoder collects the text of a field. Adjacent words in one charset are
// decoded together: a character may be cut in two by them.
type wordDecoder struct {
	out     strings.Builder
	found   defects
	lastEnd int // where the last "?=" of the field is
	charset string
	pending []byte // decoded from adjacent words, still in charset
	group   string // base64 characters that do not make a whole group yet
}

func (d *wordDecoder) all(text string) {
	afterWord := false // white space between words is not shown
	for pos := 0; ; {
		start := strings.Index(text[pos:], "=?")
		if start < 0 {
			d.flush()
			d.raw(text[pos:])
			return
		}
		start += pos
		word, ok := readWord(text, start, d.lastEnd)
		if !ok {
			d.flush()
			d.raw(text[pos : start+2])
			d.found.add(DefectWord)
			pos, afterWord = start+2, false
			continue
		}
		if gap := text[pos:start]; !afterWord || strings.TrimSpace(gap) != "" {
			d.flush()
			d.raw(gap)
		}
		d.add(word)
		pos, afterWord = start+word.length, true
	}
}

// add takes a word. Charsets with escape sequences begin anew in each word,
// except where a word was cut inside one.
func (d *wordDecoder) add(word encodedWord) {
	if word.broken {
		d.found.add(DefectWord)
	}
	if !strings.EqualFold(word.charset, d.charset) || word.data != "" && d.group != "" && word.encoding != 'b' {
		d.flush()
	}
	d.charset = word.charset
	if word.encoding == 'q' {
		data := decodeQWord(word.data)
		if len(data) > 0 && data[0] == 0x1B {
			d.flush()
			d.charset = word.charset
		}
		d.pending = append(d.pending, data...)
		return
	}
	clean := strings.Map(func(char rune) rune {
		if char < 0x80 && isBase64(byte(char)) {
			return char
		}
		return -1
	}, word.data)
	if clean == "" && strings.Trim(word.data, "= ") != "" {
		d.flush()
		d.out.WriteString(toText([]byte(word.data)))
		d.found.add(DefectWord)
		return
	}
	all := d.group + clean
	whole := len(all) / 4 * 4
	if strings.HasSuffix(strings.TrimSpace(word.data), "=") {
		whole = len(all)
	}
	if d.group != "" {
		d.found.add(DefectWord)
	}
	data, _ := base64.RawStdEncoding.DecodeString(all[:whole])
	if len(data) > 0 && data[0] == 0x1B {
		d.decodePending()
	}
	d.pending, d.group = append(d.pending, data...), all[whole:]
}

func (d *wordDecoder) flush() {
	if d.group != "" {
		data, _ := base64.RawStdEncoding.DecodeString(d.group)
		d.pending, d.group = append(d.pending, data...), ""
	}
	d.decodePending()
	d.charset = ""
}

func (d *wordDecoder) decodePending() {
	if len(d.pending) == 0 {
		return
	}
	text, defect := decodeCharset(d.charset, d.pending)
	d.out.WriteString(text)
	d.found.add(defect)
	d.pending = d.pending[:0]
}

// raw adds what stands between words. UTF-8 is allowed there (RFC 6532).
func (d *wordDecoder) raw(text string) { d.out.WriteString(toText([]byte(text))) }

// encodedWord is "=?charset?encoding?data?=".
type encodedWord struct {
	charset  string
	encoding byte // 'b' or 'q'
	data     string
	length   int  // of all of it
	broken   bool // read, though it breaks the rules
}

// maxCharsetName bounds the name of a charset in an encoded word, in bytes.
const maxCharsetName = 60

// readWord reads an encoded word that begins at start. lastEnd is where the last
// "?=" of the text is, so that none is looked for in vain.
func readWord(text string, start, lastEnd int) (encodedWord, bool) {
	rest := text[start+2:]
	mark := strings.IndexByte(rest[:min(len(rest), maxCharsetName)], '?')
	if mark < 1 || len(rest) < mark+3 || rest[mark+2] != '?' {
		return encodedWord{}, false
	}
	charset, _, _ := strings.Cut(rest[:mark], "*") // a language may follow (RFC 2231)
	word := encodedWord{charset: charset, encoding: rest[mark+1] | 0x20, length: 2 + mark + 3}
	if charset == "" || strings.ContainsAny(charset, " \t=\"<>") || word.encoding != 'b' && word.encoding != 'q' {
		return encodedWord{}, false
	}
	word.data = rest[mark+3:]
	if lastEnd < start+word.length {
		// The end is missing: the word goes to the next white space.
		if end := strings.IndexAny(word.data, " \t\"<>,;"); end >= 0 {
			word.data = word.data[:end]
		}
		word.data = strings.TrimSuffix(word.data, "?")
		word.length, word.broken = word.length+len(word.data), true
		return word, len(word.data) > 0
	}
	end := wordEnd(word.data)
	word.data = word.data[:end]
	word.length += end + len("?=")
	word.broken = strings.ContainsAny(word.data, " \t?")
	return word, true
}

// wordEnd finds the "?=" that ends a word. A question mark that should have been
// encoded, before an encoded byte, looks like one: "?=3D?=".
func wordEnd(data string) int {
	end := strings.Index(data, "?=")
	if rest := data[end+2:]; len(rest) > 2 && isHex(rest[0]) && isHex(rest[1]) {
		if next := strings.Index(rest[:min(len(rest), 80)], "?="); next >= 0 && !strings.ContainsAny(rest[:next], " \t") && !strings.Contains(rest[:next+1], "=?") {
			return end + 2 + next
		}
	}
	return end
}

func decodeQWord(text string) []byte {
	data := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '_':
			data = append(data, ' ')
		case text[i] == '=' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]):
			data = append(data, unhex(text[i+1])<<4|unhex(text[i+2]))
			i += 2
		default:
			data = append(data, text[i])
		}
	}
	return data
}

func isHex(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F'
}

func unhex(b byte) byte {
	switch {
	case b >= 'a':
		return b - 'a' + 10
	case b >= 'A':
		return b - 'A' + 10
	default:
		return b - '0'
	}
}

// plainLine makes control characters spaces, and drops those that turn the
// direction of what follows: with them a name can pretend to be another one.
func plainLine(text string) string {
	return strings.Map(func(char rune) rune {
		switch {
		case char < ' ' || char == 0x7f || char >= 0x80 && char < 0xa0 || char == 0x2028 || char == 0x2029:
			return ' '
		case turnsDirection(char):
			return -1
		}
		return char
	}, text)
}

// turnsDirection tells the embeddings, overrides and isolates of Unicode's
// bidirectional algorithm from its harmless marks.
func turnsDirection(char rune) bool {
	return char >= 0x202A && char <= 0x202E || char >= 0x2066 && char <= 0x2069
}
