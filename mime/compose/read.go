package compose

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"strings"

	"alphamail/mime"
)

// Read makes a draft of a message: of one that WriteDraft wrote without loss, of
// any other as well as can be. Date and Message-ID are left out where the message
// is to be sent anew; they are those of the message here.
func Read(m *mime.Message) *Draft {
	h := m.Header
	d := &Draft{
		ReplyTo: h.Addresses("Reply-To"), To: h.Addresses("To"), Cc: h.Addresses("Cc"), Bcc: h.Addresses("Bcc"), Subject: h.Get("Subject"), Organization: h.Get("Organization"),
		InReplyTo: h.IDs("In-Reply-To"), References: h.IDs("References"), RequestedReceipt: len(h.Addresses("Disposition-Notification-To")) > 0,
	}
	d.Date, _ = h.Date()
	if ids := h.IDs("Message-ID"); len(ids) > 0 {
		d.MessageID = ids[0]
	}
	if from := h.Addresses("From"); len(from) > 0 {
		d.From = from[0]
	}
	if sender := h.Addresses("Sender"); len(sender) > 0 {
		d.Sender = sender[0]
	}
	d.To = withoutGroups(d.To)
	for name, list := range map[string]*[]mime.Address{"Reply-To": &d.ReplyTo, "To": &d.To, "Cc": &d.Cc, "Bcc": &d.Bcc} {
		*list = append(*list, unfinished(h, name)...)
	}
	d.take(m.Root, false)
	return d
}

// unfinished reads the addresses that were not finished.
func unfinished(h mime.Header, name string) []mime.Address {
	var list []mime.Address
	for _, word := range strings.Fields(h.Get(unfinishedPrefix + name)) {
		first, second, _ := strings.Cut(word, "/")
		shown, err1 := url.QueryUnescape(first)
		email, err2 := url.QueryUnescape(second)
		if err1 == nil && err2 == nil {
			list = append(list, mime.Address{Name: shown, Email: email})
		}
	}
	return list
}

// withoutGroups leaves out entries without an address, such as
// "undisclosed-recipients:;".
func withoutGroups(list []mime.Address) []mime.Address {
	var kept []mime.Address
	for _, address := range list {
		if address.Email != "" {
			kept = append(kept, address)
		}
	}
	return kept
}

// take takes the parts of a message into the draft.
func (d *Draft) take(part *mime.Part, related bool) {
	if part == nil {
		return
	}
	file := part.Disposition == "attachment" || part.Filename != "" && part.Disposition != "inline"
	switch {
	case strings.HasPrefix(part.MediaType, "multipart/") && len(part.Children) > 0:
		for _, child := range part.Children {
			d.take(child, related || part.MediaType == "multipart/related")
		}
	case part.MediaType == "text/plain" && !file && d.Text == "" && d.HTML == "":
		d.Text = textOf(part)
	case part.MediaType == "text/html" && !file && d.HTML == "":
		d.HTML = bodyOf(strings.ReplaceAll(part.Text(), "\r\n", "\n"))
	case related && part.ContentID != "":
		d.Inline = append(d.Inline, attachmentOf(part))
	default:
		d.Attachments = append(d.Attachments, attachmentOf(part))
	}
}

// textOf is the text of a part as its author wrote it.
func textOf(part *mime.Part) string {
	text := cleanText(part.Text())
	text = strings.TrimSuffix(text, "\n")
	if strings.EqualFold(part.Params["format"], "flowed") {
		text = unflow(text, strings.EqualFold(part.Params["delsp"], "yes"))
	}
	return text
}

// unflow undoes format=flowed (RFC 3676 section 4).
func unflow(text string, delSp bool) string {
	var out strings.Builder
	open, openMarks := false, ""
	for i, line := range strings.Split(text, "\n") {
		marks := line[:len(line)-len(strings.TrimLeft(line, ">"))]
		rest := strings.TrimPrefix(line[len(marks):], " ")
		switch {
		case open && marks == openMarks && rest != "-- ":
		default:
			if i > 0 {
				out.WriteByte('\n')
			}
			out.WriteString(marks)
			if marks != "" && rest != "" {
				out.WriteByte(' ')
			}
		}
		open, openMarks = strings.HasSuffix(rest, " ") && rest != "-- ", marks
		if open && delSp {
			rest = rest[:len(rest)-1]
		}
		out.WriteString(rest)
	}
	return out.String()
}

// The frame that html writes around the content of a body.
const (
	htmlBeginning = "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"></head><body>\n"
	htmlEnd       = "\n</body></html>"
)

// bodyOf takes the frame off.
func bodyOf(markup string) string {
	markup = strings.TrimSuffix(markup, "\n")
	if inner, ok := strings.CutPrefix(markup, htmlBeginning); ok {
		if inner, ok = strings.CutSuffix(inner, htmlEnd); ok {
			return inner
		}
	}
	return markup
}

// ErrNotLoaded says that the content of a part is not at hand: of a large
// message, whose parts come from the server when they are needed. Who has such
// messages gives their attachments an Open of its own.
var ErrNotLoaded = errors.New("compose: the content of a part was not loaded")

// attachmentOf carries a part over into another message.
func attachmentOf(part *mime.Part) Attachment {
	return Attachment{
		Name: part.Filename, MediaType: part.MediaType, ContentID: part.ContentID,
		Open: func() (io.ReadCloser, error) {
			if part.Encoded == nil && part.EncodedSize > 0 {
				return nil, ErrNotLoaded
			}
			return io.NopCloser(mime.NewDecoder(part.Encoding, bytes.NewReader(part.Encoded))), nil
		},
	}
}
