package mailgen

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"strings"
	"time"
)

// draft is a message before it is written.
type draft struct {
	from    Person
	to, cc  []Person
	subject string
	charset string // of subject and names
	date    time.Time
	id      string // without angle brackets
	refs    []string
	extra   [][2]string // further header fields, in order
	body    *part

	quotable string    // text an answer may quote, with CRLF
	lang     *language // nil for bulk mail, which nobody answers
}

// part is a MIME part: either a body or children.
type part struct {
	contentType string // with parameters, but without the boundary
	headers     [][2]string
	body        []byte // transfer-encoded
	children    []*part
}

// newID draws a Message-ID at the sender's domain.
func (s *stream) newID(from Person) string {
	_, domain, _ := strings.Cut(from.Address, "@")
	return fmt.Sprintf("%016x.%04x@%s", s.rng.Uint64(), s.rng.Uint32()&0xffff, domain)
}

// dateLayout is the date-time of RFC 5322 section 3.3.
const dateLayout = "Mon, 2 Jan 2006 15:04:05 -0700"

func (d *draft) bytes(s *stream) []byte {
	var w bytes.Buffer
	d.trace(&w, s)
	field(&w, "Date", d.date.Format(dateLayout))
	field(&w, "From", addressList(d.charset, d.from))
	field(&w, "To", addressList(d.charset, d.to...))
	if len(d.cc) > 0 {
		field(&w, "Cc", addressList(d.charset, d.cc...))
	}
	field(&w, "Subject", encodedWords(d.charset, d.subject))
	field(&w, "Message-ID", "<"+d.id+">")
	if len(d.refs) > 0 {
		field(&w, "In-Reply-To", "<"+d.refs[len(d.refs)-1]+">")
		field(&w, "References", "<"+strings.Join(d.refs, ">\r\n <")+">")
	}
	for _, h := range d.extra {
		field(&w, h[0], h[1])
	}
	field(&w, "MIME-Version", "1.0")
	d.body.write(&w, s)
	return w.Bytes()
}

// trace writes the fields that delivery adds (RFC 5321 section 4.4).
func (d *draft) trace(w *bytes.Buffer, s *stream) {
	if d.from.Address == s.owner.Address {
		return
	}
	field(w, "Return-Path", "<"+d.from.Address+">")
	for i := range 2 {
		field(w, "Received", fmt.Sprintf("from relay%d.example.net (relay%d.example.net [192.0.2.%d])\r\n\tby mx%d.example.edu with ESMTPS id %08x\r\n\tfor <%s>; %s",
			i+1, i+1, 10+s.rng.IntN(200), i+1, s.rng.Uint32(), s.owner.Address, d.date.Add(time.Duration(2-i)*time.Second).Format(dateLayout)))
	}
}

// field writes one header field and folds it at spaces where it is longer than
// 76 columns and not folded already.
func field(w *bytes.Buffer, name, value string) {
	line := name + ": " + value
	if strings.Contains(line, "\r\n") || len(line) <= 76 {
		w.WriteString(line + "\r\n")
		return
	}
	width := 0
	for i, word := range strings.Split(line, " ") {
		switch {
		case i == 0:
		case i > 1 && width+len(word) >= 76: // never directly behind the name
			w.WriteString("\r\n ")
			width = 1
		default:
			w.WriteByte(' ')
			width++
		}
		w.WriteString(word)
		width += len(word)
	}
	w.WriteString("\r\n")
}

