package account

import (
	"context"
	"fmt"

	"alphamail/node/api"
	"alphamail/node/imapconn"
	"github.com/emersion/go-imap/v2"
)

// maxSettle bounds how often the mailbox is asked for what is not known yet, in
// one question: more may arrive meanwhile.
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
	var opened *opening
	told := true // the server told what is new
	if a.selected == nil || a.selected.mailbox != mailbox || a.selected.lost {
		a.leave()
		opened = a.open(mailbox)
		commands = opened.commands
	} else {
		if x := a.selected; fresh {
			told = false
			commands = append(commands, &imapconn.Noop{Done: func() { told = true; x.settled() }})
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
		// One command that is refused, of a message or of the folder list, is no
		// reason not to show the rest.
		err := a.do(ctx, commands...)
		if opened != nil && opened.choose.Data == nil || err != nil && !(isRefusal(err) && told) {
			return sent, selectError(opened, err)
		}
	}
	if opened != nil {
		if !opened.complete() { // nothing of it is known after all
			a.indexes.drop(mailbox)
			return a.ensure(ctx, mailbox, fresh, extra...)
		}
		a.selected = opened.index
	}
	if err := a.settle(ctx); err != nil {
		return sent, err
	}
	if a.selected.lost && opened == nil {
		_, err = a.ensure(ctx, mailbox, fresh)
		return false, err
	}
	if query == nil {
		return sent, nil
	}
	stands := a.stands(query, a.selected)
	if err := a.takeFolders(ctx, query); err != nil {
		return sent, err
	}
	if opened == nil && !stands {
		a.selected.lost = true
		_, err = a.ensure(ctx, mailbox, fresh)
		return false, err
	}
	return sent, nil
}

// selectError explains a failed exchange that began with a SELECT.
func selectError(opened *opening, err error) error {
	refusal, refused := imapconn.IsRefusal(err)
	if opened == nil || opened.choose.Data != nil || !refused {
		return err
	}
	switch refusal.Code {
	case imap.ResponseCodeUnavailable, imap.ResponseCodeInUse, imap.ResponseCodeServerBug, imap.ResponseCodeLimit:
		return err
	}
	return api.NewError(api.CodeNotFound, "There is no such folder, or it cannot be opened.", err)
}

// settle makes known what the server announced without saying which messages
// they are. What does not fit together is read anew by the next question.
func (a *Account) settle(ctx context.Context) error {
	for try := range maxSettle {
		if a.selected.lost || a.selected.unknown() == 0 {
			break
		}
		x, before := a.selected, a.selected.unknown()
		tail := &imapconn.Fetch{UIDs: rangeSet(x.lastUID()+1, 0), Items: flagItems, Told: true}
		x.reading = true
		err := a.do(ctx, tail)
		x.reading = false
		if err != nil {
			return err // what was read on the way is lost with the connection, or read again
		}
		if x.unknown() >= before && try == maxSettle-1 {
			x.standIn(x.exists) // the server announces them and does not show them
		}
	}
	return nil
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
