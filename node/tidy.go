package node

import (
	"slices"
	"sync"
	"time"

	"alphamail/node/account"
	"alphamail/node/api"
)

const (
	// tidyEvery is how often a node looks at what it holds, measureEvery how often
	// at how much that is.
	tidyEvery    = time.Second
	measureEvery = time.Second
	// restAtOnce bounds how many accounts give something back at a time: they say
	// goodbye to the mail server.
	restAtOnce = 16
	// pressShare is the part of the accounts, those that were not asked anything
	// for longest, that give back what they hold when memory or connections
	// run out.
	pressShare = 10
)

// tidy lets accounts that nobody asks give back what they hold, step by step, and
// drops them in the end. A later question rebuilds them from its seal. Close ends
// it.
func (n *Node) tidy() {
	restAfter := n.config.Account.WithDefaults().IdleConnection
	n.every(min(tidyEvery, max(n.config.IdleTimeout/8, 10*time.Millisecond)), func() {
		n.each(n.takeIdle(time.Now().Add(-n.config.IdleTimeout)), (*account.Account).Retire)
		if spool := n.config.Account.Spool; spool != nil {
			spool.Sweep(time.Now())
		}
		n.each(n.unused(restAfter, nil), func(one *account.Account) { one.Rest(false) })
		if n.load.full() {
			n.press(nil)
		} else if crowded := n.crowdedDomains(); len(crowded) > 0 {
			n.press(crowded)
		}
	})
}

// measure keeps looking how much there is to do. Close ends it.
func (n *Node) measure() {
	n.every(measureEvery, func() { n.load.measure(n.config.MaxMemory) })
}

// every does something again and again, until the node is closed.
func (n *Node) every(interval time.Duration, do func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-n.stop:
			return
		case <-ticker.C:
			do()
		}
	}
}

// each calls do for all accounts, several at a time, until the node is closed.
func (n *Node) each(accounts []*account.Account, do func(*account.Account)) {
	var doing sync.WaitGroup
	room := make(chan struct{}, restAtOnce)
	for _, one := range accounts {
		select {
		case room <- struct{}{}:
		case <-n.stop:
			doing.Wait()
			return
		}
		doing.Go(func() {
			do(one)
			<-room
		})
	}
	doing.Wait()
}

func (n *Node) takeIdle(before time.Time) []*account.Account {
	n.mu.Lock()
	defer n.mu.Unlock()
	var idle []*account.Account
	for id, one := range n.accounts {
		if one.LastUse().Before(before) {
			idle = append(idle, one)
			delete(n.accounts, id)
		}
	}
	return idle
}

// unused returns the accounts that nobody asked anything for some time, those
// first that were not asked for longest; of some domains only, unless nil.
func (n *Node) unused(since time.Duration, domains []string) []*account.Account {
	var unused []*account.Account
	n.mu.Lock()
	for id, one := range n.accounts {
		_, domain := api.SplitAccount(id)
		if time.Since(one.LastUse()) > since && (domains == nil || slices.Contains(domains, domain)) {
			unused = append(unused, one)
		}
	}
	n.mu.Unlock()
	slices.SortFunc(unused, func(a, b *account.Account) int { return a.LastUse().Compare(b.LastUse()) })
	return unused
}

// crowdedDomains are those whose mail server has nearly all connections that it
// may have.
func (n *Node) crowdedDomains() (crowded []string) {
	for name, domain := range n.domains {
		if open, most := domain.Backend.Gate.Open(); open >= most-most/pressShare {
			crowded = append(crowded, name)
		}
	}
	return crowded
}

// press makes accounts rest that were not asked anything for longest.
func (n *Node) press(domains []string) {
	unused := slices.DeleteFunc(n.unused(tidyEvery, domains), func(one *account.Account) bool { return !one.Connected() })
	unused = unused[:min(len(unused), len(unused)/pressShare+1)]
	n.each(unused, func(one *account.Account) { one.Rest(true) })
	if len(unused) > 0 {
		n.log.Info("accounts rest early, because memory or connections run out", "accounts", len(unused))
	}
}
