package mime

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Field is a field of a header, decoded for display.
type Field struct{ Name, Value string }

// Header is the header of a message or a part: its fields in order. It is as
// tolerant as can be: lines that are no fields are skipped.
type Header struct {
	fields  []rawField
	defects defects
	// rawCharset is what the content is in, where fields have raw 8-bit text that
	// is not UTF-8: they most likely are in it too.
	rawCharset string
}

type rawField struct {
	name  string // as written
	value []byte // unfolded, not decoded
	// spaced tells that white space stood before the colon, which not all programs
	// take for a field.
	spaced bool
}

// ParseHeader reads a header, up to the first empty line.
func ParseHeader(raw []byte) Header {
	header, _ := splitHeader(raw)
	return header
}

// RawHeader is the header of a message as it was written, with the empty line that
// ends it.
func RawHeader(raw []byte) []byte {
	_, body := splitMessage(raw)
	return raw[:len(raw)-len(body)]
}

// splitMessage reads the header of a message, before which there may be what is
// no part of it.
func splitMessage(raw []byte) (Header, []byte) {
	start := raw
	raw = bytes.TrimPrefix(raw, []byte("\xEF\xBB\xBF"))
	if text := bytes.TrimLeft(raw, " \t\r\n"); len(text) < len(raw) && beginsHeader(text) {
		raw = text
	}
	header, body := splitHeader(raw)
	if len(raw) < len(start) {
		header.defects.add(DefectBlankStart)
	}
	if len(header.fields) == 0 {
		if header.defects.has(DefectGarbageLine) {
			body = raw // these lines are all that there is
		}
		header.defects.add(DefectNoHeader)
	}
	return header, body
}

// beginsHeader tells whether text begins with a field that messages begin with.
func beginsHeader(text []byte) bool {
	name, _, ok := bytes.Cut(text[:min(len(text), maxFieldName)], []byte(":"))
	if !ok {
		return false
	}
	switch strings.ToLower(string(name)) {
	case "received", "return-path", "from", "to", "subject", "date", "message-id", "mime-version", "delivered-to", "reply-to", "content-type", "dkim-signature", "x-mailer", "sender", "cc":
		return true
	}
	return false
}

// splitHeader reads a header and returns what follows it. A header that is not
// followed by an empty line ends at the first line that can be no field.
func splitHeader(raw []byte) (Header, []byte) {
	h := headerReader{rest: raw}
	if line, rest := cutLine(raw); isEnvelopeLine(line) {
		h.rest = rest
		h.header.defects.add(DefectEnvelopeLine)
	}
	body := h.read()
	if whole := raw[:len(raw)-len(body)]; hasOddLineEnds(whole) {
		h.header.defects.add(DefectLineEnds)
	}
	if bytes.IndexByte(raw[:len(raw)-len(body)], 0) >= 0 {
		h.header.defects.add(DefectNUL)
	}
	h.header.findCharset()
	return h.header, body
}

// findCharset finds out what raw 8-bit text is in, if there is any.
func (h *Header) findCharset() {
	for i := range h.fields {
		if !utf8.Valid(h.fields[i].value) {
			_, params := parseParameters(toText([]byte(h.raw("Content-Type"))))
			if charset := params["charset"]; !unlabelled[squeeze(charset)] {
				h.rawCharset = charset
			}
			return
		}
	}
}

// isEnvelopeLine tells the line with which messages begin in mbox files (RFC
// 4155) from a From field with a space before its colon.
func isEnvelopeLine(line []byte) bool {
	line, ok := bytes.CutPrefix(bytes.TrimPrefix(line, []byte(">")), []byte("From "))
	return ok && !bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte(":"))
}

// headerReader reads the lines of a header.
type headerReader struct {
	header Header
	rest   []byte
	size   int
}

// read reads to the end of the header and returns what follows.
func (h *headerReader) read() (body []byte) {
	for len(h.rest) > 0 {
		line, rest := cutLine(h.rest)
		if len(line) == 0 {
			return rest
		}
		h.size += len(line)
		if h.size > maxHeader || len(h.header.fields) == maxFields {
			h.header.defects.add(DefectHeaderLimit)
			return skipHeader(h.rest)
		}
		if line[0] == ' ' || line[0] == '\t' {
			if h.folded(line, rest) {
				return rest
			}
		} else if !h.field(line) {
			h.header.defects.add(DefectGarbageLine)
			if bytes.HasPrefix(line, []byte("--")) || len(h.header.fields) > 0 && looksLikeBody(rest) {
				h.header.defects.add(DefectNoBlankLine)
				return h.rest
			}
		}
		h.rest = rest
	}
	return nil
}

// folded adds a line to the field before it. It tells whether the line, which may
// hold only white space, ends the header: some programs leave blanks in the empty
// line.
func (h *headerReader) folded(line, rest []byte) (end bool) {
	text := bytes.TrimLeft(line, " \t")
	if len(text) == 0 && (len(h.header.fields) == 0 || !startsField(rest)) {
		return true
	}
	if last := len(h.header.fields) - 1; last >= 0 {
		field := &h.header.fields[last]
		field.value = append(append(field.value, ' '), text...)
	} else {
		h.header.defects.add(DefectGarbageLine)
	}
	return false
}

