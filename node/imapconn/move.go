package imapconn

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

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
// removed: they are in both mailboxes, perhaps marked as deleted in the first.
var ErrLeftBehind = errors.New("the messages were copied, and the originals could not be removed")

// Move moves messages to another mailbox. Without MOVE it copies, and only when
// that has succeeded marks the originals as deleted and removes exactly those
// that the server says it has copied; without UIDPLUS they stay marked, which is
// ErrLeftBehind. No message is lost whatever fails.
//
// A refusal that is not ErrLeftBehind has moved nothing. When the connection ends
// in between, the messages may be in the first mailbox, in both or in the second:
// ResumeMove finds out, and ends the move.
func (c *Conn) Move(ctx context.Context, uids imap.UIDSet, to string) (*Copied, error) {
	if c.Has(imap.CapMove) {
		command := &move{uids: uids, to: to}
		return &command.Copied, c.Do(ctx, command)
	}
	// A message that is not yet shown to this connection is not copied, without a
	// word, and may be shown before the originals are marked.
	shown := &Fetch{UIDs: uids, Items: &imap.FetchOptions{Flags: true}}
	if err := c.Do(ctx, shown); err != nil || len(shown.Messages) == 0 {
		return &Copied{}, err
	}
	copying := &Copy{To: to}
	for _, message := range shown.Messages {
		copying.UIDs.AddNum(message.UID)
	}
	if err := c.Do(ctx, copying); err != nil {
		return nil, err
	}
	originals := copying.UIDs
	if c.Has(imap.CapUIDPlus) {
		if originals = copying.Source; !within(originals, copying.UIDs) {
			return &copying.Copied, ErrLeftBehind
		}
	}
	return &copying.Copied, c.removeOriginals(ctx, originals)
}

// within reports whether all of a set, which a server sent, are in another one;
// false for an empty set.
func within(set, of imap.UIDSet) bool {
	var merged imap.UIDSet
	for _, part := range of {
		merged.AddRange(part.Start, part.Stop)
	}
	for _, part := range set {
		i, found := slices.BinarySearchFunc(merged, part.Start, func(one imap.UIDRange, uid imap.UID) int {
			switch {
			case one.Start > uid:
				return 1
			case one.Stop != 0 && one.Stop < uid:
				return -1
			}
			return 0
		})
		if !found || merged[i].Stop != 0 && merged[i].Stop < part.Stop {
			return false
		}
	}
	return len(set) > 0
}

// removeOriginals removes messages of the selected mailbox that were copied.
func (c *Conn) removeOriginals(ctx context.Context, uids imap.UIDSet) error {
	mark := &Store{UIDs: uids, Change: imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}}
	if err := c.Do(ctx, mark); err != nil {
		return fmt.Errorf("%w: %w", ErrLeftBehind, err)
	}
	if !c.Has(imap.CapUIDPlus) {
		return ErrLeftBehind
	}
	if err := c.Do(ctx, &Expunge{UIDs: uids}); err != nil {
		return fmt.Errorf("%w: %w", ErrLeftBehind, err)
	}
	return nil
}

// ErrAnotherMailbox is returned by ResumeMove when the UIDs mean nothing any
// more.
var ErrAnotherMailbox = errors.New("the mailbox has another UIDVALIDITY")

// ResumeMove ends a move of messages from a mailbox, of that UIDVALIDITY, to
// another one that was begun on a connection that has ended. Messages that are in
// both lose the original, those that are only in the first are moved, and those
// that are not there any more are left alone; so it may be called again. A copy
// is known by its Message-ID and size: a message without Message-ID may be in
// both mailboxes twice afterwards, but is not lost.
//
// It selects mailboxes: whoever goes on with the connection selects again.
func (c *Conn) ResumeMove(ctx context.Context, from string, uidValidity uint32, uids imap.UIDSet, to string) error {
	choose := func() error {
		choice := &Select{Name: from}
		if err := c.Do(ctx, choice); err != nil {
			return err
		}
		if choice.Data.UIDValidity != uidValidity {
			return ErrAnotherMailbox
		}
		return nil
	}
	if err := choose(); err != nil {
		return err
	}
	left := &Fetch{UIDs: uids, Items: &imap.FetchOptions{RFC822Size: true, BodySection: []*imap.FetchItemBodySection{messageID}}}
	if err := c.Do(ctx, left); err != nil || len(left.Messages) == 0 {
		return err
	}
	there, err := c.copies(ctx, left.Messages, to)
	if err == nil {
		err = choose()
	}
	if err != nil {
		return err
	}
	var both, first imap.UIDSet
	for i, message := range left.Messages {
		if there[i] {
			both.AddNum(message.UID)
		} else {
			first.AddNum(message.UID)
		}
	}
	var behind error
	if len(both) > 0 {
		if behind = c.removeOriginals(ctx, both); behind != nil && c.broken != nil {
			return behind
		}
	}
	if len(first) > 0 {
		_, err = c.Move(ctx, first, to)
	}
	return cmp.Or(err, behind)
}

var messageID = &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Message-ID"}, Peek: true}

// copies reports of which messages there are copies in a mailbox, which it
// examines.
func (c *Conn) copies(ctx context.Context, messages []*Message, mailbox string) ([]bool, error) {
	if err := c.Do(ctx, &Select{Name: mailbox, ReadOnly: true}); err != nil {
		return nil, err
	}
	there := make([]bool, len(messages))
	for i, message := range messages {
		_, id, _ := bytes.Cut(message.Section(messageID), []byte{':'})
		if id = bytes.TrimSpace(id); len(id) == 0 {
			continue
		}
		search := &Search{Criteria: &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: string(id)}}}}
		if err := c.Do(ctx, search); err != nil {
			return nil, err
		}
		if len(search.UIDs) == 0 {
			continue
		}
		found := &Fetch{UIDs: search.UIDs, Items: &imap.FetchOptions{RFC822Size: true}}
		if err := c.Do(ctx, found); err != nil {
			return nil, err
		}
		there[i] = slices.ContainsFunc(found.Messages, func(one *Message) bool { return one.Size == message.Size })
	}
	return there, nil
}
