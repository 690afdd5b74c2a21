package imapconn

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
)

// Append puts a message into a mailbox.
type Append struct {
	plain
	Mailbox string
	Flags   []imap.Flag
	Date    time.Time // INTERNALDATE; zero: the server's time
	Message io.Reader
	Size    int64 // of the message, in bytes
	// Parts, if there are any, are put together to be the message, in place of
	// Message (CATENATE, RFC 4469, which the server must offer). A server refuses
	// a part that it cannot find with the code BADURL.
	Parts []Part
	// UTF8 says that the message has headers in UTF-8 (RFC 6855 section 4), for
	// which UTF8=ACCEPT must be enabled.
	UTF8 bool

	// UIDValidity and UID name the message; 0 without UIDPLUS.
	UIDValidity uint32
	UID         imap.UID
}

// Part is a piece of a message: what a URL names, or a text.
type Part struct {
	URL  string // see MessageURL; the text if empty
	Text io.Reader
	Size int64 // of the text, in bytes
}

// MessageURL names a message of one's own, or a section of it, for CATENATE (RFC
// 5092): the section as in a FETCH command, such as HEADER or 1.2.MIME, empty for
// the whole message.
func MessageURL(mailbox string, uidValidity uint32, uid imap.UID, section string) string {
	url := fmt.Sprintf("/%s;UIDVALIDITY=%d/;UID=%d", escapeURL(mailbox), uidValidity, uid)
	if section != "" {
		url += "/;SECTION=" + escapeURL(section)
	}
	return url
}

// escapeURL leaves what may stand for itself in an IMAP URL.
func escapeURL(text string) string {
	var escaped strings.Builder
	for i := range len(text) {
		char := text[i]
		switch {
		case 'a' <= char && char <= 'z', 'A' <= char && char <= 'Z', '0' <= char && char <= '9', strings.IndexByte("-._~/", char) >= 0:
			escaped.WriteByte(char)
		default:
			fmt.Fprintf(&escaped, "%%%02X", char)
		}
	}
	return escaped.String()
}

func (*Append) name() string { return "APPEND" }

func (a *Append) write(e *wire.Encoder) {
	e.Raw("APPEND ")
	e.Mailbox(a.Mailbox)
	a.writeMessage(e)
}

// writeMessage writes what there is for each message, after a space.
func (a *Append) writeMessage(e *wire.Encoder) {
	e.Raw(" ")
	if len(a.Flags) > 0 || a.UTF8 { // Courier takes the word UTF8 for a flag, unless there is a list of them
		e.Flags(a.Flags)
		e.Raw(" ")
	}
	if !a.Date.IsZero() {
		e.DateTime(a.Date)
		e.Raw(" ")
	}
	if len(a.Parts) == 0 {
		a.writeText(e, a.Message, a.Size)
		return
	}
	e.Raw("CATENATE (")
	for i, part := range a.Parts {
		if i > 0 {
			e.Raw(" ")
		}
		if part.URL != "" {
			e.Raw("URL ")
			e.String(part.URL)
			continue
		}
		if !a.UTF8 {
			e.Raw("TEXT ")
		}
		a.writeText(e, part.Text, part.Size)
	}
	e.Raw(")")
}

func (a *Append) writeText(e *wire.Encoder, text io.Reader, size int64) {
	if !a.UTF8 {
		e.Literal(size, text)
		return
	}
	e.Raw("UTF8 (~")
	e.Literal(size, text)
	e.Raw(")")
}

func (a *Append) end(status *wire.Status) {
	if status.Code != nil && status.Code.Name == "APPENDUID" && len(status.Code.Dest) == 1 {
		a.UIDValidity, a.UID = status.Code.UIDValidity, status.Code.Dest[0].Start
	}
}

// AppendAll puts several messages into a mailbox: all or none (MULTIAPPEND, RFC
// 3502, which the server must offer). At least one must be given.
type AppendAll struct {
	plain
	Mailbox string
	// Messages are to be put there, whatever mailbox they name. Their results are
	// set, without UIDPLUS to 0.
	Messages []*Append
}

func (*AppendAll) name() string { return "APPEND" }

func (a *AppendAll) write(e *wire.Encoder) {
	e.Raw("APPEND ")
	e.Mailbox(a.Mailbox)
	for _, message := range a.Messages {
		message.writeMessage(e)
	}
}

func (a *AppendAll) end(status *wire.Status) {
	if status.Code == nil || status.Code.Name != "APPENDUID" {
		return
	}
	uids, ok := inOrder(status.Code.Dest, len(a.Messages))
	for i, message := range a.Messages {
		if ok {
			message.UIDValidity, message.UID = status.Code.UIDValidity, uids[i]
		}
	}
}

// inOrder returns the UIDs of a set in the order in which a server wrote it;
// false unless there are as many as expected. A range that a server sends may be
// of any size.
func inOrder(set imap.UIDSet, count int) ([]imap.UID, bool) {
	uids := make([]imap.UID, 0, count)
	for _, part := range set {
		if int64(part.Stop)-int64(part.Start) >= int64(count-len(uids)) {
			return nil, false
		}
		for i := range part.Stop - part.Start + 1 {
			uids = append(uids, part.Start+i)
		}
	}
	return uids, len(uids) == count
}
