// Package account keeps one mail account alive on a node: its connections to the
// mail server, what it knows of the mailboxes, and the answers to page
// questions.
//
// An account has up to three connections. The foreground one answers questions;
// it, the selected mailbox and its index belong together, and whoever holds the
// account's turn (a semaphore that honours contexts, because its holder talks to
// the mail server) may use them. The watcher listens for new mail while the
// user is around, and is only a doorbell. A transient one does what takes long,
// so that no click waits for it. While the user searches, there is one more.
//
// Everything derived from message content goes to the cache, under keys that
// name it fully; counts, flags and order are mutable and live here.
//
// An Account makes no connection until it is asked something, and replaces a
// connection that failed on the next question. While nobody asks, it gives back
// what it holds step by step: see Rest.
package account

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"alphamail/node/api"
	"alphamail/node/imapconn"
	"alphamail/node/submit"
)

// Backend is the mail server of a domain.
type Backend struct {
	imapconn.Options
	// Gate stands before the server; nil lets everybody in at once.
	Gate *Gate
	// Prefix of the user's mailboxes, such as "INBOX."; empty when there is
	// none or the server shall be asked.
	Prefix string
	// Roles are mailboxes that serve for a role, by their names without the
	// prefix, whatever the server says.
	Roles map[api.Role]string
	// AuthenticationHosts are the names under which the hosts that receive the
	// user's mail write what they found out about its senders (RFC 8601). They must
	// remove what others wrote under these names. Empty: nothing is believed.
	AuthenticationHosts []string
	// Submission is how the domain's users send. Submit, if set, connects in its
	// place.
	Submission submit.Route
	Submit     Submitter
	// Senders are the addresses that users may write as; see
	// api.SettingsAnswer.Senders. Empty is api.OwnSender.
	Senders []string
}

// Cache keeps derived data. It may forget anything at any time.
type Cache interface {
	Get(owner, key string) ([]byte, bool)
	Put(owner, key string, value []byte)
	// Decoded returns what decode makes of a value, and may keep that; it is
	// shared, and nobody changes it. size is its cost in bytes.
	Decoded(owner, key string, decode func(data []byte) (value any, size int64, err error)) (any, bool)
	// PutDecoded keeps a value together with what decode would make of it.
	PutDecoded(owner, key string, data []byte, value any, size int64)
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
	// NoSnippets leaves the beginnings of messages out of lists.
	NoSnippets bool
	// Watch is how long after a question the user counts as being around, so
	// that a second connection listens for new mail. Default 2 min; negative:
	// never.
	Watch time.Duration
	// WatchAfter is how long after a question the listening begins: most who log
	// in only look and go. Default 10 s.
	WatchAfter time.Duration
	// IdleConnection is how long the foreground connection is kept unused.
	// Default 20 min: servers may drop an idle client after 30 (RFC 9051
	// section 5.4).
	IdleConnection time.Duration
	// SettingsFolder is the mailbox, without the prefix of the user's mailboxes, that
	// keeps settings and address book. Without it there are none.
	SettingsFolder string
	// JobStep is how many messages a long job does something to at a time, while pages
	// wait; up to twice as many are done without a job. Default 500.
	JobStep int
	// Owns, if set, tells whether this node is the one to go on with the long jobs of
	// an account: two nodes must not do the same. Without it, it always is.
	Owns func(account string) bool
	// TakeOver is how long after it has found a job of another node an account goes on
	// with it: that one may be in the middle of a step. Default 2 s.
	TakeOver time.Duration
	// Quiet, if set, tells whether there is room for work that nobody waits for,
	// such as fetching what is likely to be asked for next. Without it there is
	// none.
	Quiet func() bool
	// Spool keeps files and messages that are too large for memory. Without it
	// nothing can be written.
	Spool *Spool
	// Unsubscriber tells lists that their readers leave. Without it nobody does.
	Unsubscriber Unsubscriber
	// Archives bounds the archives of attachments that are made at the same time.
	// Without it nothing does.
	Archives *Archives
	// MaxAttached bounds the attachments of a message together, in bytes. Default
	// 25 MiB.
	MaxAttached int64
}

