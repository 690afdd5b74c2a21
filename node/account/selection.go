package account

import (
	"context"
	"fmt"

	"alphamail/node/api"
	"alphamail/node/imapconn"
	"github.com/emersion/go-imap/v2"
)

// maxSettle bounds how often the index is read again because something changed
// while it was being read.
const maxSettle = 3

var flagItems = &imap.FetchOptions{Flags: true}

// ensure makes mailbox the selected one with an index, and the folder list
// recent, in one exchange with whatever else the caller needs. With fresh, the
// index then knows everything that reached the mailbox before the call. The
// account is connected.
//
// extra are UID commands on the mailbox; they are only sent when it is already
// selected, which sent reports.
func (a *Account) ensure(ctx context.Context, mailbox string, fresh bool, extra ...imapconn.Command) (sent bool, err error) {
	var commands []imapconn.Command
	selecting := a.selected == nil || a.selected.mailbox != mailbox || a.skewed
	var choose *imapconn.Select
	all := &imapconn.Fetch{UIDs: rangeSet(1, 0), Items: flagItems}
	switch {
	case a.selected != nil && a.selected.mailbox == mailbox && a.skewed:
		commands = append(commands, &imapconn.Noop{}, all)
	case selecting:
		choose = &imapconn.Select{Mailbox: mailbox}
		commands = append(commands, choose, all)
		a.selected = nil // a SELECT that fails leaves nothing selected
	default:
		if fresh {
			commands = append(commands, &imapconn.Noop{})
		}
		commands, sent = append(commands, extra...), true
	}
	var query *folderQuery
	if a.foldersStale() {
		var list []imapconn.Command
		query, list = a.queryFolders()
		commands = append(commands, list...)
	}
	if len(commands) > 0 {
		if err := a.do(ctx, commands...); err != nil {
			return sent, a.selectError(choose, err)
		}
	}
	if choose != nil {
		a.selected = &index{mailbox: mailbox, uidValidity: choose.Data.UIDValidity}
	}
	if selecting {
		a.replaceEntries(all)
	}
	if err := a.settle(ctx); err != nil {
		return sent, err
	}
	if query != nil {
		return sent, a.takeFolders(ctx, query)
	}
	return sent, nil
}

// selectError explains a failed exchange that began with a SELECT.
func (a *Account) selectError(choose *imapconn.Select, err error) error {
	refusal, refused := imapconn.IsRefusal(err)
	if choose == nil || choose.Data != nil || !refused {
		return err
	}
	switch refusal.Code {
	case imap.ResponseCodeUnavailable, imap.ResponseCodeInUse, imap.ResponseCodeServerBug, imap.ResponseCodeLimit:
		return err
	}
	return api.NewError(api.CodeNotFound, "There is no such folder, or it cannot be opened.", err)
}

// settle brings the index up to what the server announced.
func (a *Account) settle(ctx context.Context) error {
	for range maxSettle {
		changes := a.conn.TakeChanges()
		known := uint32(len(a.selected.entries))
		switch {
		case changes.Other || changes.Arrived && changes.Exists < known:
			all := &imapconn.Fetch{UIDs: rangeSet(1, 0), Items: flagItems}
			if err := a.do(ctx, all); err != nil {
				a.skewed = true
				return err
			}
			a.replaceEntries(all)
		case changes.Arrived && changes.Exists > known:
			tail := &imapconn.Fetch{UIDs: rangeSet(a.selected.lastUID()+1, 0), Items: flagItems}
			if err := a.do(ctx, tail); err != nil {
				a.skewed = true
				return err
			}
			a.selected.put(fetchedEntries(tail)...)
		default:
			return nil
		}
	}
	a.skewed = true // still changing: read it anew on the next question
	return nil
}

func (a *Account) replaceEntries(all *imapconn.Fetch) {
	a.selected.entries = a.selected.entries[:0]
	a.selected.put(fetchedEntries(all)...)
	a.skewed = false
}

func fetchedEntries(fetch *imapconn.Fetch) []entry {
	entries := make([]entry, 0, len(fetch.Messages))
	for _, message := range fetch.Messages {
		if message.UID != 0 {
			entries = append(entries, entry{uid: uint32(message.UID), flags: newFlagSet(message.Flags)})
		}
	}
	return entries
}

// locate makes the mailbox of a message the selected one and returns the
// message's position in the index. Errors: conflict when the mailbox was
// replaced by another of the same name, not_found.
func (a *Account) locate(ctx context.Context, id api.MessageID) (int, error) {
	for _, fresh := range []bool{false, true} {
		if _, err := a.ensure(ctx, id.Mailbox, fresh); err != nil {
			return 0, err
		}
		if a.selected.uidValidity != id.UIDValidity {
			return 0, api.NewError(api.CodeConflict, "This folder was replaced; the message has another name now.",
				fmt.Errorf("UIDVALIDITY is %d, not %d", a.selected.uidValidity, id.UIDValidity))
		}
		if i, found := a.selected.find(id.UID); found {
			return i, nil
		}
	}
	return 0, api.NewError(api.CodeNotFound, "This message no longer exists. It may have been moved or deleted.", nil)
}

// rangeSet is the UIDs from first to last; 0 stands for the highest there is.
func rangeSet(first, last uint32) imap.UIDSet {
	var set imap.UIDSet
	set.AddRange(imap.UID(first), imap.UID(last))
	return set
}

func singleSet(uid uint32) imap.UIDSet { return imap.UIDSetNum(imap.UID(uid)) }
