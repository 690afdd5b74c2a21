// Package imapconn is one IMAP connection: connect, log in, send commands in
// batches, learn that the mailbox changed. It has no policy: when to connect,
// what to select and what to keep is decided by node/account.
//
// A Conn is used by one caller at a time. Commands given to one Do call are
// pipelined: all are written before the first answer is awaited, so only
// commands that RFC 9051 section 5.5 allows behind each other belong together;
// behind anything during which messages may be expunged, only UID commands.
//
// It stands on go-imap's client for now, which imports its limits: a server
// response that the library does not know ends the connection, and literals
// from the server are not bounded here.
package imapconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// Security says how a connection is protected.
type Security int

// The ways to protect a connection.
const (
	ImplicitTLS Security = iota // TLS from the first byte (RFC 8314)
	StartTLS                    // upgraded before login, or refused
	Plain                       // not protected
)

// Options describe the server to connect to.
type Options struct {
	// Address is host:port.
	Address  string
	Security Security
	// TLS holds the trusted roots; nil means those of the system. The server
	// name is taken from Address.
	TLS *tls.Config
	// Observe, when set, is told of every command that ended, from several
	// goroutines. It must not block.
	Observe func(command string, elapsed time.Duration, err error)
}

// Conn is a connection to an IMAP server.
type Conn struct {
	client  *imapclient.Client
	network net.Conn
	batch   *batchConn
	observe func(string, time.Duration, error)
	// grown, changed collect what the server said unasked since TakeChanges.
	grown, changed atomic.Bool
	exists         atomic.Uint32
}

// Dial connects and waits for the greeting, within the context's deadline.
func Dial(ctx context.Context, options Options) (*Conn, error) {
	var dialer net.Dialer
	network, err := dialer.DialContext(ctx, "tcp", options.Address)
	if err != nil {
		return nil, err
	}
	conn := &Conn{observe: options.Observe, network: network}
	if conn.observe == nil {
		conn.observe = func(string, time.Duration, error) {}
	}
	err = conn.await(ctx, func() { network.Close() }, func() error { return conn.open(ctx, options) })
	if err != nil {
		network.Close()
		return nil, err
	}
	return conn, nil
}

// open secures the network connection and reads the greeting.
func (c *Conn) open(ctx context.Context, options Options) error {
	host, _, err := net.SplitHostPort(options.Address)
	if err != nil {
		return err
	}
	config := &tls.Config{}
	if options.TLS != nil {
		config = options.TLS.Clone()
	}
	config.ServerName = host
	clientOptions := &imapclient.Options{TLSConfig: config, UnilateralDataHandler: c.unilateral()}
	switch options.Security {
	case ImplicitTLS:
		secured := tls.Client(c.network, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			return err
		}
		c.batch = &batchConn{Conn: secured}
		c.client = imapclient.New(c.batch, clientOptions)
	case StartTLS:
		c.batch = &batchConn{Conn: c.network}
		if c.client, err = imapclient.NewStartTLS(c.batch, clientOptions); err != nil {
			return err
		}
	case Plain:
		c.batch = &batchConn{Conn: c.network}
		c.client = imapclient.New(c.batch, clientOptions)
	}
	return c.client.WaitGreeting()
}

// unilateral notes that something changed. It keeps no details: the library
// delivers them out of order.
func (c *Conn) unilateral() *imapclient.UnilateralDataHandler {
	return &imapclient.UnilateralDataHandler{
		Expunge: func(uint32) { c.changed.Store(true) },
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				c.exists.Store(*data.NumMessages)
				c.grown.Store(true)
			}
		},
		Fetch: func(message *imapclient.FetchMessageData) {
			c.changed.Store(true)
			for message.Next() != nil {
			}
		},
	}
}

// Changes is what happened to the selected mailbox unasked.
type Changes struct {
	// Arrived tells that Exists, the number of messages, was announced anew.
	Arrived bool
	Exists  uint32
	// Other tells that messages were expunged or flags changed.
	Other bool
}

// TakeChanges returns what was announced since the last call and forgets it.
func (c *Conn) TakeChanges() Changes {
	return Changes{Arrived: c.grown.Swap(false), Exists: c.exists.Load(), Other: c.changed.Swap(false)}
}