// WithDefaults fills in what is zero.
func (c Config) WithDefaults() Config {
	setDefault(&c.DialTimeout, 10*time.Second)
	setDefault(&c.CommandTimeout, 15*time.Second)
	setDefault(&c.FoldersMaxAge, 30*time.Second)
	setDefault(&c.WholeMessage, 512<<10)
	setDefault(&c.ChunkSize, 1<<20)
	setDefault(&c.Watch, 2*time.Minute)
	setDefault(&c.WatchAfter, 10*time.Second)
	setDefault(&c.IdleConnection, 20*time.Minute)
	setDefault(&c.MaxAttached, 25<<20)
	setDefault(&c.JobStep, actedAtOnce)
	setDefault(&c.TakeOver, 2*time.Second)
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

	lastUse atomic.Int64           // Unix nanoseconds
	client  atomic.Pointer[string] // address of the user's browser; nil if not known

	// turn holds one token: who has it may use everything below.
	turn         chan struct{}
	conn         *connection // the foreground one; nil when not connected
	failed       time.Time   // when the mail server could not be reached last
	failedSilent bool        // it did not answer at all then
	reconnecting bool        // in the background
	stopWatching func()      // ends the watcher; nil when there is none
	selected     *index      // nil when nothing is selected
	indexes      indexes     // of other mailboxes
	folders      folderList
	acted        []acted // the last ones, the newest at the end
	closed       bool

	prefetching atomic.Bool // something is fetched in advance
	noPreviews  atomic.Bool // the server offers previews and had none

	kept     kept     // settings and address book
	jobs     jobs     // that go on while nobody waits
	searches searches // that the user has begun

	// transient holds one token, for the connection of transiently.
	transient chan struct{}
	writer    chan struct{} // holds one token: see asWriter
	claims    claims

	closing    context.Context // ends when the account does
	endCalls   context.CancelFunc
	background sync.WaitGroup // work without a caller; ends with closing
}

// New makes an account without connecting. user is the name for LOGIN.
func New(id, user, password string, backend Backend, config Config, cache Cache, log *slog.Logger) *Account {
	a := &Account{
		id: id, user: user, password: password, backend: backend,
		config: config.WithDefaults(), cache: cache, log: log.With("account", id),
		turn: make(chan struct{}, 1), transient: make(chan struct{}, 1),
		writer: make(chan struct{}, 1),
	}
	a.kept.reading = make(chan struct{}, 1)
	a.jobs.stopped = make(chan struct{}, 1)
	a.searches.turn = make(chan struct{}, 1)
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

// From tells where the user is, for connections that are made from now on.
func (a *Account) From(address string) {
	if before := a.client.Load(); address != "" && (before == nil || *before != address) {
		a.client.Store(&address)
	}
}

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
	a.closed = true
	a.endCalls()
	if a.conn != nil {
		a.conn.Logout()
		a.conn = nil
	}
	<-a.turn
	a.background.Wait()
}

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
	if isRefusal(err) {
		return api.NewError(api.CodeBackendDown, "The mail server refused the request.", err)
	}
	return api.NewError(api.CodeBackendDown, "The mail server cannot be reached.", err)
}

// inBackground runs work without a caller. A defect in it costs that work, and not
// the node.
func (a *Account) inBackground(work func()) {
	a.background.Go(func() {
		defer func() {
			if defect := recover(); defect != nil {
				a.log.Error("defect", "panic", fmt.Sprint(defect), "stack", string(debug.Stack()))
			}
		}()
		work()
	})
}

// isRefusal tells whether the mail server answered NO or BAD.
func isRefusal(err error) bool {
	_, refused := imapconn.IsRefusal(err)
	return refused
}
