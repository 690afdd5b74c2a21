package mime

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"unicode/utf8"
)

// textContent is the decoded text of a part.
type textContent struct {
	text string
	cut  bool // there is more than the limit
}

// partText decodes a text part, up to maxText bytes, or maxHTML of HTML, and
// notes in it what was wrong.
func partText(part *Part) textContent {
	limit := maxText
	if part.MediaType == "text/html" {
		limit = maxHTML
	}
	data, cut := decodeText(part, limit)
	charset := part.Params["charset"]
	if charset == "" && part.MediaType == "text/html" {
		charset = metaCharset(data)
	}
	text, defect := decodeCharset(charset, data)
	part.defect(defect)
	return textContent{text, cut}
}

// decodeText undoes the transfer encoding: the one that the part names, or the
// one that its content has.
func decodeText(part *Part, limit int) (data []byte, cut bool) {
	encoded := part.Encoded
	if len(part.inText) > 0 {
		encoded = withoutFiles(encoded, part.inText)
	}
	encoding := transferEncoding(part.Encoding)
	if encoding == "" {
		if encoding = hiddenEncoding(encoded); encoding != "" {
			part.defect(DefectWrongEncoding)
		}
	}
	decoder := NewDecoder(encoding, bytes.NewReader(encoded))
	data, err := io.ReadAll(io.LimitReader(decoder, int64(limit)+1))
	if err != nil {
		part.defect(DefectUnknownEncoding)
	}
	if len(data) > limit {
		return wholeCharacters(data[:limit]), true
	}
	if noticing, ok := decoder.(defectReader); ok {
		part.defect(noticing.defect())
	}
	if base64, ok := decoder.(*base64Reader); ok && len(bytes.TrimSpace(base64.footer)) > 0 {
		if !base64.begun {
			part.defect(DefectWrongEncoding) // it never was base64
			return encoded[:min(len(encoded), limit)], len(encoded) > limit
		}
		data = append(append(data, '\n'), base64.footer...)
	}
	return data, false
}

// withoutFiles leaves out the files that stand in a text.
func withoutFiles(text []byte, files []uuencoded) []byte {
	rest := make([]byte, 0, len(text))
	pos := 0
	for _, file := range files {
		rest = append(rest, text[pos:file.start]...)
		pos = file.end
	}
	return append(rest, text[pos:]...)
}

// hiddenEncoding tells how a text is encoded that claims not to be: empty for not
// at all. It must be certain, for text about encodings is text.
func hiddenEncoding(text []byte) string {
	switch {
	case isHiddenBase64(text):
		return "base64"
	case isHiddenQuoted(text):
		return "quoted-printable"
	}
	return ""
}

// minHiddenBase64 is from which length a text of nothing but base64 is taken for
// base64, in bytes.
const minHiddenBase64 = 120

// isHiddenBase64 tells whether a text is full lines of base64, which decode to
// text.
func isHiddenBase64(text []byte) bool {
	text = bytes.TrimSpace(text)
	if len(text) < minHiddenBase64 || bytes.IndexByte(text[:60], ' ') >= 0 {
		return false
	}
	head := text[:min(len(text), 4<<10)]
	width := 0
	var characters []byte
	for rest := head; len(rest) > 0; {
		line, next := cutLine(rest)
		if width == 0 {
			width = len(line)
		}
		if len(line) > width || len(line) < width && len(next) > 0 || width < 60 || width%4 != 0 {
			return false
		}
		for _, b := range bytes.TrimRight(line, "=") {
			if !base64Value[b] {
				return false
			}
		}
		characters = append(characters, bytes.TrimRight(line, "=")...)
		rest = next
	}
	decoded, _ := base64.RawStdEncoding.DecodeString(string(characters[:len(characters)/4*4]))
	return utf8.Valid(wholeCharacters(decoded)) && !bytes.ContainsAny(decoded, "\x00\x01\x02\x03\x04\x05\x06")
}

// isHiddenQuoted tells whether a text has the soft line breaks of
// quoted-printable, and nothing that it would not have.
func isHiddenQuoted(text []byte) bool {
	soft, escapes := 0, 0
	head := text[:min(len(text), 32<<10)]
	for pos := 0; ; {
		at := bytes.IndexByte(head[pos:], '=')
		if at < 0 {
			return soft > 0 && escapes > 0 && soft+escapes > 2
		}
		pos += at + 1
		switch rest := head[pos:]; {
		case bytes.HasPrefix(rest, []byte("\n")), bytes.HasPrefix(rest, []byte("\r\n")):
			soft++
		case len(rest) < 2:
		case isHex(rest[0]) && isHex(rest[1]) && strings.ToUpper(string(rest[:2])) == string(rest[:2]):
			escapes++
		default:
			return false
		}
	}
}

// Examine looks for all defects of a message, also those that nothing has met yet
// because nobody asked for what is broken: in fields, transfer encodings and
// charsets. It decodes the whole message.
func (m *Message) Examine() {
	if m.Root == nil {
		return
	}
	m.Root.defect(m.Header.examine()...)
	m.walk(func(part *Part) bool {
		if part != m.Root {
			part.defect(part.Header.examineText()...)
		}
		if part.limited() || len(part.Children) > 0 && strings.HasPrefix(part.MediaType, "multipart/") {
			return true
		}
		if strings.HasPrefix(part.MediaType, "text/") {
			partText(part)
			return true
		}
		decoder := part.Decode()
		if _, err := io.Copy(io.Discard, decoder); err != nil {
			part.defect(DefectUnknownEncoding)
		}
		if noticing, ok := decoder.(defectReader); ok {
			part.defect(noticing.defect())
		}
		return true
	})
	m.noteDefects()
}

// onceFields may stand once (RFC 5322 section 3.6).
var onceFields = []string{"Date", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject", "Content-Type", "Content-Transfer-Encoding"}

// examine looks for defects in the fields of a message.
func (h Header) examine() defects {
	found := h.examineText()
	for _, name := range onceFields {
		count := 0
		for i := range h.fields {
			if strings.EqualFold(h.fields[i].name, name) {
				count++
			}
		}
		if count > 1 {
			found.add(DefectRepeatedField)
		}
	}
	for _, name := range []string{"From", "Sender", "Reply-To", "To", "Cc"} {
		for _, address := range h.Addresses(name) {
			if !strings.Contains(address.Email, "@") && (address.Email != "" || name == "From") {
				found.add(DefectAddress)
			}
		}
	}
	if _, ok := ParseDate(h.raw("Date")); !ok {
		found.add(DefectDate)
	}
	return found
}

// examineText looks for text that is not encoded as it should be.
func (h Header) examineText() defects {
	var found defects
	for i := range h.fields {
		if !utf8.Valid(h.fields[i].value) || bytes.IndexByte(h.fields[i].value, 0x1B) >= 0 {
			found.add(DefectRawHeader)
		}
		_, broken := decodeWords(string(h.fields[i].value))
		found.add(broken...)
	}
	return found
}
