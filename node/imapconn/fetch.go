package imapconn

import (
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
)

// Fetch fetches items of messages named by UID.
type Fetch struct {
	plain
	UIDs  imap.UIDSet
	Items *imap.FetchOptions
	// Told says that the messages need not be kept: Mailbox is told.
	Told bool
	// Messages is the result: one entry a message that still exists, in the
	// order of the server.
	Messages []*Message

	byUID map[imap.UID]*Message
}

// Message is what a Fetch returned of one message; items that were not asked
// for are zero.
type Message struct {
	SeqNum       uint32
	UID          imap.UID
	Flags        []imap.Flag
	ModSeq       uint64
	InternalDate time.Time
	Size         int64
	Envelope     *imap.Envelope
	Structure    imap.BodyStructure
	// Broken are the names of items that the server sent in a form that cannot
	// be read.
	Broken []string

	fetched wire.Fetch
}

// Section returns a body section that was asked for, nil when the server did
// not send it.
func (m *Message) Section(section *imap.FetchItemBodySection) []byte {
	content, _ := m.fetched.Section(section)
	return content
}

func (*Fetch) name() string { return "UID FETCH" }

func (f *Fetch) write(e *wire.Encoder) {
	e.Raw("UID FETCH ")
	e.Set(f.UIDs)
	items := f.Items
	w := wordWriter{encoder: e, before: " ("}
	w.word(true, "UID")
	w.word(items.Flags, "FLAGS")
	w.word(items.InternalDate, "INTERNALDATE")
	w.word(items.RFC822Size, "RFC822.SIZE")
	w.word(items.ModSeq, "MODSEQ")
	w.word(items.Envelope, "ENVELOPE")
	if items.BodyStructure != nil {
		w.word(items.BodyStructure.Extended, "BODYSTRUCTURE")
		w.word(!items.BodyStructure.Extended, "BODY")
	}
	for _, section := range items.BodySection {
		w.word(true, "")
		e.Section(section)
	}
	w.close()
	if items.ChangedSince > 0 {
		e.Raw(" (CHANGEDSINCE ")
		e.Number(items.ChangedSince)
		e.Raw(")")
	}
}

// take takes what is said of messages that were asked for. A server may send
// the items of one message in several responses.
func (f *Fetch) take(response wire.Response) bool {
	part, ok := response.(*wire.Fetch)
	if !ok || part.UID == 0 || !f.UIDs.Contains(part.UID) && !f.last(part.UID) || !f.answers(part) {
		return false
	}
	if f.Told {
		return true
	}
	m := f.byUID[part.UID]
	if m == nil {
		m = &Message{UID: part.UID}
		f.Messages = append(f.Messages, m)
		if f.byUID == nil {
			f.byUID = map[imap.UID]*Message{}
		}
		f.byUID[part.UID] = m
	}
	m.add(part)
	return true
}

// last tells whether a UID may be the one that "*" stands for.
func (f *Fetch) last(uid imap.UID) bool { return f.UIDs.Dynamic() && uid > 0 }

// answers tells whether a response has anything that was asked for. Flags alone
// may be news of another client.
func (f *Fetch) answers(part *wire.Fetch) bool {
	items := f.Items
	if len(items.BodySection) == 0 && items.BodyStructure == nil && !items.Envelope && !items.InternalDate && !items.RFC822Size {
		return part.Flags != nil || len(part.Broken) > 0 || !items.Flags
	}
	return len(part.Sections) > 0 || part.Structure != nil || part.Envelope != nil || !part.InternalDate.IsZero() || part.Size > 0 || len(part.Broken) > 0
}

// add adds what one response holds.
func (m *Message) add(part *wire.Fetch) {
	m.SeqNum = part.SeqNum
	if part.Flags != nil {
		m.Flags = part.Flags
	}
	if part.ModSeq > 0 {
		m.ModSeq = part.ModSeq
	}
	if !part.InternalDate.IsZero() {
		m.InternalDate = part.InternalDate
	}
	if part.Size > 0 {
		m.Size = part.Size
	}
	if part.Envelope != nil {
		m.Envelope = part.Envelope
	}
	if part.Structure != nil {
		m.Structure = part.Structure
	}
	m.Broken = append(m.Broken, part.Broken...)
	m.fetched.Sections = append(m.fetched.Sections, part.Sections...)
}
