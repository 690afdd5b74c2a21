package compose

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"alphamail/mime"
)

// Write writes the message as it is sent: without Bcc, text as format=flowed. It
// tells what the message needs of the server, which is never more than the
// server has.
func (d *Draft) Write(w io.Writer, server Server) (Needs, error) {
	return d.write(w, server, false)
}

// WriteDraft writes the message for its author to go on with: with Bcc, and with
// the text exactly as it is. Read reads it back.
func (d *Draft) WriteDraft(w io.Writer) error {
	_, err := d.write(w, Server{SMTPUTF8: true}, true)
	return err
}

func (d *Draft) write(w io.Writer, server Server, draft bool) (Needs, error) {
	if !draft && d.From.Email == "" {
		return Needs{}, ErrAddress
	}
	out := bufio.NewWriter(w)
	m := &writer{out: out, server: server, draft: draft}
	m.needs.SMTPUTF8 = server.SMTPUTF8 && d.hasUnicodeAddress()
	if err := m.header(d); err != nil {
		return Needs{}, err
	}
	if err := m.body(d); err != nil {
		return Needs{}, err
	}
	return m.needs, out.Flush()
}

// hasUnicodeAddress tells whether a local part is not in ASCII.
func (d *Draft) hasUnicodeAddress() bool {
	for _, list := range [][]mime.Address{{d.From}, {d.Sender}, d.ReplyTo, d.To, d.Cc, d.Bcc} {
		for _, address := range list {
			if local := address.Email[:max(0, strings.LastIndexByte(address.Email, '@'))]; !isASCII(local) {
				return true
			}
		}
	}
	return false
}

// writer writes one message.
type writer struct {
	out    *bufio.Writer
	server Server
	draft  bool
	needs  Needs
}

// header writes the fields of RFC 5322 in its order of importance to readers.
func (m *writer) header(d *Draft) error {
	f := &fieldWriter{m.out, m.needs.SMTPUTF8}
	if !d.Date.IsZero() {
		f.tokens("Date", []string{d.Date.Format("Mon, 2 Jan 2006 15:04:05 -0700")}, "")
	}
	var bcc []mime.Address
	if m.draft {
		bcc = d.Bcc
	}
	for _, field := range []struct {
		name string
		list []mime.Address
	}{{"From", one(d.From)}, {"Sender", one(d.Sender)}, {"Reply-To", d.ReplyTo}, {"To", d.To}, {"Cc", d.Cc}, {"Bcc", bcc}} {
		list := field.list
		if m.draft {
			list = m.finished(f, field.name, list)
		}
		if err := f.addresses(field.name, list); err != nil {
			return err
		}
	}
	if !m.draft && len(d.To)+len(d.Cc) == 0 && len(d.Bcc) > 0 {
		f.tokens("To", []string{"undisclosed-recipients:;"}, "")
	}
	f.text("Subject", d.Subject)
	f.text("Organization", d.Organization)
	f.ids("Message-ID", []string{d.MessageID})
	f.ids("In-Reply-To", d.InReplyTo)
	f.ids("References", shortReferences(d.References))
	if d.RequestedReceipt {
		if err := f.addresses("Disposition-Notification-To", one(d.From)); err != nil {
			return err
		}
	}
	m.out.WriteString("MIME-Version: 1.0\r\n")
	return nil
}

func one(address mime.Address) []mime.Address {
	if address == (mime.Address{}) {
		return nil
	}
	return []mime.Address{address}
}

// unfinishedPrefix begins the names of the fields in which a draft keeps the
// addresses that its author has not finished writing.
const unfinishedPrefix = "X-Unfinished-"

// finished returns the addresses that are some, and writes the others into a
// field of their own, so that a draft can be kept at any time.
func (m *writer) finished(f *fieldWriter, name string, list []mime.Address) []mime.Address {
	var kept []mime.Address
	var others []string
	for _, address := range list {
		if _, err := f.email(address.Email); err == nil {
			kept = append(kept, address)
		} else if word := url.QueryEscape(address.Name) + "/" + url.QueryEscape(address.Email); len(word) < hardLine-maxLine {
			others = append(others, word)
		}
	}
	f.tokens(unfinishedPrefix+name, others, "")
	return kept
}

// maxReferences bounds References: the first and the latest ones say where a
// message belongs.
const maxReferences = 30

func shortReferences(ids []string) []string {
	if len(ids) <= maxReferences {
		return ids
	}
	return append(append([]string{}, ids[0]), ids[len(ids)-maxReferences+1:]...)
}

// body writes the content: text alone, or with what else there is around it.
//
//	mixed { alternative { text, related { html, pictures } }, attachments }
func (m *writer) body(d *Draft) error {
	if len(d.Attachments) == 0 {
		return m.content(d)
	}
	return m.multipart("mixed", func(next func() error) error {
		if err := m.part(next, func() error { return m.content(d) }); err != nil {
			return err
		}
		return m.attachments(next, d.Attachments, "attachment")
	})
}

func (m *writer) content(d *Draft) error {
	if d.HTML == "" {
		return m.text(d.Text)
	}
	return m.multipart("alternative", func(next func() error) error {
		text := d.Text
		if strings.TrimSpace(text) == "" {
			text = PlainText(mime.TextOfHTML(d.HTML))
		}
		if err := m.part(next, func() error { return m.text(text) }); err != nil {
			return err
		}
		return m.part(next, func() error { return m.related(d) })
	})
}

func (m *writer) related(d *Draft) error {
	if len(d.Inline) == 0 {
		return m.html(d.HTML)
	}
	return m.multipart("related", func(next func() error) error {
		if err := m.part(next, func() error { return m.html(d.HTML) }); err != nil {
			return err
		}
		return m.attachments(next, d.Inline, "inline")
	})
}