// startsField tells whether a header goes on.
func startsField(raw []byte) bool {
	line, _ := cutLine(raw)
	if len(line) == 0 || line[0] == ' ' || line[0] == '\t' {
		return len(raw) > 0
	}
	name, _, ok := bytes.Cut(line, []byte(":"))
	return ok && len(name) > 0 && len(name) <= maxFieldName && !bytes.ContainsAny(bytes.TrimRight(name, " \t"), " \t")
}

// field adds a line that is a field.
func (h *headerReader) field(line []byte) bool {
	name, value, ok := bytes.Cut(line, []byte(":"))
	written := len(name)
	name = bytes.TrimRight(name, " \t")
	if !ok || len(name) == 0 || len(name) > maxFieldName || bytes.ContainsAny(name, " \t") {
		return false
	}
	value = bytes.TrimSpace(value)
	// The capacity is cut so that folded lines are not added inside raw.
	h.header.fields = append(h.header.fields, rawField{string(name), value[:len(value):len(value)], len(name) < written})
	return true
}

// looksLikeBody tells whether no more field follows soon, so that a line that is
// no field is the beginning of the body.
func looksLikeBody(raw []byte) bool {
	for range 3 {
		line, rest := cutLine(raw)
		if name, _, ok := bytes.Cut(line, []byte(":")); ok && len(name) > 0 && !bytes.ContainsAny(name, " \t<>\"'(") {
			return false
		}
		if len(line) == 0 && len(rest) > 0 {
			return false // an empty line still comes
		}
		raw = rest
	}
	return true
}

// hasOddLineEnds tells whether lines end with CR alone or with CRCRLF.
func hasOddLineEnds(raw []byte) bool {
	for {
		at := bytes.IndexByte(raw, '\r')
		if at < 0 {
			return false
		}
		if at+1 < len(raw) && raw[at+1] != '\n' {
			return true
		}
		raw = raw[at+1:]
	}
}

// skipHeader returns what follows the next empty line.
func skipHeader(raw []byte) []byte {
	for len(raw) > 0 {
		line, rest := cutLine(raw)
		if len(line) == 0 {
			return rest
		}
		raw = rest
	}
	return nil
}

// cutLine cuts off the first line: CRLF, CRCRLF, LF and CR all end it.
func cutLine(raw []byte) (line, rest []byte) {
	end := bytes.IndexAny(raw, "\r\n")
	if end < 0 {
		return raw, nil
	}
	next := end
	for next < len(raw) && raw[next] == '\r' {
		next++
	}
	if next < len(raw) && raw[next] == '\n' {
		next++
	} else {
		next = end + 1 // a CR by itself
	}
	return raw[:end], raw[next:]
}

// raw returns the first field of a name, unfolded and not decoded, as UTF-8.
func (h Header) raw(name string) string {
	for i := range h.fields {
		if strings.EqualFold(h.fields[i].name, name) {
			return h.text(&h.fields[i])
		}
	}
	return ""
}

// text returns a field as UTF-8.
func (h Header) text(field *rawField) string {
	if isASCII(field.value) || utf8.Valid(field.value) && bytes.IndexByte(field.value, 0x1B) < 0 {
		return string(field.value)
	}
	if h.rawCharset != "" && !mostlyUTF8(field.value) {
		decoded, _ := decodeCharset(h.rawCharset, field.value)
		return decoded
	}
	return toText(field.value)
}

// Get returns the first field of a name, decoded for display; empty when there
// is none.
func (h Header) Get(name string) string { return DecodeWords(h.raw(name)) }

// Fields returns all fields, decoded for display.
func (h Header) Fields() []Field {
	fields := make([]Field, 0, len(h.fields))
	for i := range h.fields {
		fields = append(fields, Field{plainLine(toText([]byte(h.fields[i].name))), DecodeWords(h.text(&h.fields[i]))})
	}
	return fields
}

// IDs returns the message identifiers of a field such as References, without
// their angle brackets, in order. Words that are none are left out.
func (h Header) IDs(name string) []string {
	var all []string
	for _, field := range h.fields {
		if !strings.EqualFold(field.name, name) {
			continue
		}
		rest := string(field.value)
		for len(all) < maxAddresses {
			var id string
			var ok bool
			if _, rest, ok = strings.Cut(rest, "<"); !ok {
				break
			}
			if id, rest, ok = strings.Cut(rest, ">"); !ok {
				break
			}
			if id = strings.Join(strings.Fields(id), ""); id != "" && isASCII([]byte(id)) && !strings.Contains(id, "<") {
				all = append(all, id)
			}
		}
	}
	return all
}

// Addresses returns the addresses of all fields of a name.
func (h Header) Addresses(name string) []Address {
	var all []Address
	for i := range h.fields {
		if strings.EqualFold(h.fields[i].name, name) && len(all) < maxAddresses {
			all = append(all, parseAddresses(h.text(&h.fields[i]), maxAddresses-len(all))...)
		}
	}
	return all
}
