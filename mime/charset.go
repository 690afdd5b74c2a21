package mime

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/unicode"
)

// decodeCharset decodes text by the label of its charset. Where the bytes say
// that the label is wrong, they decide. The defect is empty when all is well.
func decodeCharset(label string, text []byte) (string, Defect) {
	name := squeeze(label)
	switch {
	case unlabelled[name]:
		if !isASCII(text) && !utf8.Valid(text) {
			return toText(text), DefectCharsetMissing
		}
		return toText(text), ""
	case utf8Names[name]:
		if plain := bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF")); utf8.Valid(plain) {
			return string(plain), ""
		}
		return toText(text), DefectWrongCharset
	case utf7Names[name]:
		return decodeUTF7(text), ""
	case name == "iso2022kr" || name == "csiso2022kr":
		return decodeISO2022KR(text), ""
	}
	found := findCharset(name)
	switch {
	case found == nil:
		return toText(text), DefectUnknownCharset
	case isASCII(text) && asciiCompatible(found):
		return string(text), ""
	case utf8.Valid(text) && multibyte(text) >= proofOfUTF8(found):
		return string(text), DefectWrongCharset
	}
	decoded := decodeWith(found, text)
	if wrong := undecodable(decoded); wrong > 0 && wrong*10 > len(decoded)-asciiLength(decoded) {
		if better := toText(text); undecodable(better) < wrong {
			return better, DefectWrongCharset
		}
	}
	return decoded, ""
}

func decodeWith(charset encoding.Encoding, text []byte) string {
	decoded, err := charset.NewDecoder().Bytes(text)
	if err != nil {
		return strings.ToValidUTF8(string(text), "\uFFFD")
	}
	return string(decoded)
}

// asciiCompatible tells whether bytes below 0x80 always mean ASCII.
func asciiCompatible(charset encoding.Encoding) bool {
	return !statefulCharsets[charset]
}

// proofOfUTF8 is how many characters of valid UTF-8 prove a label wrong. Text in
// a single-byte charset of the Latin alphabet is hardly ever valid UTF-8; with
// double-byte charsets a few characters may be so by chance.
func proofOfUTF8(label encoding.Encoding) int {
	switch {
	case statefulCharsets[label]:
		return 1 << 30
	case label == charmap.Windows1252 || label == charmap.ISO8859_15:
		return 1
	case doubleByte[label]:
		return 6
	}
	return 3
}

// multibyte counts the characters beyond ASCII of valid UTF-8.
func multibyte(text []byte) int {
	count := 0
	for _, b := range text {
		if b >= 0xC0 {
			count++
		}
	}
	return count
}

// undecodable counts what no text has: replacements and C1 controls.
func undecodable(text string) int {
	count := 0
	for _, char := range text {
		if char == utf8.RuneError || char >= 0x80 && char < 0xA0 {
			count++
		}
	}
	return count
}

func isASCII(text []byte) bool {
	for _, b := range text {
		if b >= 0x80 || b == 0x1B {
			return false
		}
	}
	return true
}

func asciiLength(text string) int {
	count := 0
	for i := range len(text) {
		if text[i] < 0x80 {
			count++
		}
	}
	return count
}

// toText reads text without a charset: as what its bytes say.
func toText(text []byte) string {
	text = bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))
	switch {
	case bytes.HasPrefix(text, []byte("\xFF\xFE")) || bytes.HasPrefix(text, []byte("\xFE\xFF")):
		return decodeWith(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), text)
	case bytes.IndexByte(text, 0x1B) >= 0:
		if found := escapedCharset(text); found != nil {
			return decodeWith(found, text)
		}
	}
	switch {
	case utf8.Valid(text):
		return string(text)
	case mostlyUTF8(text):
		return repairUTF8(text)
	}
	return decodeWith(guessCharset(text), text)
}

// mostlyUTF8 tells whether text is UTF-8 with some damage, perhaps cut in the
// middle of a character, perhaps with Latin-1 in between.
func mostlyUTF8(text []byte) bool {
	good, bad := 0, 0
	western := true
	for i := 0; i < len(text); {
		char, size := utf8.DecodeRune(text[i:])
		switch {
		case char == utf8.RuneError && size == 1 && !utf8.FullRune(text[i:]):
			return good > bad // cut at the end
		case char == utf8.RuneError && size == 1:
			bad++
			for text[i] >= 0xE0 && i+size < len(text) && text[i+size]&0xC0 == 0x80 {
				size++ // the remains of one character
			}
		case size > 1:
			good++
			western = western && char < 0x180
		}
		i += size
	}
	return good >= bad && good > 0 || western && good*4 >= bad && good > 0
}

// repairUTF8 reads UTF-8 with damage. A letter of Latin-1 among it, which
// programs put there when they join texts, stands before a byte that cannot go
// on; the remains of a character become one replacement.
func repairUTF8(text []byte) string {
	var out strings.Builder
	out.Grow(len(text))
	for len(text) > 0 {
		char, size := utf8.DecodeRune(text)
		if char != utf8.RuneError || size > 1 {
			out.Write(text[:size])
			text = text[size:]
			continue
		}
		remains := 1
		for remains < len(text) && text[remains]&0xC0 == 0x80 {
			remains++
		}
		if remains == 1 && text[0] >= 0xC0 && len(text) > 1 {
			out.WriteRune(charmap.Windows1252.DecodeByte(text[0]))
		} else {
			out.WriteRune(utf8.RuneError)
		}
		text = text[remains:]
	}
	return out.String()
}

// decodeUTF7 decodes RFC 2152.
func decodeUTF7(text []byte) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '+' {
			out.WriteByte(text[i])
			continue
		}
		end := i + 1
		for end < len(text) && isBase64(text[end]) {
			end++
		}
		if end == i+1 {
			out.WriteByte('+')
		} else {
			encoded := text[i+1 : end]
			data := make([]byte, base64.RawStdEncoding.DecodedLen(len(encoded)))
			n, _ := base64.RawStdEncoding.Decode(data, encoded)
			units := make([]uint16, 0, n/2)
			for j := 0; j+1 < n; j += 2 {
				units = append(units, uint16(data[j])<<8|uint16(data[j+1]))
			}
			out.WriteString(string(utf16.Decode(units)))
		}
		i = end - 1
		if end < len(text) && text[end] == '-' {
			i = end
		}
	}
	return strings.ToValidUTF8(out.String(), "\uFFFD")
}

// decodeISO2022KR decodes RFC 1557: between SO and SI are the characters of KS C
// 5601, without their eighth bits.
func decodeISO2022KR(text []byte) string {
	plain := make([]byte, 0, len(text))
	shifted := false
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case bytes.HasPrefix(text[i:], []byte("\x1b$)C")):
			i += 3
		case b == 0x0E:
			shifted = true
		case b == 0x0F || b == '\n':
			shifted = false
			if b == '\n' {
				plain = append(plain, b)
			}
		case shifted && b > 0x20 && b < 0x7F:
			plain = append(plain, b|0x80)
		default:
			plain = append(plain, b)
		}
	}
	return decodeWith(korean.EUCKR, plain)
}

func isBase64(b byte) bool {
	return 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '+' || b == '/'
}
