package node

import (
	"errors"
	"time"

	"alphamail/node/account"
)

// Domain is a mail domain and how its users reach their mail.
type Domain struct {
	Name    string
	Backend account.Backend
	// LoginWithAddress sends the whole address to the mail server instead of
	// its local part. Either way the name follows from the canonical account
	// id alone, so that one account is always one user of the mail server.
	LoginWithAddress bool
	// MaxConnections is how many connections the node may have to its mail server.
	// Default that of Gate.
	MaxConnections int
}

// Config is what a node needs to know.
type Config struct {
	// Name is the node's name in the ring. Required.
	Name string
	// Cluster names the cluster; seals of another one do not open. Required.
	Cluster string
	// Version is the build's version, for Status.
	Version string
	// Domains are the mail domains served. At least one.
	Domains []Domain
	// SessionLifetime is how long a login lasts at most. Default 24 h.
	SessionLifetime time.Duration
	// FreeAttempts is how many wrong passwords for an account from an address cost no
	// wait; ten times as many for an account from all addresses, and twenty times from
	// an address for all accounts. Default 5.
	FreeAttempts int
	// SessionIdle is how long a login lasts of which no use is made. Default 4 h.
	SessionIdle time.Duration
	// HandOverAfter is how long an account that another node owns by now is kept
	// when nobody asks for it here any more; it does nothing unasked
	// meanwhile. Default 10 s.
	HandOverAfter time.Duration
	// IdleTimeout is how long an account that nobody asks is kept at all. It gives
	// back its connection before, see account.Config. Default 4 h.
	IdleTimeout time.Duration
	// MaxAccounts bounds the accounts kept; beyond it the one that was idle
	// longest is dropped. Default 20,000.
	MaxAccounts int
	// MaxMemory is the memory in bytes, of all that this process holds, from which
	// on accounts that nobody asks give back what they hold early, and no new ones
	// are let in. Default: no bound.
	MaxMemory int64
	// MaxArchives bounds the archives of attachments that are made at the same time;
	// each takes about 1.5 MiB. Default 32.
	MaxArchives int
	// FetchAhead lets accounts fetch what is likely to be asked for next while the
	// node has little else to do.
	FetchAhead bool
	// Spool is where the node keeps what is too large for memory: files on their way
	// to become attachments, and messages on theirs. Without a directory nothing can
	// be written.
	Spool account.SpoolConfig
	// Account bounds what each account does.
	Account account.Config
	// Gate bounds what is asked of each mail server.
	Gate account.GateConfig
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	if c.SessionLifetime == 0 {
		c.SessionLifetime = 24 * time.Hour
	}
	if c.FreeAttempts == 0 {
		c.FreeAttempts = 5
	}
	if c.SessionIdle == 0 {
		c.SessionIdle = 4 * time.Hour
	}
	if c.HandOverAfter == 0 {
		c.HandOverAfter = 10 * time.Second
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = 4 * time.Hour
	}
	if c.MaxAccounts == 0 {
		c.MaxAccounts = 20_000
	}
	if c.MaxArchives == 0 {
		c.MaxArchives = 32
	}
	return c
}

// Validate tells what is missing or out of range.
func (c Config) Validate() error {
	var problems []error
	if c.Name == "" {
		problems = append(problems, errors.New("node: a node needs a name"))
	}
	if c.Cluster == "" {
		problems = append(problems, errors.New("node: a node needs the name of its cluster"))
	}
	if len(c.Domains) == 0 {
		problems = append(problems, errors.New("node: a node needs a mail domain"))
	}
	if c.SessionLifetime < 0 || c.SessionIdle < 0 || c.FreeAttempts < 0 || c.IdleTimeout < 0 || c.HandOverAfter < 0 || c.MaxAccounts < 0 || c.MaxArchives < 0 || c.MaxMemory < 0 {
		problems = append(problems, errors.New("node: negative limits"))
	}
	return errors.Join(problems...)
}
