package imapconn

import (
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
)

// Fetch fetches items of messages named by UID.
type Fetch struct {
	plain
	UIDs  imap.UIDSet // imap.SearchRes() for those that a Search has saved
	Items *imap.FetchOptions
	// Preview asks for the beginning of the text (RFC 8970), which the server must
	// offer: PreviewLazy takes what the server has at hand.
	Preview Preview
	// ObjectIDs asks for names of the message and its thread that no move changes
	// (OBJECTID, RFC 8474, which the server must offer).
	ObjectIDs bool
	// Told says that the messages need not be kept: Mailbox is told.
	Told bool
	// Messages is the result: one entry a message that still exists, in the
	// order of the server.
	Messages []*Message

	byUID map[imap.UID]*Message
}

// Preview says how a preview is asked for.
type Preview int

// The ways to ask for a preview.
const (
	NoPreview   Preview = iota
	PreviewNow          // the server makes those that it does not have
	PreviewLazy         // the server leaves out those that it does not have
)

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
	// Preview is the beginning of the text, up to 256 characters; HasPreview is
	// false when the server cannot or, asked lazily, did not make one.
	Preview    string
	HasPreview bool
	// EmailID names the content, ThreadID the conversation; either may be empty.
	EmailID, ThreadID string
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

// Binary returns a part, its transfer encoding removed, that was asked for by
// FetchOptions.BinarySection (RFC 3516); nil when the server did not send it. A
// server that does not know the encoding refuses the command with the code
// UNKNOWN-CTE, for all messages: fetch the section as it is then.
func (m *Message) Binary(section *imap.FetchItemBinarySection) []byte {
	content, _ := m.fetched.Binary(section)
	return content
}

// BinarySize returns the size in bytes of a decoded part that was asked for by
// FetchOptions.BinarySectionSize; false when the server did not send it.
func (m *Message) BinarySize(section *imap.FetchItemBinarySectionSize) (int64, bool) {
	name := wire.PartName(section.Part)
	for _, one := range m.fetched.BinarySizes {
		if one.Name == name {
			return one.Size, true
		}
	}
	return 0, false
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
	for _, section := range items.BinarySection {
		w.word(true, "")
		e.BinarySection(section)
	}
	for _, section := range items.BinarySectionSize {
		w.word(true, "BINARY.SIZE["+wire.PartName(section.Part)+"]")
	}
	w.word(f.Preview == PreviewNow, "PREVIEW")
	w.word(f.Preview == PreviewLazy, "PREVIEW (LAZY)")
	w.word(f.ObjectIDs, "EMAILID THREADID")
	w.close()
	if items.ChangedSince > 0 {
		e.Raw(" (CHANGEDSINCE ")
		e.Number(items.ChangedSince)
		e.Raw(")")
	}
}

// lacks reports whether a response has the first or further items of a message
// that was asked for. The items of one message may come in several responses.
func (f *Fetch) lacks(_ string, response wire.Response) bool {
	part, ok := response.(*wire.Fetch)
	if !ok || f.Told || !f.asksFor(part.UID) || !f.answers(part) {
		return false
	}
	m, items := f.byUID[part.UID], f.Items
	if m == nil {
		return true
	}
	for i := range part.Sections {
		if f.lacksSection(m, &part.Sections[i]) {
			return true
		}
	}
	return items.Envelope && m.Envelope == nil && part.Envelope != nil ||
		items.BodyStructure != nil && m.Structure == nil && part.Structure != nil ||
		items.InternalDate && m.InternalDate.IsZero() && !part.InternalDate.IsZero() ||
		items.RFC822Size && m.Size == 0 && part.Size > 0 ||
		f.Preview != NoPreview && !m.HasPreview && part.HasPreview ||
		f.ObjectIDs && m.EmailID == "" && part.EmailID != "" ||
		len(m.fetched.BinarySizes) < len(items.BinarySectionSize) && len(part.BinarySizes) > 0
}

func (f *Fetch) lacksSection(m *Message, section *wire.Section) bool {
	same := func(has wire.Section) bool {
		return has.Name == section.Name && has.Origin == section.Origin && has.Binary == section.Binary
	}
	if slices.ContainsFunc(m.fetched.Sections, same) {
		return false
	}
	if section.Binary {
		return slices.ContainsFunc(f.Items.BinarySection, func(asked *imap.FetchItemBinarySection) bool { return wire.PartName(asked.Part) == section.Name })
	}
	return slices.ContainsFunc(f.Items.BodySection, func(asked *imap.FetchItemBodySection) bool { return wire.SectionName(asked) == section.Name })
}

// asksFor tells whether a message is among those asked for; any may be the one
// that "*" stands for.
func (f *Fetch) asksFor(uid imap.UID) bool {
	return uid != 0 && (f.UIDs.Contains(uid) || f.UIDs.Dynamic())
}

// take takes what is said of messages that were asked for.
func (f *Fetch) take(response wire.Response) bool {
	part, ok := response.(*wire.Fetch)
	if !ok || !f.asksFor(part.UID) || !f.answers(part) {
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

// answers tells whether a response has anything that was asked for, or nothing
// because the server has none of it. Flags and mod-sequences alone may be news of
// what another client did.
func (f *Fetch) answers(part *wire.Fetch) bool {
	items := f.Items
	if len(items.BodySection) == 0 && len(items.BinarySection) == 0 && len(items.BinarySectionSize) == 0 && items.BodyStructure == nil &&
		!items.Envelope && !items.InternalDate && !items.RFC822Size && f.Preview == NoPreview && !f.ObjectIDs {
		return part.Flags != nil || len(part.Broken) > 0 || !items.Flags
	}
	return part.Details > 0 || len(part.Broken) > 0 || part.Flags == nil && part.ModSeq == 0
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
	if part.HasPreview {
		m.Preview, m.HasPreview = part.Preview, true
	}
	if part.EmailID != "" {
		m.EmailID = part.EmailID
	}
	if part.ThreadID != "" {
		m.ThreadID = part.ThreadID
	}
	m.Broken = append(m.Broken, part.Broken...)
	m.fetched.Sections = append(m.fetched.Sections, part.Sections...)
	m.fetched.BinarySizes = append(m.fetched.BinarySizes, part.BinarySizes...)
}
