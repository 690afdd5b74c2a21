package memimap

import (
	"io"
	stdmime "mime"
	"net/mail"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-message/textproto"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// envelope reads the fields of ENVELOPE. imapserver's own loses addresses whose
// names are in a charset it does not know.
func envelope(h textproto.Header) *imap.Envelope {
	e := &imap.Envelope{
		Subject: utf8Text(h.Get("Subject")), // encoded words stay as they are
		From:    addresses(h.Get("From")),
		Sender:  addresses(h.Get("Sender")),
		ReplyTo: addresses(h.Get("Reply-To")),
		To:      addresses(h.Get("To")),
		Cc:      addresses(h.Get("Cc")),
		Bcc:     addresses(h.Get("Bcc")),
	}
	if date, err := mail.ParseDate(h.Get("Date")); err == nil {
		e.Date = date
	}
	if ids := messageIDs(h.Get("Message-ID")); ids != nil {
		e.MessageID = ids[0]
	}
	e.InReplyTo = messageIDs(h.Get("In-Reply-To"))
	return e
}

var messageID = regexp.MustCompile(`<([^<>\s]+)>`)

func messageIDs(v string) []string {
	var ids []string
	for _, m := range messageID.FindAllStringSubmatch(v, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

var words = &stdmime.WordDecoder{CharsetReader: charsetReader}

func charsetReader(label string, r io.Reader) (io.Reader, error) {
	e, err := htmlindex.Get(label)
	if err != nil {
		return nil, err
	}
	return e.NewDecoder().Reader(r), nil
}

// addresses reads an address list. What does not parse is taken apart at
// commas, so that a bad name does not cost its address.
func addresses(v string) []imap.Address {
	if strings.TrimSpace(v) == "" {
		return nil
	}
	parser := &mail.AddressParser{WordDecoder: words}
	list, err := parser.ParseList(v)
	if err != nil {
		for s := range strings.SplitSeq(utf8Text(v), ",") {
			name, address, ok := strings.Cut(s, "<")
			if !ok {
				name, address = "", s
			}
			address, _, _ = strings.Cut(address, ">")
			list = append(list, &mail.Address{Name: strings.Trim(name, ` "`), Address: strings.TrimSpace(address)})
		}
	}
	var out []imap.Address
	for _, a := range list {
		if mailbox, host, ok := strings.Cut(a.Address, "@"); ok {
			out = append(out, imap.Address{Name: a.Name, Mailbox: mailbox, Host: host})
		}
	}
	return out
}

// utf8Text takes unlabelled bytes for Western European, unless they are UTF-8.
func utf8Text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	s, _ = charmap.Windows1252.NewDecoder().String(s) // decodes every byte
	return s
}
