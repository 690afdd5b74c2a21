package mailgen

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// encodings maps the charset labels in use to their true encodings, not to the
// supersets that browsers decode them with.
var encodings = map[string]encoding.Encoding{
	"iso-8859-1":   charmap.ISO8859_1,
	"iso-8859-2":   charmap.ISO8859_2,
	"iso-8859-6":   charmap.ISO8859_6,
	"iso-8859-7":   charmap.ISO8859_7,
	"iso-8859-8":   charmap.ISO8859_8,
	"iso-8859-9":   charmap.ISO8859_9,
	"iso-8859-15":  charmap.ISO8859_15,
	"windows-1250": charmap.Windows1250,
	"windows-1251": charmap.Windows1251,
	"windows-1252": charmap.Windows1252,
	"windows-1253": charmap.Windows1253,
	"windows-1254": charmap.Windows1254,
	"windows-1255": charmap.Windows1255,
	"windows-1256": charmap.Windows1256,
	"windows-874":  charmap.Windows874,
	"tis-620":      charmap.Windows874,
	"koi8-r":       charmap.KOI8R,
	"iso-2022-jp":  japanese.ISO2022JP,
	"shift_jis":    japanese.ShiftJIS,
	"euc-jp":       japanese.EUCJP,
	"gb2312":       simplifiedchinese.GBK,
	"gb18030":      simplifiedchinese.GB18030,
	"big5":         traditionalchinese.Big5,
	"euc-kr":       korean.EUCKR,
}

// encode returns text in a charset; false if the charset cannot hold it.
func encode(charset, text string) ([]byte, bool) {
	switch charset {
	case "utf-8":
		return []byte(text), true
	case "us-ascii":
		return []byte(text), isASCII(text)
	}
	b, err := encodings[charset].NewEncoder().Bytes([]byte(text))
	return b, err == nil
}

// charsetFor draws a charset of the language that can hold all texts.
func (s *stream) charsetFor(l *language, texts ...string) string {
	charset := pick(s, l.charsets)
	for _, t := range texts {
		if _, ok := encode(charset, t); !ok {
			return "utf-8"
		}
	}
	return charset
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// maxEncodedWord is the longest encoded word (RFC 2047 section 2).
const maxEncodedWord = 75

// encodedWords writes text for a header field: as it is if it is ASCII,
// otherwise as encoded words of whole characters, each on a line of its own.
// Charsets of mostly ASCII letters use Q, the others B.
func encodedWords(charset, text string) string {
	if isASCII(text) {
		return text
	}
	if _, ok := encode(charset, text); !ok || charset == "us-ascii" {
		charset = "utf-8"
	}
	q := strings.HasPrefix(charset, "iso-8859-1") || charset == "iso-8859-2" || charset == "windows-1250" || charset == "windows-1252"
	var words []string
	chunk := ""
	for _, r := range text {
		if word := encodedWord(charset, chunk+string(r), q); len(word) > maxEncodedWord {
			words = append(words, encodedWord(charset, chunk, q))
			chunk = ""
		}
		chunk += string(r)
	}
	words = append(words, encodedWord(charset, chunk, q))
	return strings.Join(words, "\r\n ")
}

func encodedWord(charset, text string, q bool) string {
	b, _ := encode(charset, text)
	if !q {
		return "=?" + charset + "?B?" + base64.StdEncoding.EncodeToString(b) + "?="
	}
	var w strings.Builder
	w.WriteString("=?" + charset + "?Q?")
	for _, c := range b {
		switch {
		case c == ' ':
			w.WriteByte('_')
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '-', c == '!', c == '*', c == '+', c == '/':
			w.WriteByte(c) // the set allowed in a phrase, RFC 2047 section 5 (3)
		default:
			fmt.Fprintf(&w, "=%02X", c)
		}
	}
	w.WriteString("?=")
	return w.String()
}
