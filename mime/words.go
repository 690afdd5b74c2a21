package mime

import (
	"encoding/base64"
	"strings"
)

// DecodeWords decodes the encoded words of RFC 2047 in an unfolded field, as
// well as raw 8-bit text. What cannot be decoded stays as it is. Control
// characters become spaces.
func DecodeWords(text string) string {
	if !strings.Contains(text, "=?") {
		return plainLine(toText([]byte(text)))
	}
	var out strings.Builder
	var pending []byte   // bytes of adjacent words in one charset
	pendingCharset := "" // a character may be cut in two by such words
	afterWord := false   // white space between words is not shown
	flush := func() {
		if len(pending) > 0 {
			decoded, _ := decodeCharset(pendingCharset, pending)
			out.WriteString(decoded)
			pending = pending[:0]
		}
	}
	for text != "" {
		start := strings.Index(text, "=?")
		if start < 0 {
			break
		}
		charset, data, length, ok := decodeWord(text[start:])
		if !ok {
			flush()
			out.WriteString(toText([]byte(text[:start+2])))
			text, afterWord = text[start+2:], false
			continue
		}
		if gap := text[:start]; !afterWord || strings.TrimSpace(gap) != "" {
			flush()
			out.WriteString(toText([]byte(gap)))
		}
		if !strings.EqualFold(charset, pendingCharset) {
			flush()
		}
		pendingCharset, pending, afterWord = charset, append(pending, data...), true
		text = text[start+length:]
	}
	flush()
	out.WriteString(toText([]byte(text)))
	return plainLine(out.String())
}

// decodeWord reads an encoded word at the beginning of text.
func decodeWord(text string) (charset string, data []byte, length int, ok bool) {
	fields := strings.SplitN(text[2:], "?", 4)
	if len(fields) < 4 || len(fields[1]) != 1 || !strings.HasPrefix(fields[3], "=") {
		return "", nil, 0, false
	}
	charset, _, _ = strings.Cut(fields[0], "*") // a language may follow (RFC 2231)
	if charset == "" || strings.ContainsAny(charset, " \t") {
		return "", nil, 0, false
	}
	switch fields[1] {
	case "b", "B":
		data = decodeBase64Word(fields[2])
	case "q", "Q":
		data = decodeQWord(fields[2])
	default:
		return "", nil, 0, false
	}
	return charset, data, len("=?") + len(fields[0]) + 1 + len(fields[1]) + 1 + len(fields[2]) + len("?="), true
}

func decodeBase64Word(text string) []byte {
	clean := strings.Map(func(char rune) rune {
		if strings.ContainsRune(" \t=", char) {
			return -1
		}
		return char
	}, text)
	data, err := base64.RawStdEncoding.DecodeString(clean)
	if err != nil && len(data) == 0 {
		return []byte(text)
	}
	return data
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

// plainLine makes control characters spaces.
func plainLine(text string) string {
	return strings.Map(func(char rune) rune {
		if char < ' ' || char == 0x7f || char >= 0x80 && char < 0xa0 {
			return ' '
		}
		return char
	}, text)
}
