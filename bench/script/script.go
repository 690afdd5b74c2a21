// Package script draws what the users of a profile ask for next: which page of
// the list, which message, which words. The drivers of products and of mail
// servers turn that into requests, so that all of them are asked for the same.
package script

import (
	"math/rand/v2"
	"sync"

	"alphamail/bench/inventory"
	"alphamail/bench/profile"
)

// PageSize is the number of rows on a page of the list, in every product.
const PageSize = 50

// Click is one thing to ask for.
type Click struct {
	Kind profile.Kind

	// Page is that of the list, from 1, and Rows the UIDs that it must hold, the
	// newest first.
	Page int
	Rows []uint32

	// Message is to be opened; its phrase is what a search looks for.
	Message *inventory.Message

	// Fresh says that the account never asked for this page before.
	Fresh bool
}

// Name is the click's name in results: fresh pages apart from those seen before.
func (c Click) Name() string {
	if c.Fresh {
		return string(c.Kind) + ", new"
	}
	return string(c.Kind)
}

// Names returns all names that clicks can have.
func Names() []string {
	names := []string{string(profile.Login)}
	for _, kind := range profile.Kinds() {
		names = append(names, Click{Kind: kind}.Name(), Click{Kind: kind, Fresh: true}.Name())
	}
	return names
}

// Account is an account with what its users have asked for so far. It may be
// used by several sessions at a time.
type Account struct {
	inventory.Account
	Mailbox *inventory.Mailbox // nil if the login is refused

	searchable []*inventory.Message // those with a phrase that is not another's

	mu       sync.Mutex // guards the fields below
	opened   seen
	searched seen
	listed   map[int]bool
}

// NewAccount returns an account that has not been asked for anything.
func NewAccount(account inventory.Account, mailbox *inventory.Mailbox) *Account {
	a := &Account{Account: account, Mailbox: mailbox, listed: map[int]bool{}}
	if mailbox == nil {
		return a
	}
	phrases := map[string]bool{}
	for _, m := range mailbox.Messages {
		if m.Phrase != "" && !phrases[m.Phrase] {
			phrases[m.Phrase] = true
			a.searchable = append(a.searchable, m)
		}
	}
	return a
}

// Allows returns the profile without the clicks for which the mailbox has
// nothing; it reports false if nothing is left.
func (a *Account) Allows(p *profile.Profile) (*profile.Profile, bool) {
	var without []profile.Kind
	if a.Mailbox == nil {
		return p, true // its users do not get beyond the login
	}
	if len(a.Mailbox.Messages) == 0 {
		without = append(without, profile.Open)
	}
	if len(a.searchable) == 0 {
		without = append(without, profile.Search)
	}
	if len(without) == 0 {
		return p, true
	}
	return p.Without(without...)
}

// Next draws a click. The kinds in the mix of the profile must be allowed.
func (a *Account) Next(p *profile.Profile, rng *rand.Rand) Click {
	click := Click{Kind: kind(p, rng)}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch click.Kind {
	case profile.List1:
		click.Page = 1
	case profile.List5:
		click.Page = min(5, a.pages())
	case profile.Open:
		click.Message, click.Fresh = a.opened.choose(a.Mailbox.Messages, p.Fresh, rng)
	case profile.Search:
		click.Message, click.Fresh = a.searched.choose(a.searchable, p.Fresh, rng)
	}
	if click.Page > 0 {
		click.Fresh = !a.listed[click.Page]
		a.listed[click.Page] = true
		click.Rows = a.rows(click.Page)
	}
	return click
}

func kind(p *profile.Profile, rng *rand.Rand) profile.Kind {
	total := 0.0
	for _, weight := range p.Mix {
		total += weight
	}
	at := rng.Float64() * total
	last := profile.Open
	for _, kind := range profile.Kinds() {
		if weight := p.Mix[kind]; weight > 0 {
			last = kind
			if at -= weight; at < 0 {
				break
			}
		}
	}
	return last
}

func (a *Account) pages() int {
	return max(1, (len(a.Mailbox.UIDs)+PageSize-1)/PageSize)
}

func (a *Account) rows(page int) []uint32 {
	uids := a.Mailbox.UIDs
	first := max(0, len(uids)-(page-1)*PageSize) // one beyond the page's newest
	rows := make([]uint32, 0, PageSize)
	for i := first - 1; i >= 0 && len(rows) < PageSize; i-- {
		rows = append(rows, uids[i])
	}
	return rows
}

// seen remembers which messages of a list were chosen: those before next, in an
// order that a stride makes look random, so that no set is needed.
type seen struct {
	next int
}

// choose returns a message that was not chosen before, with a probability and
// as long as there are any, otherwise one that was.
func (s *seen) choose(from []*inventory.Message, fresh float64, rng *rand.Rand) (*inventory.Message, bool) {
	if s.next == 0 || s.next < len(from) && rng.Float64() < fresh {
		s.next++
		return from[position(s.next-1, len(from))], true
	}
	// What was read lately is what people come back to.
	back := min(int(rng.ExpFloat64()*10), s.next-1)
	return from[position(s.next-1-back, len(from))], false
}

// position spreads the numbers 0 to n-1 over themselves, without repeating one.
func position(i, n int) int {
	stride := n*618/1000 | 1
	for gcd(stride, n) != 1 {
		stride += 2
	}
	return i * stride % n
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