// multipart writes a multipart. Its boundary is too long to be met by chance.
func (m *writer) multipart(kind string, parts func(next func() error) error) error {
	boundary := "=_" + randomText(18)
	(&fieldWriter{out: m.out}).tokens("Content-Type", append([]string{"multipart/" + kind}, parameter("boundary", boundary)...), ";")
	m.out.WriteString("\r\n")
	lineEnd := "" // the one before a boundary belongs to it
	next := func() error {
		_, err := m.out.WriteString(lineEnd + "--" + boundary + "\r\n")
		lineEnd = "\r\n"
		return err
	}
	if err := parts(next); err != nil {
		return err
	}
	_, err := m.out.WriteString("\r\n--" + boundary + "--\r\n")
	return err
}

func (m *writer) part(next, content func() error) error {
	if err := next(); err != nil {
		return err
	}
	return content()
}

// text writes a text part. One line end is added to what its author wrote.
func (m *writer) text(text string) error {
	text = cleanText(text)
	params := []string{"text/plain;", "charset=utf-8"}
	if !m.draft {
		text = flow(text)
		params = append(params, "format=flowed")
	} else if hasTrailingBlank(text) {
		return m.encoded(params, text+"\n", "quoted-printable")
	}
	return m.encoded(params, text+"\n", textEncoding(text, m.server))
}

func hasTrailingBlank(text string) bool {
	return strings.Contains(text, " \n") || strings.Contains(text, "\t\n") || strings.HasSuffix(text, " ") || strings.HasSuffix(text, "\t")
}

func (m *writer) html(markup string) error {
	markup = cleanText(markup)
	if !strings.Contains(strings.ToLower(markup[:min(len(markup), 1000)]), "<html") {
		markup = htmlBeginning + markup + htmlEnd
	}
	return m.encoded([]string{"text/html;", "charset=utf-8"}, markup+"\n", textEncoding(markup, m.server))
}

func (m *writer) encoded(params []string, text, encoding string) error {
	f := &fieldWriter{out: m.out}
	for i := 1; i < len(params)-1; i++ {
		params[i] += ";"
	}
	f.tokens("Content-Type", params, "")
	f.tokens("Content-Transfer-Encoding", []string{encoding}, "")
	m.out.WriteString("\r\n")
	m.needs.EightBitMIME = m.needs.EightBitMIME || encoding == "8bit"
	return writeText(m.out, text, encoding)
}

func (m *writer) attachments(next func() error, list []Attachment, disposition string) error {
	for i := range list {
		if err := next(); err != nil {
			return err
		}
		if err := m.attachment(&list[i], disposition); err != nil {
			return fmt.Errorf("compose: attachment %d: %w", i+1, err)
		}
	}
	return nil
}

var errNoContent = errors.New("it has no content")

// attachment streams a file as base64. A message goes as it is, for it may not be
// encoded (RFC 2046 section 5.2.1); where the server cannot carry it so, it is a
// file like any other.
func (m *writer) attachment(a *Attachment, disposition string) error {
	if a.Open == nil {
		return errNoContent
	}
	kind, encoding := mediaType(a.MediaType), "base64"
	if kind == "message/rfc822" {
		var err error
		if encoding, err = m.messageEncoding(a); err != nil {
			return err
		}
		if encoding == "base64" {
			kind = "application/octet-stream"
		}
	}
	f := &fieldWriter{out: m.out}
	f.tokens("Content-Type", []string{kind}, "")
	f.tokens("Content-Transfer-Encoding", []string{encoding}, "")
	if isID(a.ContentID) {
		f.tokens("Content-ID", []string{"<" + a.ContentID + ">"}, "")
	}
	value := []string{disposition}
	if name := mime.SafeFilename(a.Name); name != "" {
		value = append(value, parameter("filename", name)...)
	}
	f.tokens("Content-Disposition", value, ";")
	m.out.WriteString("\r\n")
	content, err := a.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	if encoding != "base64" {
		_, err = io.Copy(&lineNormalizer{out: m.out}, content)
	} else {
		encoder := newBase64Writer(m.out)
		if _, err = io.Copy(encoder, content); err == nil {
			err = encoder.Close()
		}
	}
	return err
}

// messageEncoding reads a message to find out how it can be carried.
func (m *writer) messageEncoding(a *Attachment) (string, error) {
	content, err := a.Open()
	if err != nil {
		return "", err
	}
	defer content.Close()
	reader := bufio.NewReaderSize(content, 32<<10)
	high, column := false, 0
	for {
		b, err := reader.ReadByte()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
		if column++; b == '\n' {
			column = 0
		}
		if b == 0 || column > hardLine+1 {
			return "base64", nil
		}
		high = high || b >= 0x80
	}
	switch {
	case !high:
		return "7bit", nil
	case m.server.EightBitMIME:
		m.needs.EightBitMIME = true
		return "8bit", nil
	}
	return "base64", nil
}

// lineNormalizer ends all lines with CRLF.
type lineNormalizer struct {
	out  *bufio.Writer
	last byte
}

func (l *lineNormalizer) Write(data []byte) (int, error) {
	for _, b := range data {
		if b == '\n' && l.last != '\r' {
			l.out.WriteByte('\r')
		} else if l.last == '\r' && b != '\n' {
			l.out.WriteByte('\n')
		}
		l.last = b
		if err := l.out.WriteByte(b); err != nil {
			return 0, err
		}
	}
	return len(data), nil
}
