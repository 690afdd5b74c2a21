package sidebyside

import (
	"context"
	"errors"
	"fmt"
	"time"

	"alphamail/bench/profile"
	"alphamail/bench/script"
	"alphamail/bench/testbed"
	"alphamail/bench/webuser"
)

// Work is what clicks on a product cost the mail server, by their names.
type Work struct {
	Product string                 `json:"product"`
	Clicks  map[string]*ClickCosts `json:"clicks"`
}

// ClickCosts is the sum over all clicks of one name.
type ClickCosts struct {
	Clicks int `json:"clicks"`
	testbed.Counts
}

// Whose clicks are counted: some of the accounts, a session each.
const (
	countedAccounts = 5
	countedClicks   = 60 // of each, after the login
	clickTimeout    = time.Minute
)

// count starts a product of its own behind a proxy, lets users click one after
// another, and counts what each click makes pass.
func (s *scene) count(ctx context.Context, recipe recipe) (_ *Work, err error) {
	proxy, err := testbed.StartProxy(s.dovecot.IMAPAddr())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, proxy.Close()) }()
	product, err := recipe.start(proxy.Addr())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, product.stop()) }()
	asked, err := profile.Load(profileName)
	if err != nil {
		return nil, err
	}
	if lacks := webuser.Lacks(product.driver); len(lacks) > 0 {
		asked, _ = asked.Without(lacks...)
	}
	var accounts []*script.Account
	for i := range min(countedAccounts, len(s.accounts)) {
		accounts = append(accounts, script.NewAccount(s.accounts[i], s.boxes[i]))
	}
	users, err := webuser.New(webuser.Config{Driver: product.driver, URL: product.url, Accounts: accounts, Profile: asked, Seed: 1})
	if err != nil {
		return nil, err
	}
	work := &Work{Product: recipe.name, Clicks: map[string]*ClickCosts{}}
	for i := range accounts {
		user := users.Arrive(uint64(i))
		defer user.Leave()
		for range 1 + countedClicks {
			before := proxy.Snapshot()
			clicking, cancel := context.WithTimeout(ctx, clickTimeout)
			name, err := user.Click(clicking)
			cancel()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			work.add(name, proxy.Snapshot().Sub(before))
		}
	}
	return work, nil
}

func (w *Work) add(name string, counts testbed.Counts) {
	sum := w.Clicks[name]
	if sum == nil {
		sum = &ClickCosts{Counts: testbed.Counts{Commands: map[string]int{}}}
		w.Clicks[name] = sum
	}
	sum.merge(1, counts)
}

// merge adds the costs of so many clicks.
func (c *ClickCosts) merge(clicks int, counts testbed.Counts) {
	c.Clicks += clicks
	c.Connections += counts.Connections
	c.Logins += counts.Logins
	c.Selects += counts.Selects
	c.Exchanges += counts.Exchanges
	c.BytesUp += counts.BytesUp
	c.BytesDown += counts.BytesDown
	for command, n := range counts.Commands {
		c.Commands[command] += n
	}
}

// of returns the costs of all clicks of the kinds, seen before or new.
func (w *Work) of(kinds ...profile.Kind) *ClickCosts {
	sum := &ClickCosts{Counts: testbed.Counts{Commands: map[string]int{}}}
	for _, kind := range kinds {
		for _, fresh := range []bool{false, true} {
			if one := w.Clicks[script.Click{Kind: kind, Fresh: fresh}.Name()]; one != nil {
				sum.merge(one.Clicks, one.Counts)
			}
		}
	}
	return sum
}
