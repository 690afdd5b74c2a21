package webuser

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"

	"alphamail/bench/load"
	"alphamail/bench/profile"
	"alphamail/bench/script"
)

// Config says who the users are and where they go.
type Config struct {
	Driver   string // one of Drivers
	URL      string // of the product's front page
	Accounts []*script.Account
	Profile  *profile.Profile // without clicks that Lacks names
	Seed     uint64

	TLS        *tls.Config // default: the system's roots
	Sources    []net.IP    // addresses that connections come from, in turn
	Compressed bool        // ask for pages compressed by gzip
}

// Users is a population of people at a browser.
type Users struct {
	config Config
	site   *site
	driver driver
	plans  []*profile.Profile // by account: what the profile comes to with its mail
}

var _ load.Population = (*Users)(nil)

// visit is one login of one account at one product. Its methods return once
// everything that the user sees has been fetched and checked.
type visit interface {
	login(context.Context) error
	list(context.Context, script.Click) error
	open(context.Context, script.Click) error
	search(context.Context, script.Click) error
}

type driver struct {
	lacks []profile.Kind // kinds of clicks that the product does not have
	visit func(*client, *script.Account) visit
}

var drivers = map[string]driver{
	"alphamail": {lacks: []profile.Kind{profile.Search}, visit: newAlphaMail},
	"roundcube": {visit: newRoundcube},
}

// Drivers returns the names of all drivers.
func Drivers() []string { return slices.Sorted(maps.Keys(drivers)) }

// Lacks returns the kinds of clicks that a product does not have.
func Lacks(driver string) []profile.Kind { return drivers[driver].lacks }

// New returns a population; it opens no connection.
func New(config Config) (*Users, error) {
	driver, known := drivers[config.Driver]
	if !known {
		return nil, fmt.Errorf("there is no driver %q; there are %q", config.Driver, Drivers())
	}
	for _, kind := range driver.lacks {
		if config.Profile.Mix[kind] > 0 {
			return nil, fmt.Errorf("%s has no %q, which profile %s asks for", config.Driver, kind, config.Profile.Name)
		}
	}
	if len(config.Accounts) == 0 {
		return nil, errors.New("there are no accounts")
	}
	site, err := newSite(config.URL, config.TLS, config.Sources, config.Compressed)
	if err != nil {
		return nil, err
	}
	u := &Users{config: config, site: site, driver: driver}
	for _, account := range config.Accounts {
		plan, ok := account.Allows(config.Profile)
		if !ok {
			return nil, fmt.Errorf("profile %s asks for nothing that the mailbox of %s has; only mail that `bench fill` made is opened", config.Profile.Name, account.User)
		}
		u.plans = append(u.plans, plan)
	}
	return u, nil
}

// Arrive implements load.Population: sessions use the accounts in turn.
func (u *Users) Arrive(n uint64) load.User {
	i := n % uint64(len(u.config.Accounts))
	client := newClient(u.site, n)
	account := u.config.Accounts[i]
	return &user{
		client: client, account: account, plan: u.plans[i], visit: u.driver.visit(client, account),
		rng: rand.New(rand.NewPCG(u.config.Seed, n)),
	}
}

// user is one session.
type user struct {
	client   *client
	account  *script.Account
	plan     *profile.Profile
	visit    visit
	rng      *rand.Rand
	loggedIn bool
}

// Click implements load.User.
func (u *user) Click(ctx context.Context) (string, error) {
	if !u.loggedIn {
		if err := u.visit.login(ctx); err != nil {
			return string(profile.Login), over(err)
		}
		if u.account.Mailbox == nil {
			return string(profile.Login), over(&Failure{"a login that the mail server refuses, and this site does not", u.account.User})
		}
		u.loggedIn = true
		return string(profile.Login), nil
	}
	click := u.account.Next(u.plan, u.rng)
	var err error
	switch click.Kind {
	case profile.Open:
		err = u.visit.open(ctx, click)
	case profile.Search:
		err = u.visit.search(ctx, click)
	default:
		err = u.visit.list(ctx, click)
	}
	var failure *Failure
	if errors.As(err, &failure) && failure.What == loggedOut {
		err = over(err)
	}
	return click.Name(), err
}

// Leave implements load.User.
func (u *user) Leave() { u.client.close() }

// over marks an error after which a session cannot go on. Reasons stay those
// of the error.
func over(err error) error { return fmt.Errorf("%w: %w", load.ErrOver, err) }
