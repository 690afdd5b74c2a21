package compose

import (
	"strings"
	"unicode/utf8"
)

// parameter writes a parameter of Content-Type or Content-Disposition as pieces,
// between which the field may be folded: as a token, a quoted string, or by RFC
// 2231, in pieces when it is long.
func parameter(name, value string) []string {
	value = oneLine(value)
	switch {
	case isToken(value) && len(name)+len(value) < maxLine-4:
		return []string{name + "=" + value}
	case isASCII(value) && len(name)+len(value) < maxLine-8:
		return []string{name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`}
	}
	const width = 50
	var pieces []string
	var piece strings.Builder
	for len(value) > 0 {
		_, size := utf8.DecodeRuneInString(value)
		encoded := escapePercent(value[:size])
		if piece.Len()+len(encoded) > width {
			pieces = append(pieces, piece.String())
			piece.Reset()
		}
		piece.WriteString(encoded)
		value = value[size:]
	}
	pieces = append(pieces, piece.String())
	if len(pieces) == 1 {
		return []string{name + "*=UTF-8''" + pieces[0]}
	}
	for i, text := range pieces {
		if i == 0 {
			text = "UTF-8''" + text
		}
		pieces[i] = name + "*" + decimal(i) + "*=" + text
	}
	return pieces
}

// escapePercent escapes what is no attribute-char of RFC 2231 section 7.
func escapePercent(text string) string {
	var out strings.Builder
	for i := range len(text) {
		b := text[i]
		if b < 0x80 && isToken(string(rune(b))) && strings.IndexByte("*'%", b) < 0 {
			out.WriteByte(b)
		} else {
			out.Write([]byte{'%', hexDigits[b>>4], hexDigits[b&15]})
		}
	}
	return out.String()
}

// isToken tells a token of RFC 2045 section 5.1.
func isToken(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7F || strings.IndexByte(`()<>@,;:\"/[]?=`, text[i]) >= 0 {
			return false
		}
	}
	return text != ""
}

// mediaType is a media type that may stand in a field.
func mediaType(text string) string {
	kind, subtype, ok := strings.Cut(strings.ToLower(strings.TrimSpace(text)), "/")
	if !ok || !isToken(kind) || !isToken(subtype) || kind == "multipart" || len(text) > 100 {
		return "application/octet-stream"
	}
	return kind + "/" + subtype
}
