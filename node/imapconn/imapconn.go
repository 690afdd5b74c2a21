// Package imapconn is one IMAP connection: connect, log in, send commands in
// batches, and tell in order what the server says of the selected mailbox. It
// has no policy: when to connect, what to select and what to keep is decided by
// node/account.
//
// A Conn is used by one goroutine at a time and has none of its own: it reads
// only while a command or Idle waits. An idle connection is a socket, its TLS
// state and a few words (see Compress for what else it may have); what the server
// says meanwhile stays in the kernel until the next command.
//
// Commands given to one Do call are pipelined: all are written, in one segment,
// before the first answer is awaited. So only commands that RFC 9051 section 5.5
// allows behind each other belong together; behind anything during which
// messages may be expunged, only UID commands. Servers answer them in order, and
// may end several at once. Extensions are used where Options or a command ask for
// them; whoever asks has looked whether the server offers them (see Conn.Has).
//
// Moving messages is safe on servers that cannot, and over connections that end:
// see Conn.Move and Conn.ResumeMove.
//
// A server may say anything. What is unknown or broken is reported to
// Options.Strange and otherwise ignored, at the cost of one item of one message
// where it can be kept to that; what is too much ends the connection.
package imapconn

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn/wire"
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
	// Identity, if set, is told before login to a server that offers ID (RFC 2971):
	// names and values in turn. A server that trusts this machine takes the
	// user's address from x-originating-ip, so that what one user does wrong is
	// not held against all.
	Identity []string
	// UTF8 enables UTF8=ACCEPT (RFC 6855) where it is offered, for messages with
	// headers and mailbox names in UTF-8. It is enabled in any case where a server
	// wants nothing else.
	UTF8 bool
	// Without are capabilities to do without although the server offers them.
	Without []imap.Cap
	// Limits bound what the server sends. Default for those that are 0:
	// wire.DefaultLimits.
	Limits wire.Limits

	// Observe, when set, is told of every command that ended.
	Observe func(command string, elapsed time.Duration, err error)
	// Strange, when set, is told of every response or item that is not known, or
	// broken: what is wrong and its name.
	Strange func(what, name string)
}

// Conn is a connection to an IMAP server.
type Conn struct {
	options  Options
	network  net.Conn      // below TLS
	stream   io.ReadWriter // network, or what is above it
	reader   *wire.Reader
	encoding wire.Encoding
	decoding wire.Decoding

	caps      imap.CapSet
	enabled   map[imap.Cap]bool
	fresh     bool     // caps were told since the last command that may change them
	mailbox   Mailbox  // told what is said of the selected mailbox; nil without one
	observer  Observer // told what is said of the others; nil without one
	news      uint64   // how often one of the two was told of something, or could have been
	flights   []*flight
	number    uint64 // of the last command
	responses int    // since the last batch began
	bytes     int64  // of those
	goAhead   bool   // a continuation request came
	broken    error  // why the connection cannot be used any more
}

// ErrClosed is returned by a connection that cannot be used any more.
var ErrClosed = errors.New("the connection to the mail server is closed")

// Dial connects and waits for the greeting, within the context's deadline.
func Dial(ctx context.Context, options Options) (*Conn, error) {
	var dialer net.Dialer
	network, err := dialer.DialContext(ctx, "tcp", options.Address)
	if err != nil {
		return nil, err
	}
	notForLong(network)
	network = Promptly(network)
	limits, defaults := &options.Limits, wire.DefaultLimits
	limits.Line, limits.Literals = cmp.Or(limits.Line, defaults.Line), cmp.Or(limits.Literals, defaults.Literals)
	limits.Responses, limits.Bytes = cmp.Or(limits.Responses, defaults.Responses), cmp.Or(limits.Bytes, defaults.Bytes)
	if options.Observe == nil {
		options.Observe = func(string, time.Duration, error) {}
	}
	if options.Strange == nil {
		options.Strange = func(string, string) {}
	}
	conn := &Conn{options: options, network: network, caps: imap.CapSet{}}
	conn.use(network)
	if err := conn.open(ctx); err != nil {
		network.Close()
		return nil, err
	}
	return conn, nil
}

// use reads from and writes to a stream from now on.
func (c *Conn) use(stream io.ReadWriter) {
	c.stream, c.reader = stream, wire.NewReader(stream, c.options.Limits)
}