// addressList writes mailboxes (RFC 5322 section 3.4), one on each line.
func addressList(charset string, people ...Person) string {
	var list []string
	for _, p := range people {
		name := encodedWords(charset, p.Name)
		if isASCII(p.Name) && strings.ContainsAny(name, `.,:;()<>@"[]\`) {
			name = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
		}
		if name == "" {
			list = append(list, p.Address)
			continue
		}
		list = append(list, name+" <"+p.Address+">")
	}
	return strings.Join(list, ",\r\n ")
}

// write writes the part's header and body.
func (p *part) write(w *bytes.Buffer, s *stream) {
	if p.children == nil {
		field(w, "Content-Type", p.contentType)
		for _, h := range p.headers {
			field(w, h[0], h[1])
		}
		w.WriteString("\r\n")
		w.Write(p.body)
		return
	}
	boundary := fmt.Sprintf("=_%016x%08x", s.rng.Uint64(), s.rng.Uint32())
	field(w, "Content-Type", p.contentType+";\r\n boundary=\""+boundary+"\"")
	for _, h := range p.headers {
		field(w, h[0], h[1])
	}
	w.WriteString("\r\n")
	if s.chance(0.5) {
		w.WriteString("This is a multi-part message in MIME format.\r\n")
	}
	for _, c := range p.children {
		w.WriteString("--" + boundary + "\r\n")
		c.write(w, s)
		if !bytes.HasSuffix(w.Bytes(), []byte("\r\n")) {
			w.WriteString("\r\n")
		}
	}
	w.WriteString("--" + boundary + "--\r\n")
}

func multipart(subtype string, children ...*part) *part {
	return &part{contentType: "multipart/" + subtype, children: children}
}

// text makes a text part in a charset; the transfer encoding is drawn from
// those that suit it.
func (s *stream) text(subtype, charset, text, params string) *part {
	b, ok := encode(charset, text)
	if !ok {
		charset = "utf-8"
		b = []byte(text)
	}
	encoding := "7bit"
	if !isASCII(string(b)) {
		switch {
		case longLines(b), charset == "utf-8" && s.chance(0.4):
			encoding = "base64"
		case s.chance(0.6):
			encoding = "quoted-printable"
		default:
			encoding = "8bit"
		}
	} else if longLines(b) {
		encoding = "quoted-printable"
	}
	return &part{
		contentType: "text/" + subtype + "; charset=" + charset + params,
		headers:     [][2]string{{"Content-Transfer-Encoding", encoding}},
		body:        transferEncode(encoding, b),
	}
}

// longLines reports whether a line is longer than RFC 5322 allows to send
// unencoded.
func longLines(b []byte) bool {
	for line := range bytes.Lines(b) {
		if len(line) > 998 {
			return true
		}
	}
	return false
}

func transferEncode(encoding string, b []byte) []byte {
	var w bytes.Buffer
	switch encoding {
	case "base64":
		const perLine = 57 // 76 characters
		for len(b) > perLine {
			w.WriteString(base64.StdEncoding.EncodeToString(b[:perLine]) + "\r\n")
			b = b[perLine:]
		}
		w.WriteString(base64.StdEncoding.EncodeToString(b) + "\r\n")
	case "quoted-printable":
		q := quotedprintable.NewWriter(&w)
		q.Write(b) // a bytes.Buffer returns no errors
		q.Close()
	default:
		return b
	}
	return w.Bytes()
}

// file makes an attachment, its name written in one of the ways in use.
func (s *stream) file(contentType, name string, content []byte) *part {
	return &part{
		contentType: contentType + ";\r\n " + s.parameter("name", name),
		headers: [][2]string{
			{"Content-Transfer-Encoding", "base64"},
			{"Content-Disposition", "attachment;\r\n " + s.parameter("filename", name)},
		},
		body: transferEncode("base64", content),
	}
}

// parameter writes a MIME parameter: plainly if it is ASCII; otherwise by RFC
// 2231, continued over several lines if long, or, as many programs do against
// the rules, as an encoded word in quotes.
func (s *stream) parameter(name, value string) string {
	if isASCII(value) {
		return name + `="` + value + `"`
	}
	if s.chance(0.4) {
		return name + `="` + encodedWords("utf-8", value) + `"`
	}
	var escaped []string // one element for each octet
	for i := range len(value) {
		c := value[i]
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '.' || c == '-' || c == '_' {
			escaped = append(escaped, string(c))
		} else {
			escaped = append(escaped, fmt.Sprintf("%%%02X", c))
		}
	}
	if whole := strings.Join(escaped, ""); len(whole) <= 60 {
		return name + "*=utf-8''" + whole
	}
	var sections []string
	for i := 0; len(escaped) > 0; i++ {
		n := min(16, len(escaped))
		charset := ""
		if i == 0 {
			charset = "utf-8''"
		}
		sections = append(sections, fmt.Sprintf("%s*%d*=%s%s", name, i, charset, strings.Join(escaped[:n], "")))
		escaped = escaped[n:]
	}
	return strings.Join(sections, ";\r\n ")
}
