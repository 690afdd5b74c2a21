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
	n.every(min(tidyEvery, max(min(n.config.IdleTimeout, n.config.HandOverAfter)/8, 10*time.Millisecond)), func() {
		n.each(n.take(func(id string, since time.Duration) bool {
			return since > n.config.IdleTimeout || since > n.config.HandOverAfter && n.elsewhere(id)
		}), (*account.Account).Retire)
		n.each(n.accountsElsewhere(), func(one *account.Account) { one.StandBack() })
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

// take takes accounts out, chosen by their id and by how long ago somebody asked.
func (n *Node) take(chosen func(id string, since time.Duration) bool) (taken []*account.Account) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, one := range n.accounts {
		if chosen(id, time.Since(one.LastUse())) {
			taken = append(taken, one)
			delete(n.accounts, id)
		}
	}
	return taken
}

// elsewhere tells whether another node owns an account. This one may hold it
// still, or answer for it while others believe that its owner is away.
func (n *Node) elsewhere(id string) bool {
	owner, ok := n.placement.Owner(id)
	return ok && owner != n.config.Name
}

func (n *Node) accountsElsewhere() (found []*account.Account) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, one := range n.accounts {
		if n.elsewhere(id) {
			found = append(found, one)
		}
	}
	return found
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