// open secures the connection and reads the greeting.
func (c *Conn) open(ctx context.Context) (err error) {
	defer c.guard(ctx)(&err)
	if c.options.Security == ImplicitTLS {
		if err := c.secure(ctx); err != nil {
			return err
		}
	}
	if err := c.greeting(); err != nil {
		return err
	}
	if c.options.Security == StartTLS {
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	}
	if len(c.caps) > 0 {
		return nil
	}
	return c.do(&command{label: "CAPABILITY"})
}

// secure begins TLS.
func (c *Conn) secure(ctx context.Context) error {
	host, _, err := net.SplitHostPort(c.options.Address)
	if err != nil {
		return err
	}
	config := &tls.Config{}
	if c.options.TLS != nil {
		config = c.options.TLS.Clone()
	}
	config.ServerName = host
	secured := tls.Client(c.network, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return err
	}
	c.use(secured)
	return nil
}

// greeting reads the server's first response. A connection that is logged in
// already was not asked for: somebody else's account could be behind it.
func (c *Conn) greeting() error {
	response, err := c.next()
	if err != nil {
		return err
	}
	status, ok := response.(*wire.Status)
	switch {
	case !ok || status.Tag != "":
		return errors.New("the server does not greet as an IMAP server does")
	case status.Type == imap.StatusResponseTypePreAuth:
		return errors.New("the server greets with PREAUTH, so TLS and login cannot be had")
	case status.Error() != nil:
		return status.Error()
	}
	c.takeCode(status.Code)
	return nil
}

// startTLS upgrades the connection (RFC 9051 section 6.2.1). Whatever was said
// before is forgotten, because anybody may have said it; bytes that stand behind
// the answer, before TLS, are an attack.
func (c *Conn) startTLS(ctx context.Context) error {
	if err := c.do(&command{label: "STARTTLS"}); err != nil {
		return fmt.Errorf("STARTTLS: %w", err)
	}
	if c.reader.Buffered() {
		return errors.New("the server says more between STARTTLS and TLS")
	}
	c.caps = imap.CapSet{}
	return c.secure(ctx)
}

// Has tells whether the server offers a capability, directly or implied, that is
// not to be done without.
func (c *Conn) Has(capability imap.Cap) bool {
	return c.caps.Has(capability) && !slices.Contains(c.options.Without, capability)
}

// Usable tells whether the connection can take another command.
func (c *Conn) Usable() bool { return c.broken == nil }

// Close ends the connection at once, without LOGOUT.
func (c *Conn) Close() {
	c.fail(ErrClosed)
}

// fail ends the connection for a reason. What the server does not have yet of a command
// that was given up never reaches it: else the system would go on sending, and a message
// could arrive long after its author has been told that it is not saved, and acted on it.
func (c *Conn) fail(reason error) {
	if c.broken == nil {
		c.broken = reason
	}
	if reason != ErrClosed {
		discardUnsent(c.network)
	}
	c.network.Close()
}

// discardUnsent lets the system forget what it has not sent when a connection is closed.
func discardUnsent(conn net.Conn) {
	for {
		switch known := conn.(type) {
		case interface{ SetLinger(seconds int) error }:
			known.SetLinger(0)
			return
		case interface{ NetConn() net.Conn }:
			conn = known.NetConn()
		default:
			return
		}
	}
}

// Logout ends the connection politely, within the context's deadline.
func (c *Conn) Logout(ctx context.Context) {
	c.Do(ctx, &command{label: "LOGOUT"})
	c.Close()
}

// guard makes the connection end what it waits for when the context ends. The
// function it returns lifts that, and makes the context's error of the one that
// the wait came to.
func (c *Conn) guard(ctx context.Context) func(*error) {
	done := make(chan struct{})
	network := c.network
	stop := context.AfterFunc(ctx, func() {
		network.SetDeadline(time.Unix(1, 0))
		close(done)
	})
	return func(err *error) {
		if stop() {
			return
		}
		<-done
		network.SetDeadline(time.Time{})
		if *err != nil && isTimeout(*err) {
			*err = ctx.Err()
		}
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// IsRefusal tells whether the server answered NO or BAD, so that the connection
// is still usable, and returns that answer.
func IsRefusal(err error) (*imap.Error, bool) {
	var refusal *imap.Error
	ok := errors.As(err, &refusal) && refusal.Type != imap.StatusResponseTypeBye
	return refusal, ok
}

// encoders are kept for the time of a batch only.
var encoders = sync.Pool{New: func() any { return &wire.Encoder{} }}
