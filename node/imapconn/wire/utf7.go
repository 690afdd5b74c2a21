package wire

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// modifiedBase64 is that of mailbox names (RFC 3501 section 5.1.3).
var modifiedBase64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// decodeUTF7 decodes a mailbox name in modified UTF-7; false if it is none.
func decodeUTF7(name string) (string, bool) {
	if !strings.Contains(name, "&") {
		return name, utf8.ValidString(name)
	}
	var out strings.Builder
	for name != "" {
		plain, rest, encoded := strings.Cut(name, "&")
		out.WriteString(plain)
		if !encoded {
			break
		}
		code, after, closed := strings.Cut(rest, "-")
		if !closed {
			return "", false
		}
		if code == "" {
			out.WriteByte('&')
		} else if !writeUTF16(&out, code) {
			return "", false
		}
		name = after
	}
	return out.String(), utf8.ValidString(out.String())
}

func writeUTF16(out *strings.Builder, code string) bool {
	data, err := modifiedBase64.DecodeString(code)
	if err != nil || len(data)%2 != 0 || len(data) == 0 {
		return false
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 0; i < len(data); i += 2 {
		units = append(units, uint16(data[i])<<8|uint16(data[i+1]))
	}
	for _, char := range utf16.Decode(units) {
		if char == utf8.RuneError {
			return false
		}
		out.WriteRune(char)
	}
	return true
}

// encodeUTF7 encodes a mailbox name in modified UTF-7.
func encodeUTF7(name string) string {
	var out strings.Builder
	var pending []uint16
	flush := func() {
		if len(pending) == 0 {
			return
		}
		data := make([]byte, 0, 2*len(pending))
		for _, unit := range pending {
			data = append(data, byte(unit>>8), byte(unit))
		}
		out.WriteByte('&')
		out.WriteString(modifiedBase64.EncodeToString(data))
		out.WriteByte('-')
		pending = pending[:0]
	}
	for _, char := range name {
		if char < ' ' || char > '~' {
			pending = utf16.AppendRune(pending, char)
			continue
		}
		flush()
		out.WriteRune(char)
		if char == '&' {
			out.WriteByte('-')
		}
	}
	flush()
	return out.String()
}
