package imapconn

import (
	"context"
	"errors"
	"fmt"

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

// move is the command of RFC 6851; its COPYUID comes before the messages go.
type move struct {
	uids imap.UIDSet
	to   string
	Copied
}

func (*move) name() string { return "UID MOVE" }

func (m *move) write(e *wire.Encoder) {
	e.Raw("UID MOVE ")
	e.Set(m.uids)
	e.Raw(" ")
	e.Mailbox(m.to)
}

func (m *move) take(response wire.Response) bool {
	status, ok := response.(*wire.Status)
	return ok && m.code(status.Code)
}

func (m *move) end(status *wire.Status) { m.code(status.Code) }

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

// ErrLeftBehind is returned by Move when messages were copied but could not be
// removed: they are in both mailboxes, marked as deleted in the first.
var ErrLeftBehind = errors.New("the messages were copied, and the originals could not be removed")

// Move moves messages to another mailbox. Without MOVE it copies, and only when
// that has succeeded marks the originals as deleted and removes exactly those;
// without UIDPLUS they stay marked, which is ErrLeftBehind. No message is lost
// whatever fails; if the connection ends in between, it may be in both.
func (c *Conn) Move(ctx context.Context, uids imap.UIDSet, to string) (*Copied, error) {
	if c.Has(imap.CapMove) {
		command := &move{uids: uids, to: to}
		return &command.Copied, c.Do(ctx, command)
	}
	copying := &Copy{UIDs: uids, To: to}
	if err := c.Do(ctx, copying); err != nil {
		return nil, err
	}
	mark := &Store{UIDs: uids, Change: imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}}
	if err := c.Do(ctx, mark); err != nil {
		return &copying.Copied, fmt.Errorf("%w: %w", ErrLeftBehind, err)
	}
	if !c.Has(imap.CapUIDPlus) {
		return &copying.Copied, ErrLeftBehind
	}
	if err := c.Do(ctx, &Expunge{UIDs: uids}); err != nil {
		return &copying.Copied, fmt.Errorf("%w: %w", ErrLeftBehind, err)
	}
	return &copying.Copied, nil
}
