package mailgen

import (
	"time"

	"github.com/emersion/go-imap/v2"
)

const (
	inbox  = "INBOX"
	sent   = "Sent"
	drafts = "Drafts"
	junk   = "Junk"
)

// Folder is a mailbox of a generated account besides INBOX.
type Folder struct {
	Name string             // levels separated by "/"
	Use  []imap.MailboxAttr // special use (RFC 6154), if any

	divisor, limit int // how many messages it gets: INBOX/divisor+2, at most limit
}

func (f Folder) share(inbox int) int { return min(inbox/f.divisor+2, f.limit) }

// Folders lists the mailboxes of an account, parents before children. Their
// names hold what names in the field hold: spaces, levels, other scripts, and
// the characters that modified UTF-7, URLs and LIST patterns treat specially.
func Folders() []Folder {
	use := func(attr imap.MailboxAttr) []imap.MailboxAttr { return []imap.MailboxAttr{attr} }
	return []Folder{
		{drafts, use(imap.MailboxAttrDrafts), 400, 4},
		{sent, use(imap.MailboxAttrSent), 20, 2000},
		{"Archive", use(imap.MailboxAttrArchive), 5, 20000},
		{junk, use(imap.MailboxAttrJunk), 50, 60},
		{"Trash", use(imap.MailboxAttrTrash), 50, 60},
		{"Courses", nil, 100, 40},
		{"Courses/CS 101", nil, 40, 80},
		{"Courses/CS 101/Problem sets", nil, 100, 40},
		{"Courses/HIST 220", nil, 60, 60},
		{"Field trips & forms", nil, 200, 10},
		{"100% done", nil, 200, 10},
		{"Thesis ~ notes", nil, 200, 10},
		{"研究室", nil, 100, 40},
		{"Überweisungen", nil, 200, 10},
		{"Hiking 🏔️", nil, 200, 10},
	}
}

// filed makes a message for a mailbox other than INBOX.
func (s *stream) filed(mailbox string, date time.Time) Message {
	m := Message{Mailbox: mailbox, Date: date, Flags: []imap.Flag{imap.FlagSeen}}
	switch mailbox {
	case drafts, sent:
		lang := s.language()
		d := s.letter(lang, date)
		d.from, d.to = s.owner, []Person{pick(s, lang.people)}
		if mailbox == drafts {
			m.Flags = append(m.Flags, imap.FlagDraft)
		}
		m.Raw = d.bytes(s)
	case junk:
		m.Raw = s.junk(date).bytes(s)
		m.Flags = []imap.Flag{imap.FlagJunk}
	default:
		in := s.arrival(date)
		m.Raw, m.Malformed = in.Raw, in.Malformed
	}
	return m
}
