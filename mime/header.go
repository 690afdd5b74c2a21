package mime

import (
	"bytes"
	"net/mail"
	"strings"
	"time"
)

// Field is a field of a header, decoded for display.
type Field struct{ Name, Value string }

// Header is the header of a message or a part: its fields in order. It is as
// tolerant as can be: lines that are no fields are skipped.
type Header struct {
	fields []rawField
	// odd tells that something in it broke the standards.
	odd bool
}

type rawField struct {
	name  string // as written
	value []byte // unfolded, not decoded
}

// ParseHeader reads a header, up to the first empty line.
func ParseHeader(raw []byte) Header {
	header, _ := splitHeader(raw)
	return header
}

// splitHeader reads a header and returns what follows it. A header that is not
// followed by an empty line ends at the first line that can be no field.
func splitHeader(raw []byte) (Header, []byte) {
	var header Header
	if line, rest := cutLine(raw); bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From ")) {
		raw, header.odd = rest, true // the envelope line of an mbox file
	}
	size := 0
	for len(raw) > 0 {
		line, rest := cutLine(raw)
		if len(line) == 0 {
			return header, rest
		}
		size += len(line)
		if size > maxHeader || len(header.fields) == maxFields {
			header.odd = true
			return header, skipHeader(raw)
		}
		last := len(header.fields) - 1
		if line[0] == ' ' || line[0] == '\t' {
			if last >= 0 {
				field := &header.fields[last]
				field.value = append(append(field.value, ' '), bytes.TrimLeft(line, " \t")...)
			} else if len(bytes.TrimSpace(line)) == 0 {
				return header, rest
			}
			raw = rest
			continue
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		name = bytes.TrimRight(name, " \t")
		if !ok || len(name) == 0 || len(name) > maxFieldName || bytes.ContainsAny(name, " \t") {
			header.odd = true
			if last >= 0 && looksLikeBody(rest) {
				return header, raw // the empty line is missing
			}
			raw = rest
			continue
		}
		value = bytes.TrimSpace(value)
		// The capacity is cut so that folded lines are not added inside raw.
		header.fields = append(header.fields, rawField{string(name), value[:len(value):len(value)]})
		raw = rest
	}
	return header, nil
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

// raw returns the first field of a name, unfolded and not decoded.
func (h Header) raw(name string) string {
	for _, field := range h.fields {
		if strings.EqualFold(field.name, name) {
			return string(field.value)
		}
	}
	return ""
}

// Get returns the first field of a name, decoded for display; empty when there
// is none.
func (h Header) Get(name string) string { return DecodeWords(h.raw(name)) }

// Fields returns all fields, decoded for display.
func (h Header) Fields() []Field {
	fields := make([]Field, 0, len(h.fields))
	for _, field := range h.fields {
		fields = append(fields, Field{toText([]byte(field.name)), DecodeWords(string(field.value))})
	}
	return fields
}

// Addresses returns the addresses of all fields of a name.
func (h Header) Addresses(name string) []Address {
	var all []Address
	for _, field := range h.fields {
		if strings.EqualFold(field.name, name) && len(all) < maxAddresses {
			all = append(all, parseAddresses(string(field.value), maxAddresses-len(all))...)
		}
	}
	return all
}

// extraDates are forms of dates that net/mail refuses and mail has.
var extraDates = []string{
	"Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05", "Mon Jan 2 15:04:05 2006", "Mon Jan 2 15:04:05 MST 2006",
	time.RFC3339, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05",
}

// Date returns the Date field; false when it is missing or cannot be read.
func (h Header) Date() (time.Time, bool) {
	text := strings.Join(strings.Fields(h.raw("Date")), " ")
	if date, err := mail.ParseDate(text); err == nil {
		return date, sensible(date)
	}
	text, _, _ = strings.Cut(text, " (")
	for _, form := range extraDates {
		if date, err := time.Parse(form, text); err == nil {
			return date, sensible(date)
		}
	}
	return time.Time{}, false
}

// sensible keeps years to what a page can show.
func sensible(date time.Time) bool { return date.Year() >= 1970 && date.Year() < 10000 }
