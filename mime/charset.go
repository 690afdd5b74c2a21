package mime

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// charsetAliases are labels that mail has and registries do not.
var charsetAliases = map[string]encoding.Encoding{
	"cp932": japanese.ShiftJIS, "ms932": japanese.ShiftJIS, "ms-kanji": japanese.ShiftJIS, "x-sjis-cp932": japanese.ShiftJIS,
	"iso-2022-jp-2": japanese.ISO2022JP, "iso-2022-jp-3": japanese.ISO2022JP, "iso-2022-jp-ms": japanese.ISO2022JP, "cp50220": japanese.ISO2022JP, "cp50221": japanese.ISO2022JP,
	"eucjp-ms": japanese.EUCJP, "cp51932": japanese.EUCJP,
	"cp949": korean.EUCKR, "ms949": korean.EUCKR, "uhc": korean.EUCKR, "ks_c_5601": korean.EUCKR, "ksc5601": korean.EUCKR, "x-windows-949": korean.EUCKR,
	"cp936": simplifiedchinese.GBK, "ms936": simplifiedchinese.GBK, "gb_2312-80": simplifiedchinese.GBK, "euc-cn": simplifiedchinese.GBK, "hz-gb-2312": simplifiedchinese.HZGB2312,
	"cp950": traditionalchinese.Big5, "ms950": traditionalchinese.Big5, "x-big5": traditionalchinese.Big5, "big5-hkscs": traditionalchinese.Big5,
	"cp874": charmap.Windows874, "tis-620": charmap.Windows874, "iso-8859-11": charmap.Windows874,
	"latin-1": charmap.Windows1252, "latin1": charmap.Windows1252, "8859-1": charmap.Windows1252, "iso8859_1": charmap.Windows1252, "iso-8859-1-windows-3.1-latin-1": charmap.Windows1252,
	"ansi": charmap.Windows1252, "x-ansi": charmap.Windows1252, "ansi_x3.110-1983": charmap.Windows1252, "x-user-defined": charmap.Windows1252, "8bit": charmap.Windows1252, "binary": charmap.Windows1252,
	"koi8": charmap.KOI8R, "koi8-ru": charmap.KOI8U, "mac": charmap.Macintosh, "x-mac": charmap.Macintosh,
	"cp437": charmap.CodePage437, "cp850": charmap.CodePage850, "cp852": charmap.CodePage852, "cp855": charmap.CodePage855, "cp858": charmap.CodePage858, "cp866": charmap.CodePage866,
	"iso-8859-8-e": charmap.ISO8859_8, "iso-8859-6-e": charmap.ISO8859_6, "iso-8859-6-i": charmap.ISO8859_6,
}

// utf8Labels are labels of UTF-8 and of its subset.
var utf8Labels = map[string]bool{
	"": true, "utf-8": true, "utf8": true, "unicode-1-1-utf-8": true, "utf-8mb4": true, "us-ascii": true, "ascii": true,
	"ansi_x3.4-1968": true, "unknown-8bit": true, "x-unknown": true, "unknown": true, "default": true, "none": true, "_autodetect_all": true,
}

// decodeCharset decodes text by the label of its charset; false when the label
// is unknown, and the text then guessed.
func decodeCharset(label string, text []byte) (string, bool) {
	label = strings.ToLower(strings.Trim(label, " \t\"'"))
	switch {
	case utf8Labels[label]:
		return toText(text), true
	case label == "utf-7" || label == "unicode-1-1-utf-7" || label == "x-unicode-2-0-utf-7":
		return decodeUTF7(text), true
	}
	found := findCharset(label)
	if found == nil {
		return toText(text), false
	}
	decoded, err := found.NewDecoder().Bytes(text)
	if err != nil {
		return toText(text), false
	}
	return string(decoded), true
}

func findCharset(label string) encoding.Encoding {
	if found := charsetAliases[label]; found != nil {
		return found
	}
	if found, err := htmlindex.Get(label); err == nil && found != encoding.Replacement {
		return found
	}
	if found, err := ianaindex.MIME.Encoding(label); err == nil && found != nil {
		return found
	}
	// win-1251, windows1251, cp-1251, x-cp1251 and the like
	for _, prefix := range []string{"windows-", "windows", "win-", "win", "x-cp", "cp-", "cp", "ms-cp"} {
		if number, ok := strings.CutPrefix(label, prefix); ok && len(number) == 4 {
			if found, err := htmlindex.Get("windows-" + number); err == nil {
				return found
			}
		}
	}
	if number, ok := strings.CutPrefix(label, "iso8859-"); ok {
		if found, err := htmlindex.Get("iso-8859-" + number); err == nil {
			return found
		}
	}
	return nil
}

// toText reads text without a charset: UTF-8 when it is valid, else the charset
// that most unlabelled mail has.
func toText(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	if mostlyUTF8(text) {
		return strings.ToValidUTF8(string(text), "\uFFFD")
	}
	decoded, err := charmap.Windows1252.NewDecoder().Bytes(text)
	if err != nil {
		return strings.ToValidUTF8(string(text), "\uFFFD")
	}
	return string(decoded)
}

// mostlyUTF8 tells whether text is UTF-8 with some damage, perhaps cut in the
// middle of a character.
func mostlyUTF8(text []byte) bool {
	good, bad := 0, 0
	for i := 0; i < len(text); {
		char, size := utf8.DecodeRune(text[i:])
		switch {
		case char == utf8.RuneError && size == 1:
			bad++
		case size > 1:
			good++
		}
		i += size
	}
	return good > bad
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

func isBase64(b byte) bool {
	return 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '+' || b == '/'
}