// Login logs in with the LOGIN command and enables IMAP4rev2 where it is
// offered, without which mailbox names would arrive in an undefined encoding.
// A refusal is an *imap.Error.
func (c *Conn) Login(ctx context.Context, user, password string) error {
	start := time.Now()
	err := c.await(ctx, c.abort, func() error { return c.complete(c.client.Login(user, password).Wait) })
	c.observe("LOGIN", time.Since(start), err)
	if err != nil {
		return err
	}
	return c.await(ctx, c.abort, func() error {
		if !c.client.Caps().Has(imap.CapIMAP4rev2) {
			return nil
		}
		start := time.Now()
		enable := c.client.Enable(imap.CapIMAP4rev2)
		err := c.complete(func() error {
			_, err := enable.Wait()
			return err
		})
		c.observe("ENABLE", time.Since(start), err)
		return err
	})
}

// Has tells whether the server offers a capability, directly or implied.
func (c *Conn) Has(capability imap.Cap) bool { return c.client.Caps().Has(capability) }

// Do writes the commands in order and then waits for all of them. It returns
// the first failure; a NO or BAD answer is an *imap.Error and leaves the
// connection usable, anything else does not (see Usable). When the context
// ends first, the connection is closed.
func (c *Conn) Do(ctx context.Context, commands ...Command) error {
	if !c.Usable() {
		return net.ErrClosed
	}
	return c.await(ctx, c.abort, func() error {
		start := time.Now()
		waits := make([]func() error, len(commands))
		c.batch.begin()
		for i, command := range commands {
			waits[i] = command.start(c.client)
		}
		if err := c.batch.end(); err != nil {
			c.network.Close() // every wait below then fails
		}
		// A server may answer out of order, and the library reads nothing more
		// while an answer to a FETCH lies there unread: wait for all at once.
		results := make([]error, len(commands))
		var waiting sync.WaitGroup
		for i, wait := range waits {
			waiting.Go(func() {
				results[i] = c.complete(wait)
				c.observe(commands[i].name(), time.Since(start), results[i])
			})
		}
		waiting.Wait()
		var first error
		for i, err := range results {
			if err != nil && first == nil {
				first = fmt.Errorf("%s: %w", commands[i].name(), err)
			}
		}
		return first
	})
}

// lateAnswers is how long after the end of a connection its commands may take
// to notice.
const lateAnswers = time.Second

// complete waits for a command. The library forgets a command that is written
// at the moment at which the connection ends: then the end of the connection is
// the answer, and the goroutine that waits is lost.
func (c *Conn) complete(wait func() error) error {
	done := make(chan error, 1)
	go func() { done <- wait() }()
	select {
	case err := <-done:
		return err
	case <-c.client.Closed():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(lateAnswers):
		return net.ErrClosed
	}
}

// await runs work and, when the context ends first, calls abort, which must
// make work return.
func (c *Conn) await(ctx context.Context, abort func(), work func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- work() }() // ends at the latest when abort was called
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		abort()
		select {
		case <-done:
		case <-time.After(2 * lateAnswers): // whatever still hangs has no connection any more
		}
		return ctx.Err()
	}
}

func (c *Conn) abort() { c.network.Close() }

// Usable tells whether the connection can take another command.
func (c *Conn) Usable() bool {
	select {
	case <-c.client.Closed():
		return false
	default:
		return true
	}
}

// Close ends the connection at once, without LOGOUT.
func (c *Conn) Close() {
	c.network.Close()
	<-c.client.Closed()
}

// Logout ends the connection politely, within the context's deadline.
func (c *Conn) Logout(ctx context.Context) {
	start := time.Now()
	err := c.await(ctx, c.abort, func() error { return c.complete(c.client.Logout().Wait) })
	c.observe("LOGOUT", time.Since(start), err)
	c.Close()
}

// IsRefusal tells whether the server answered NO or BAD, so that the connection
// is still usable, and returns that answer.
func IsRefusal(err error) (*imap.Error, bool) {
	var refusal *imap.Error
	ok := errors.As(err, &refusal) && refusal.Type != imap.StatusResponseTypeBye
	return refusal, ok
}
