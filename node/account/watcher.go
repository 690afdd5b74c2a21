package account

import (
	"context"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/imapconn"
)

const (
	// maxIdle is how long one IDLE lasts; what stands between a node and a mail
	// server forgets connections that are silent for longer.
	maxIdle = 9 * time.Minute
)

// watch begins to listen for new mail, if nobody does. The caller has the turn
// and a connection.
func (a *Account) watch() {
	if a.watching || a.closed || a.config.Watch < 0 || !a.conn.Has("IDLE") {
		return
	}
	a.watching = true
	a.background.Go(func() { // ends when the user is not around any more, or the account is closed
		if err := a.listen(a.closing); err != nil {
			a.log.Debug("the watcher ended", "error", err)
		}
		a.turn <- struct{}{}
		defer func() { <-a.turn }()
		a.watching = false
	})
}

// listen is the watcher: a connection that idles on the inbox while the user is
// around. It is a doorbell only: what happened is asked for over the foreground
// connection, so that the next click finds it there.
func (a *Account) listen(ctx context.Context) error {
	timer := time.NewTimer(a.config.WatchAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil
	}
	conn, err := a.dial(ctx, whenQuiet)
	if err != nil {
		return err
	}
	defer conn.Logout()
	bell := &bell{}
	if err := a.exchange(ctx, conn, &imapconn.Select{Name: inbox, ReadOnly: true, Mailbox: bell}); err != nil {
		return err
	}
	for ctx.Err() == nil {
		left := a.config.Watch - time.Since(a.LastUse())
		if left <= 0 {
			return nil
		}
		bell.rung = false
		idle, cancel := context.WithTimeout(ctx, min(left, maxIdle))
		err := conn.Idle(idle)
		cancel()
		if err != nil {
			return err
		}
		if bell.rung {
			a.rung()
		}
	}
	return nil
}

// rung asks for what is new, and fetches the rows of the first page.
func (a *Account) rung() {
	a.turn <- struct{}{}
	defer func() { <-a.turn }()
	if a.closed || !a.connected() {
		return
	}
	a.folders.read = time.Time{} // counts have changed
	if a.selected == nil || a.selected.mailbox != inbox || !a.quiet() {
		return
	}
	first := &listing{mailbox: inbox, page: 1, size: api.DefaultPageSize}
	if _, _, err := a.listPage(a.closing, first); err != nil {
		a.log.Debug("what is new could not be fetched", "error", err)
	}
}

// bell remembers that there was something.
type bell struct{ rung bool }

var _ imapconn.Mailbox = (*bell)(nil)

// Exists implements imapconn.Mailbox.
func (b *bell) Exists(uint32) { b.rung = true }

// Expunged implements imapconn.Mailbox.
func (b *bell) Expunged(uint32) { b.rung = true }

// Vanished implements imapconn.Mailbox.
func (b *bell) Vanished(imap.UIDSet, bool) { b.rung = true }

// Flagged implements imapconn.Mailbox.
func (b *bell) Flagged(uint32, imap.UID, []imap.Flag, uint64) { b.rung = true }
