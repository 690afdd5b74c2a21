package imapconn

import (
	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
)

// Select selects a mailbox.
type Select struct {
	Name string
	// ReadOnly selects it without the right to change anything (EXAMINE, RFC 9051
	// section 6.3.3): no flag is set by reading, and messages stay recent. Changes
	// must not be sent: some servers refuse them, some ignore them, and Courier
	// makes them all the same.
	ReadOnly bool
	// Mailbox, if set, is told what the server says of the mailbox from now on.
	Mailbox Mailbox
	// Since, if set, asks only for what changed since then (RFC 7162): QRESYNC
	// must be enabled. The mailbox is told what vanished, earlier, and the flags
	// that changed, by UID.
	Since *Since

	Data *imap.SelectData // result; nil when the server refused
	// Unchangeable tells that nothing can be changed: it was asked for, or the
	// server grants no more.
	Unchangeable bool
	// MailboxID names the mailbox whatever it is called (RFC 8474); empty without
	// OBJECTID.
	MailboxID string

	// Mixed tells that Mailbox was told what was about the mailbox that was selected
	// before: only then did the server say where one ends and the other begins
	// (CLOSED, RFC 7162 section 3.2.11).
	Mixed bool

	read  imap.SelectData
	begun bool // the server speaks of this mailbox
}

// Since is the state in which a mailbox was seen last.
type Since struct {
	UIDValidity uint32
	ModSeq      uint64
}

func (s *Select) name() string {
	if s.ReadOnly {
		return "EXAMINE"
	}
	return "SELECT"
}

func (s *Select) write(e *wire.Encoder) {
	e.Raw(s.name() + " ")
	e.Mailbox(s.Name)
	if s.Since != nil {
		e.Raw(" (QRESYNC (")
		e.Number(uint64(s.Since.UIDValidity))
		e.Raw(" ")
		e.Number(s.Since.ModSeq)
		e.Raw("))")
	}
}

func (s *Select) take(response wire.Response) bool {
	taken := s.takes(response)
	s.begun = s.begun || taken
	return taken
}

func (s *Select) takes(response wire.Response) bool {
	switch response := response.(type) {
	case *wire.Exists:
		s.read.NumMessages = response.Count
	case *wire.Flags:
		s.read.Flags = response.Flags
	case *wire.Recent:
	case *wire.List:
		if response.Data.Mailbox != s.Name {
			return false
		}
		s.read.List = &response.Data
	case *wire.Status:
		return s.code(response.Code)
	default:
		return false
	}
	return true
}

func (s *Select) code(code *wire.Code) bool {
	switch code.Name {
	case "UIDVALIDITY":
		s.read.UIDValidity = uint32(code.Number)
	case "UIDNEXT":
		s.read.UIDNext = imap.UID(code.Number)
	case "HIGHESTMODSEQ":
		s.read.HighestModSeq = code.Number
	case "PERMANENTFLAGS":
		s.read.PermanentFlags = code.Flags
	case "CLOSED": // the mailbox that was selected before (RFC 9051 section 7.1)
	case "MAILBOXID":
		s.MailboxID = code.MailboxID
	default:
		return false
	}
	return true
}

func (s *Select) end(status *wire.Status) {
	if status.Error() == nil {
		s.Data = &s.read
		s.Unchangeable = status.Code != nil && status.Code.Name == "READ-ONLY"
	}
}
