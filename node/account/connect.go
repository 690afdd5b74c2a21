package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// connection is a connection that is logged in, with its place at the gate.
type connection struct {
	*imapconn.Conn
	pass *pass
}

// Close ends the connection at once.
func (c *connection) Close() {
	c.Conn.Close()
	c.pass.end()
}

// logoutTimeout bounds saying goodbye to a mail server.
const logoutTimeout = time.Second

// Logout ends the connection politely.
func (c *connection) Logout() {
	ctx, cancel := context.WithTimeout(context.Background(), logoutTimeout)
	defer cancel()
	c.Conn.Logout(ctx)
	c.pass.end()
}

// dial makes a connection and logs in. It needs no turn.
func (a *Account) dial(ctx context.Context, how urgency) (_ *connection, err error) {
	pass, err := a.backend.Gate.enter(ctx, a.id, how)
	if err != nil {
		return nil, err
	}
	options := a.backend.Options
	if client := a.client.Load(); client != nil {
		options.Identity = []string{"name", "AlphaMail", "x-originating-ip", *client}
	}
	greeted := false
	err = errors.New("account: the dial was broken off")
	defer func() { pass.connected(greeted, err) }()
	conn := &connection{pass: pass}
	err = bounded(ctx, a.config.DialTimeout, func(ctx context.Context) (err error) {
		if conn.Conn, err = imapconn.Dial(ctx, options); err != nil {
			return err
		}
		greeted = true
		if err = conn.Conn.Login(ctx, a.user, a.password); err != nil {
			conn.Conn.Close()
			return a.loginError(err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// loginError tells a wrong password from a server that cannot log anybody in
// (RFC 5530).
func (a *Account) loginError(err error) error {
	refusal, refused := imapconn.IsRefusal(err)
	if !refused {
		return err
	}
	// Some servers repeat what they do not understand: their text is not for a log.
	err = &imap.Error{Type: refusal.Type, Code: refusal.Code, Text: "refused"}
	switch refusal.Code {
	case "", imap.ResponseCodeAuthenticationFailed, imap.ResponseCodeAuthorizationFailed, imap.ResponseCodeExpired:
		if refusal.Type == imap.StatusResponseTypeNo {
			return api.NewError(api.CodeAuthFailed, "User name or password is wrong.", err)
		}
	}
	return api.NewError(api.CodeBackendDown, "The mail server cannot log you in at the moment.", err)
}

// errSilent marks an exchange that outlasted CommandTimeout or DialTimeout.
var errSilent = errors.New("account: the mail server is silent")

// bounded runs an exchange with the mail server under a timeout of its own.
func bounded(ctx context.Context, timeout time.Duration, exchange func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := exchange(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", errSilent, err)
	}
	return err
}

// connect makes a foreground connection unless there is one. The caller has the
// turn.
func (a *Account) connect(ctx context.Context) error {
	if a.connected() {
		return nil
	}
	a.disconnect()
	conn, err := a.dial(ctx, urgent)
	for err != nil && a.mayRestart(err) {
		select {
		case <-time.After(restartPause):
		case <-ctx.Done():
			return ctx.Err()
		}
		conn, err = a.dial(ctx, urgent)
	}
	if err != nil {
		a.noteFailure(err)
		return err
	}
	a.conn, a.failed = conn, time.Time{}
	return nil
}

// mayRestart tells whether it is worth waiting for a mail server that cannot be
// reached. One that is silent is not starting.
func (a *Account) mayRestart(err error) bool {
	return unreachable(err) && !errors.Is(err, errSilent) && !errors.Is(err, context.Canceled) && a.backend.Gate.Restarting()
}

// connected tells whether there is a connection that works, as far as is known.
func (a *Account) connected() bool { return a.conn != nil && a.conn.Usable() }

// disconnect forgets the connection and what is only true while it lasts.
func (a *Account) disconnect() {
	if a.conn != nil {
		a.conn.Close()
		a.conn = nil
	}
	a.leave()
}

// do sends commands over the foreground connection. The caller has the turn.
func (a *Account) do(ctx context.Context, commands ...imapconn.Command) error {
	return a.talk(ctx, func(ctx context.Context) error { return a.conn.Do(ctx, commands...) })
}

// talk runs an exchange over the foreground connection, and forgets that one if it
// has ended.
func (a *Account) talk(ctx context.Context, exchange func(context.Context) error) error {
	err := bounded(ctx, a.config.CommandTimeout, exchange)
	if err != nil && !a.conn.Usable() {
		a.log.Info("connection to the mail server lost", "error", err)
		if errors.Is(err, errSilent) {
			a.noteFailure(err)
		}
		a.disconnect()
	}
	return err
}

// retrying runs work and, when it failed because a kept connection turned out
// to be dead, once more with a new one. Work must be safe to repeat.
func (a *Account) retrying(ctx context.Context, work func(context.Context) error) error {
	kept := a.conn != nil
	if err := a.connect(ctx); err != nil {
		return err
	}
	err := work(ctx)
	if err == nil || !kept || a.conn != nil || ctx.Err() != nil || errors.Is(err, errSilent) {
		return err
	}
	if err := a.connect(ctx); err != nil {
		return err
	}
	return work(ctx)
}

// transiently runs work that takes long with a connection of its own, on which
// the mailbox is opened for reading: so nobody waits for it who has the turn. It
// needs no turn; one at a time has such a connection.
func (a *Account) transiently(ctx context.Context, mailbox string, work func(context.Context, *connection, *imap.SelectData) error) error {
	return a.aside(ctx, urgent, func(ctx context.Context, conn *connection) error {
		open := &imapconn.Select{Name: mailbox, ReadOnly: true}
		if err := a.exchange(ctx, conn, open); err != nil {
			return err
		}
		return work(ctx, conn, open.Data)
	})
}

// aside is transiently without a mailbox.
func (a *Account) aside(ctx context.Context, how urgency, work func(context.Context, *connection) error) error {
	select {
	case a.transient <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-a.transient }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.closing, cancel)()
	conn, err := a.dial(ctx, how)
	if err != nil {
		return err
	}
	defer conn.Logout()
	return work(ctx, conn)
}

// exchange sends commands over a connection other than the foreground one.
func (a *Account) exchange(ctx context.Context, conn *connection, commands ...imapconn.Command) error {
	return bounded(ctx, a.config.CommandTimeout, func(ctx context.Context) error { return conn.Do(ctx, commands...) })
}
