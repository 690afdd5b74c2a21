// Package account keeps one mail account alive on a node: its connection to the
// mail server, what it knows of the mailboxes, and the answers to page
// questions.
//
// The connection, the selected mailbox and its index belong together: whoever
// holds the account's turn (a semaphore that honours contexts, because its
// holder talks to the mail server) may use all three. Everything derived from
// message content goes to the cache, under keys that name it fully; counts,
// flags and order are mutable and live here.
//
// An Account makes no connection until it is asked something, replaces a
// connection that failed on the next question, and starts no goroutine that
// outlives a call.
package account

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"alphamail/node/api"
	"alphamail/node/imapconn"
	"github.com/emersion/go-imap/v2"
)

// Backend is the mail server of a domain.
type Backend struct {
	imapconn.Options
	// Gate stands before the server; nil lets everybody in at once.
	Gate *Gate
	// Prefix of the user's mailboxes, such as "INBOX."; empty when there is
	// none or the server shall be asked.
	Prefix string
}

// Cache keeps derived data. It may forget anything at any time.
type Cache interface {
	Get(owner, key string) ([]byte, bool)
	Put(owner, key string, value []byte)
}

// Config bounds what an account does.
type Config struct {
	// DialTimeout bounds connecting and logging in. Default 10 s.
	DialTimeout time.Duration
	// CommandTimeout bounds one exchange with the mail server, so that a server
	// that hangs is noticed. Default 15 s.
	CommandTimeout time.Duration
	// FoldersMaxAge is how old the folder list and the counts of folders other
	// than the selected one may be. Default 30 s.
	FoldersMaxAge time.Duration
	// WholeMessage is the size in bytes up to which a message is fetched and
	// cached as a whole. Larger ones are read by parts. Default 512 KiB.
	WholeMessage int64
	// ChunkSize is how much of a large part is fetched at a time, in bytes;
	// other questions get their turn between chunks. Default 1 MiB.
	ChunkSize int64
}

// WithDefaults fills in what is zero.
func (c Config) WithDefaults() Config {
	setDefault(&c.DialTimeout, 10*time.Second)
	setDefault(&c.CommandTimeout, 15*time.Second)
	setDefault(&c.FoldersMaxAge, 30*time.Second)
	setDefault(&c.WholeMessage, 512<<10)
	setDefault(&c.ChunkSize, 1<<20)
	return c
}

func setDefault[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

// Account is one user's account. Its methods are safe for concurrent use.
type Account struct {
	id       string // canonical account id
	user     string // name for LOGIN
	password string
	backend  Backend
	config   Config
	cache    Cache
	log      *slog.Logger

	lastUse atomic.Int64 // Unix nanoseconds

	// turn holds one token: who has it may use everything below.
	turn     chan struct{}
	conn     *imapconn.Conn // nil when not connected
	selected *index         // nil when nothing is selected
	indexes  indexes        // of other mailboxes
	folders  folderList
	closed   bool

	closing  context.Context // ends when the account does
	endCalls context.CancelFunc
}

// New makes an account without connecting. user is the name for LOGIN.
func New(id, user, password string, backend Backend, config Config, cache Cache, log *slog.Logger) *Account {
	a := &Account{
		id: id, user: user, password: password, backend: backend,
		config: config.WithDefaults(), cache: cache, log: log.With("account", id),
		turn: make(chan struct{}, 1),
	}
	a.closing, a.endCalls = context.WithCancel(context.Background())
	a.lastUse.Store(time.Now().UnixNano())
	return a
}

// HasPassword compares in constant time.
func (a *Account) HasPassword(password string) bool {
	return subtle.ConstantTimeCompare([]byte(a.password), []byte(password)) == 1
}

// SamePassword tells whether two accounts log in with the same password.
func (a *Account) SamePassword(other *Account) bool { return a.HasPassword(other.password) }

// LastUse is when the account was last asked something.
func (a *Account) LastUse() time.Time { return time.Unix(0, a.lastUse.Load()) }

// Connect makes sure that the account is connected and logged in. Errors:
// auth_failed, backend_down, deadline.
func (a *Account) Connect(ctx context.Context) error {
	return a.withTurn(ctx, func(ctx context.Context) error { return a.connect(ctx) })
}

// ErrClosed is returned by calls to an account that was closed. Whoever needs
// the account makes a new one.
var ErrClosed = errors.New("account: closed")

// Close ends the account at once: calls under way are cancelled, they and later
// ones fail with ErrClosed.
func (a *Account) Close() {
	a.endCalls()
	a.Retire()
}

// Retire ends the account after the call that has its turn; calls that wait and
// later ones fail with ErrClosed.
func (a *Account) Retire() {
	a.turn <- struct{}{}
	defer func() { <-a.turn }()
	a.closed = true
	a.endCalls()
	if a.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), logoutTimeout)
		defer cancel()
		a.conn.Logout(ctx)
		a.conn = nil
	}
}

