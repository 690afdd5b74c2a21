package mailgen

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// breakages are the ways in which mail is broken on purpose. Each gets a
// well-formed message and returns its bytes after the damage.
var breakages = []func(*stream, *draft) []byte{
	// No charset, though the text is not ASCII.
	func(s *stream, d *draft) []byte {
		b, _ := encode("windows-1251", "Добрый день! Это письмо не говорит, в какой оно кодировке.\r\n")
		d.body = &part{contentType: "text/plain", headers: [][2]string{{"Content-Transfer-Encoding", "8bit"}}, body: b}
		return d.bytes(s)
	},
	// Base64 with foreign characters and a cut end.
	func(s *stream, d *draft) []byte {
		p := s.file("application/pdf", "Broken.pdf", s.pdf("Broken", 2000))
		p.body = append(bytes.Replace(p.body, []byte("\r\n"), []byte("!*\r\n--\r\n"), 3), "QUJ"...)
		d.body = multipart("mixed", d.body, p)
		return d.bytes(s)
	},
	// A boundary that never appears.
	func(s *stream, d *draft) []byte {
		d.body = multipart("mixed", d.body, s.attachment())
		return bytes.Replace(d.bytes(s), []byte(`boundary="=_`), []byte(`boundary="=_gone`), 1)
	},
	// Raw 8-bit header fields.
	func(s *stream, d *draft) []byte {
		b := d.bytes(s)
		subject, _ := encode("iso-8859-1", "Einladung zum Sommerfest für Köche und Gäste")
		b = replaceField(b, "Subject", string(subject))
		from, _ := encode("iso-8859-1", "Jörg Müßig <joerg@example.net>")
		return replaceField(b, "From", string(from))
	},
	// No date.
	func(s *stream, d *draft) []byte {
		return replaceField(d.bytes(s), "Date", "")
	},
	// A subject of 20,000 octets on one line.
	func(s *stream, d *draft) []byte {
		return replaceField(d.bytes(s), "Subject", strings.Repeat("Re: urgent urgent urgent ", 800))
	},
	// A header line without a colon, and an mbox separator above it all.
	func(s *stream, d *draft) []byte {
		b := append([]byte("From robin@example.edu Mon Jan  1 00:00:00 2001\r\n"), d.bytes(s)...)
		return replaceField(b, "Message-ID", "<"+d.id+">\r\nthis line is not a header field")
	},
	// An unknown charset and an unknown transfer encoding.
	func(s *stream, d *draft) []byte {
		d.body = &part{contentType: "text/plain; charset=x-martian", headers: [][2]string{{"Content-Transfer-Encoding", "rot13"}}, body: []byte("Uryyb, jbeyq.\r\n")}
		return d.bytes(s)
	},
	// A closing boundary is missing and the last part is cut.
	func(s *stream, d *draft) []byte {
		d.body = multipart("mixed", d.body, s.file("image/png", "cut.png", s.picture(64, 48)))
		b := d.bytes(s)
		return append(b[:len(b)-1500], "\r\n"...)
	},
}

// malformed makes a message that breaks a rule.
func (s *stream) malformed(date time.Time) []byte {
	return pick(s, breakages)(s, s.letter(languages()[0], date))
}

// replaceField replaces the value of the first header field of that name, or
// removes the field if value is empty.
func replaceField(b []byte, name, value string) []byte {
	start := bytes.Index(b, []byte("\r\n"+name+": "))
	if start < 0 {
		panic(fmt.Sprintf("mailgen: no field %s to replace", name))
	}
	start += 2
	end := start
	for { // over folded lines
		end += bytes.Index(b[end:], []byte("\r\n")) + 2
		if b[end] != ' ' && b[end] != '\t' {
			break
		}
	}
	var w bytes.Buffer
	w.Write(b[:start])
	if value != "" {
		w.WriteString(name + ": " + value + "\r\n")
	}
	w.Write(b[end:])
	return w.Bytes()
}
