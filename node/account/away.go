package account

import (
	"context"
	"errors"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// pauseAfterFailure is how long nobody waits for a connection whose last try
// failed.
const pauseAfterFailure = 5 * time.Second

// ask runs work with the turn and a connection. When the mail server cannot be
// reached, known is called instead: it may know the answer all the same, and
// reports whether it does. Nobody waits for a server that is away, if the answer
// is known or the server is silent: whether it is back is found out meanwhile.
func (a *Account) ask(ctx context.Context, work func(context.Context) error, known func() bool) error {
	return a.withTurn(ctx, func(ctx context.Context) error {
		if !a.connected() && a.away() {
			switch answered := known(); {
			case answered:
				a.reconnect()
				return nil
			case a.silent() && !a.backend.Gate.Restarting():
				a.reconnect()
				return notNow()
			}
		}
		err := a.retrying(ctx, work)
		if unreachable(err) && ctx.Err() == nil && known() {
			return nil
		}
		if err == nil && a.connected() {
			a.watch()
			a.resumeJobs()
		}
		return err
	})
}

// away tells whether trying to connect is likely to be in vain.
func (a *Account) away() bool {
	return a.backend.Gate.Away() || time.Since(a.failed) < pauseAfterFailure
}

// silent tells whether waiting for a connection is likely to be in vain, and long.
func (a *Account) silent() bool {
	return a.backend.Gate.Away() || a.away() && a.failedSilent
}

// noteFailure remembers that the mail server could not be reached.
func (a *Account) noteFailure(err error) {
	if unreachable(err) && !errors.Is(err, context.Canceled) {
		a.failed, a.failedSilent = time.Now(), errors.Is(err, errSilent)
	}
}

// unreachable tells whether an error means that the mail server is away, not
// that it refused something.
func unreachable(err error) bool {
	var known *api.Error
	switch {
	case err == nil:
		return false
	case errors.As(err, &known):
		return known.Code == api.CodeBackendDown
	}
	refusal, refused := imapconn.IsRefusal(err)
	return refused && refusal.Code == imap.ResponseCodeUnavailable || !refused && !errors.Is(err, errGone)
}

// reconnect makes a connection while nobody waits for it. The caller has the
// turn.
func (a *Account) reconnect() {
	if a.reconnecting || a.closed {
		return
	}
	a.reconnecting = true
	a.inBackground(func() { // ends with the dial, at the latest when the account is closed
		conn, err := a.dial(a.closing, whenQuiet)
		a.turn <- struct{}{}
		defer func() { <-a.turn }()
		a.reconnecting = false
		switch {
		case err != nil:
			a.failed = time.Time{} // an answer, such as that the password is wrong, is for who asks next
			a.noteFailure(err)
		case a.closed || a.connected():
			conn.Close()
		default:
			a.disconnect()
			a.conn, a.failed = conn, time.Time{}
		}
	})
}