// logoutTimeout bounds saying goodbye to a mail server.
const logoutTimeout = time.Second

// withTurn waits for the account's turn and runs work with it.
func (a *Account) withTurn(ctx context.Context, work func(context.Context) error) error {
	a.lastUse.Store(time.Now().UnixNano())
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return api.AsError(ctx.Err())
	}
	defer func() { <-a.turn }()
	if a.closed {
		return ErrClosed
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.closing, cancel)()
	err := work(inner)
	if err != nil && a.closing.Err() != nil && ctx.Err() == nil {
		return ErrClosed
	}
	return a.translate(ctx, err)
}

// translate turns errors of the mail server into those of the protocol. The
// server's text stays in the log: it may hold anything.
func (a *Account) translate(ctx context.Context, err error) error {
	var known *api.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return api.AsError(ctx.Err())
	case errors.Is(err, errSilent):
		return api.NewError(api.CodeBackendDown, "The mail server does not answer.", err)
	}
	if _, refused := imapconn.IsRefusal(err); refused {
		return api.NewError(api.CodeBackendDown, "The mail server refused the request.", err)
	}
	return api.NewError(api.CodeBackendDown, "The mail server cannot be reached.", err)
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

// connect makes a connection unless there is one. The caller has the turn.
func (a *Account) connect(ctx context.Context) error {
	if a.conn != nil && a.conn.Usable() {
		return nil
	}
	a.disconnect()
	if a.backend.Gate == nil {
		return a.dial(ctx)
	}
	left, err := a.backend.Gate.enter(ctx)
	if err != nil {
		return err
	}
	err = a.dial(ctx)
	left(err)
	return err
}

// dial connects and logs in.
func (a *Account) dial(ctx context.Context) error {
	return bounded(ctx, a.config.DialTimeout, func(ctx context.Context) error {
		conn, err := imapconn.Dial(ctx, a.backend.Options)
		if err != nil {
			return err
		}
		if err := conn.Login(ctx, a.user, a.password); err != nil {
			conn.Close()
			return a.loginError(err)
		}
		a.conn = conn
		return nil
	})
}

// loginError tells a wrong password from a server that cannot log anybody in
// (RFC 5530).
func (a *Account) loginError(err error) error {
	refusal, refused := imapconn.IsRefusal(err)
	switch {
	case !refused:
		return err
	case refusal.Code == imap.ResponseCodeUnavailable || refusal.Code == imap.ResponseCodeInUse || refusal.Code == imap.ResponseCodeLimit:
		return api.NewError(api.CodeBackendDown, "The mail server cannot log you in at the moment.", err)
	default:
		return api.NewError(api.CodeAuthFailed, "User name or password is wrong.", err)
	}
}

// disconnect forgets the connection and what is only true while it lasts.
func (a *Account) disconnect() {
	if a.conn != nil {
		a.conn.Close()
		a.conn = nil
	}
	a.leave()
}

// do sends commands over the connection of the account, making one first when
// need be. The caller has the turn.
func (a *Account) do(ctx context.Context, commands ...imapconn.Command) error {
	err := bounded(ctx, a.config.CommandTimeout, func(ctx context.Context) error { return a.conn.Do(ctx, commands...) })
	if err != nil && !a.conn.Usable() {
		a.log.Info("connection to the mail server lost", "error", err)
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
