package node

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"alphamail/node/account"
)

const (
	// tidyEvery is how often a node looks at what it holds.
	tidyEvery = time.Second
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
	ticker := time.NewTicker(min(tidyEvery, max(n.config.IdleTimeout/8, 10*time.Millisecond)))
	defer ticker.Stop()
	restAfter := n.config.Account.WithDefaults().IdleConnection
	for {
		select {
		case <-n.stop:
			return
		case <-ticker.C:
		}
		n.load.measure(n.config.MaxMemory)
		each(n.takeIdle(time.Now().Add(-n.config.IdleTimeout)), (*account.Account).Retire)
		each(n.unused(restAfter), func(one *account.Account) { one.Rest(false) })
		if n.load.full() || n.connectionsRunOut() {
			n.press()
		}
	}
}

// each calls do for all accounts, several at a time.
func each(accounts []*account.Account, do func(*account.Account)) {
	var doing sync.WaitGroup
	room := make(chan struct{}, restAtOnce)
	for _, one := range accounts {
		room <- struct{}{}
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

// unused returns the accounts that nobody asked anything for some time.
func (n *Node) unused(since time.Duration) []*account.Account {
	n.mu.Lock()
	defer n.mu.Unlock()
	var unused []*account.Account
	for _, one := range n.accounts {
		if time.Since(one.LastUse()) > since {
			unused = append(unused, one)
		}
	}
	return unused
}

// connectionsRunOut tells whether a mail server has nearly all connections that
// it may have.
func (n *Node) connectionsRunOut() bool {
	for _, domain := range n.domains {
		if open, most := domain.Backend.Gate.Open(); open >= most-most/pressShare {
			return true
		}
	}
	return false
}

// press makes the accounts rest that were not asked anything for longest.
func (n *Node) press() {
	unused := n.unused(tidyEvery)
	slices.SortFunc(unused, func(a, b *account.Account) int { return cmp.Compare(a.LastUse().UnixNano(), b.LastUse().UnixNano()) })
	pressed := 0
	for _, one := range unused {
		if pressed > len(unused)/pressShare {
			break
		}
		if one.Rest(true) {
			pressed++
		}
	}
	if pressed > 0 {
		n.log.Info("accounts rest early, because memory or connections run out", "accounts", pressed)
	}
}
