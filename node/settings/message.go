package settings

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	stdmime "mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"time"
	"unicode"
)

// headerName marks our messages; its value is the version of their format.
const (
	headerName = "X-AlphaMail-Settings"
	version    = "1"
)

// attachmentName is the name of the part that holds the data.
const attachmentName = "alphamail-settings.json"

// maxMessage bounds a message in bytes: the data in base64, and the rest.
const maxMessage = maxJSON*3/2 + 16<<10

// explanation is for people who find the message with another mail program.
const explanation = `This message holds settings, signatures and contacts of AlphaMail, the web mail
that you use. AlphaMail reads it when you log in. Please leave it here: without
it your settings and contacts are gone. It may be one of several.
`

var errForeign = errors.New("settings: not a message of this version of AlphaMail")

// file is the content of the attachment.
type file struct {
	Fields Document `json:"fields"`
}

// format writes a document as a message from a user.
func format(d Document, address string, now time.Time) ([]byte, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false) // a value stays as it is, byte for byte
	encoder.SetIndent("", "")
	if err := encoder.Encode(file{d}); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	if data.Len() > maxJSON {
		return nil, ErrTooLarge
	}
	boundary := rand.Text()
	var message bytes.Buffer
	line := func(format string, arguments ...any) { fmt.Fprintf(&message, format+"\r\n", arguments...) }
	line("From: %s", from(address))
	line("Subject: AlphaMail settings (please keep)")
	line("Date: %s", now.Format(time.RFC1123Z))
	line("Message-ID: <%s@alphamail.invalid>", rand.Text())
	line("%s: %s", headerName, version)
	line("MIME-Version: 1.0")
	line("Content-Type: multipart/mixed; boundary=%s", boundary)
	line("")
	line("--%s", boundary)
	line("Content-Type: text/plain; charset=us-ascii")
	line("")
	line("%s", strings.ReplaceAll(explanation, "\n", "\r\n"))
	line("--%s", boundary)
	line("Content-Type: application/json; name=%s", attachmentName)
	line("Content-Disposition: attachment; filename=%s", attachmentName)
	line("Content-Transfer-Encoding: base64")
	line("")
	writeBase64(&message, data.Bytes())
	line("--%s--", boundary)
	return message.Bytes(), nil
}

// writeBase64 writes lines of 76 characters (RFC 2045 section 6.8).
func writeBase64(to *bytes.Buffer, data []byte) {
	const perLine = 57
	for len(data) > 0 {
		n := min(perLine, len(data))
		to.WriteString(base64.StdEncoding.EncodeToString(data[:n]) + "\r\n")
		data = data[n:]
	}
}

// from is the user's own address, where it can stand in a header.
func from(address string) string {
	if strings.ContainsFunc(address, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsControl(r) }) {
		address = "settings@alphamail.invalid"
	}
	return (&mail.Address{Name: "AlphaMail", Address: address}).String()
}

// parse reads a message that format has written. Anything else is an error: a
// message is understood completely, or not at all.
func parse(message []byte) (Document, error) {
	if len(message) > maxMessage {
		return nil, ErrTooLarge
	}
	read, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil || !isOurs(read.Header.Get(headerName)) {
		return nil, errForeign
	}
	_, parameters, err := stdmime.ParseMediaType(read.Header.Get("Content-Type"))
	if err != nil || parameters["boundary"] == "" {
		return nil, errForeign
	}
	parts := multipart.NewReader(read.Body, parameters["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			return nil, errForeign
		}
		if part.FileName() != attachmentName {
			continue
		}
		if !strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "base64") {
			return nil, errForeign
		}
		data, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
		if err != nil {
			return nil, errForeign
		}
		return parseData(data)
	}
}

func isOurs(value string) bool { return strings.TrimSpace(value) == version }

// parseData reads the attachment.
func parseData(data []byte) (Document, error) {
	if len(data) > maxJSON {
		return nil, ErrTooLarge
	}
	var read file
	if err := json.Unmarshal(data, &read); err != nil || read.Fields == nil {
		return nil, errForeign
	}
	for name, field := range read.Fields {
		if field.deleted() {
			continue
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, field.Value); err != nil {
			return nil, errForeign
		}
		field.Value = compact.Bytes()
		read.Fields[name] = field
	}
	return read.Fields, read.Fields.check()
}
