package imapconn

import (
	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
)

// Store changes flags of messages.
type Store struct {
	plain
	UIDs imap.UIDSet
	// Change is how: set, add or remove the flags. Silent asks for no echo.
	Change imap.StoreFlags
	// UnchangedSince, if not 0, leaves messages alone that changed since that
	// mod-sequence (RFC 7162); Modified are those.
	UnchangedSince uint64
	Modified       imap.UIDSet
}

func (*Store) name() string { return "UID STORE" }

func (s *Store) write(e *wire.Encoder) {
	e.Raw("UID STORE ")
	e.Set(s.UIDs)
	if s.UnchangedSince > 0 {
		e.Raw(" (UNCHANGEDSINCE ")
		e.Number(s.UnchangedSince)
		e.Raw(")")
	}
	switch s.Change.Op {
	case imap.StoreFlagsAdd:
		e.Raw(" +FLAGS")
	case imap.StoreFlagsDel:
		e.Raw(" -FLAGS")
	default:
		e.Raw(" FLAGS")
	}
	if s.Change.Silent {
		e.Raw(".SILENT")
	}
	e.Raw(" ")
	e.Flags(s.Change.Flags)
}

func (s *Store) end(status *wire.Status) {
	if status.Code != nil && status.Code.Name == "MODIFIED" {
		s.Modified = status.Code.UIDs
	}
}

// AddFlags sets flags of messages. What came of it is told to the mailbox, as if
// another client had done it.
type AddFlags struct {
	plain
	UIDs  imap.UIDSet
	Flags []imap.Flag
}

func (*AddFlags) name() string { return "UID STORE" }

func (a *AddFlags) write(e *wire.Encoder) {
	e.Raw("UID STORE ")
	e.Set(a.UIDs)
	e.Raw(" +FLAGS ")
	e.Flags(a.Flags)
}

// Copied tells where messages went, by pairs in order; empty without UIDPLUS.
type Copied struct {
	UIDValidity  uint32 // of the mailbox that they went to
	Source, Dest imap.UIDSet
}

func (c *Copied) code(code *wire.Code) bool {
	if code == nil || code.Name != "COPYUID" {
		return false
	}
	c.UIDValidity, c.Source, c.Dest = code.UIDValidity, code.Source, code.Dest
	return true
}

// Copy copies messages to a mailbox.
type Copy struct {
	plain
	UIDs imap.UIDSet
	To   string
	Copied
}

func (*Copy) name() string { return "UID COPY" }

func (c *Copy) write(e *wire.Encoder) {
	e.Raw("UID COPY ")
	e.Set(c.UIDs)
	e.Raw(" ")
	e.Mailbox(c.To)
}

func (c *Copy) end(status *wire.Status) { c.code(status.Code) }

// Expunge removes those of some messages that are marked as deleted (RFC 4315).
// The server must offer UIDPLUS: a bare EXPUNGE would remove what others marked.
type Expunge struct {
	plain
	UIDs imap.UIDSet
}

func (*Expunge) name() string { return "UID EXPUNGE" }

func (x *Expunge) write(e *wire.Encoder) {
	e.Raw("UID EXPUNGE ")
	e.Set(x.UIDs)
}
