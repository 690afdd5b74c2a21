package account

import (
	"context"
	"errors"
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
	if a.stopWatching != nil || a.closed || a.config.Watch < 0 || !a.conn.Has("IDLE") {
		return
	}
	ctx, cancel := context.WithCancel(a.closing)
	a.stopWatching = cancel
	a.inBackground(func() { // ends when the user is not around any more, or the account rests
		defer cancel()
		if err := a.listen(ctx); err != nil {
			a.log.Debug("the watcher ended", "error", err)
		}
		a.turn <- struct{}{}
		defer func() { <-a.turn }()
		a.stopWatching = nil
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
		over := idle.Err() != nil
		cancel()
		if err != nil {
			return err
		}
		if !over && !bell.rung {
			return errors.New("the server ends IDLE by itself")
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
	if a.selected == nil || a.selected.mailbox != inbox {
		a.folders.read = time.Time{} // the count of the inbox has changed
		return
	}
	if !a.quiet() {
		return
	}
	first := &listing{mailbox: inbox, page: 1, size: api.DefaultPageSize}
	a.unasked(func(ctx context.Context) error {
		_, _, err := a.listPage(ctx, first)
		return err
	})
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
