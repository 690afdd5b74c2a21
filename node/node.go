// Package node is a webcache node: it answers the page protocol for the
// accounts that the ring gives it.
//
// A node checks that it may answer for an account (ownership), that the asker
// may see it (the seal), finds or rebuilds the account and lets it answer.
// Nothing on a node is needed to rebuild an account but the seal that comes
// with every question, so a node can be lost at any time.
package node

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"alphamail/cache"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/seal"
)

// Placement tells which node owns an account. Its answers may change between
// calls.
type Placement interface {
	// Owner is the node that owns an account; false when there is no node.
	Owner(account string) (node string, ok bool)
	// Successor is the owner in a ring without the suspects.
	Successor(account string, suspects ...string) (node string, ok bool)
	// Digest identifies the table in force.
	Digest() uint64
	// Members are the nodes of the table in force.
	Members() []string
}

// Revocations is the set of sessions that ended before their seal expired.
type Revocations interface {
	// Add revokes a session until its seal expires, and returns when that is kept.
	Add(sessionID string, until time.Time)
	Has(sessionID string) bool
}

// Node implements api.Service.
type Node struct {
	config      Config
	domains     map[string]Domain
	keyring     atomic.Pointer[seal.Keyring]
	placement   Placement
	revocations Revocations
	cache       *cache.Cache
	log         *slog.Logger
	metrics     *meter
	load        load
	attempts    attempts
	started     time.Time

	mu       sync.Mutex // guards accounts and closed; no I/O while it is held
	accounts map[string]*account.Account
	closed   bool

	stop       chan struct{} // closed by Close, which waits for background
	background sync.WaitGroup
}

var _ api.Service = (*Node)(nil)

// New starts a node. Close ends it.
func New(config Config, keyring *seal.Keyring, placement Placement, revocations Revocations, store *cache.Cache, log *slog.Logger, set *metrics.Set) (*Node, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	n := &Node{
		config: config.withDefaults(), domains: map[string]Domain{}, placement: placement,
		revocations: revocations, cache: store, log: log, started: time.Now(),
		accounts: map[string]*account.Account{}, stop: make(chan struct{}),
	}
	if n.config.Spool.Dir != "" {
		spool, err := account.NewSpool(n.config.Spool)
		if err != nil {
			return nil, err
		}
		n.config.Account.Spool = spool
	}
	n.config.Account.Archives = account.NewArchives(n.config.MaxArchives)
	n.config.Account.Owns = n.owns
	if n.config.FetchAhead {
		n.config.Account.Quiet = n.load.quiet
	}
	n.keyring.Store(keyring)
	n.attempts = newAttempts(n.config.FreeAttempts)
	n.metrics = newMeter(set, n.accountCount)
	for _, domain := range config.Domains {
		domain.Backend.Observe = n.metrics.imapCommand
		domain.Backend.Strange = n.strange(domain.Name)
		gate := config.Gate
		gate.MaxConnections = cmp.Or(domain.MaxConnections, gate.MaxConnections)
		domain.Backend.Gate = account.NewGate(gate)
		n.metrics.backend(domain.Name, domain.Backend.Gate)
		n.domains[domain.Name] = domain
	}
	n.background.Go(n.tidy)    // ended by Close
	n.background.Go(n.measure) // ended by Close
	return n, nil
}

// strange counts what the mail server of a domain says that nobody understands,
// and logs each kind once.
func (n *Node) strange(domain string) func(what, name string) {
	var mu sync.Mutex // guards known
	known := map[string]bool{}
	return func(what, name string) {
		n.metrics.strange(what)
		mu.Lock()
		defer mu.Unlock()
		if len(known) < maxStrange && !known[what+name] {
			known[what+name] = true
			n.log.Warn("the mail server says something strange; it is ignored", "domain", domain, "what", what, "name", name)
		}
	}
}

// maxStrange bounds how many kinds of strange responses are logged per domain.
const maxStrange = 100

// Close ends all accounts. Questions under way are cancelled, later ones fail.
func (n *Node) Close() {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return
	}
	n.closed = true
	accounts := n.accounts
	n.accounts = nil
	n.mu.Unlock()

	close(n.stop)
	n.background.Wait()
	var closing sync.WaitGroup
	for _, one := range accounts {
		closing.Go(one.Close)
	}
	closing.Wait()
	if n.config.Account.Spool != nil {
		n.config.Account.Spool.Close()
	}
}

func (n *Node) accountCount() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.accounts)
}

// own decides whether this node answers for an account: as its owner, or when
// the asker was sent here by another node, or as successor of an owner that the
// asker cannot reach. A stale table may cost a cache miss, never a wrong
// mailbox: every answer is made under the seal of the account.
func (n *Node) own(call *api.Call, accountID string) error {
	owner, ok := n.placement.Owner(accountID)
	if ok && slices.Contains(call.Suspects, owner) {
		owner, ok = n.placement.Successor(accountID, call.Suspects...)
	}
	if !ok || owner == n.config.Name || call.Hops > 0 {
		return nil
	}
	return &api.Error{
		Code: api.CodeNotOwner, Message: "Another node keeps this account.",
		Owner: owner, Digest: n.placement.Digest(),
	}
}

// owns tells whether an account is this node's by its table. Only then does it go on
// with the account's jobs: who serves provisionally leaves them to the owner, which
// may be at work.
func (n *Node) owns(accountID string) bool {
	owner, ok := n.placement.Owner(accountID)
	return !ok || owner == n.config.Name
}

// Status implements api.Service.
func (n *Node) Status(ctx context.Context, call *api.Call, question *api.StatusQuestion) (*api.StatusAnswer, error) {
	return answer(ctx, n, "status", call, func(context.Context) (*api.StatusAnswer, error) {
		stats := n.cache.Stats()
		status := &api.StatusAnswer{
			Node: n.config.Name, Version: n.config.Version, Started: n.started,
			RingDigest: n.placement.Digest(), Members: n.placement.Members(), Accounts: n.accountCount(),
			CacheBytes: stats.Bytes, CacheBudget: stats.Budget, SealKeys: n.keyring.Load().Names(),
		}
		if question.Account != "" {
			status.Owner, _ = n.placement.Owner(question.Account)
		}
		return status, nil
	})
}
