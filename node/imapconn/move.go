package imapconn

import (
	"context"
	"errors"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
)

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
