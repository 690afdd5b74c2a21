package imapuser

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strings"

	"github.com/VictoriaMetrics/metrics"

	"alphamail/bench/inventory"
	"alphamail/bench/load"
	"alphamail/bench/profile"
	"alphamail/bench/script"
	"alphamail/cache"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// webcache is what a node of AlphaMail has for all sessions of its users: an
// account with a connection and an index for each of them, and one cache.
type webcache struct {
	accounts []*account.Account // in the order of the configuration
}

func newWebcache(config Config) (*webcache, error) {
	store, err := cache.New(cache.Config{Dictionary: account.Dictionary}, metrics.NewSet())
	if err != nil {
		return nil, err
	}
	w := &webcache{}
	for _, one := range config.Accounts {
		backend := account.Backend{Options: connection(config.Server)}
		w.accounts = append(w.accounts, account.New(one.User, one.User, one.Password, backend, account.Config{}, store, slog.New(slog.DiscardHandler)))
	}
	return w, nil
}

// connection says how the engine connects where inventory.Server.Dial does.
func connection(server inventory.Server) imapconn.Options {
	options := imapconn.Options{Address: server.Address, TLS: server.TLS, Security: imapconn.Plain}
	if _, port, _ := net.SplitHostPort(server.Address); port == "993" {
		options.Security = imapconn.ImplicitTLS
	} else if server.TLS != nil {
		options.Security = imapconn.StartTLS
	}
	return options
}

// Close ends all connections.
func (w *webcache) Close() error {
	for _, one := range w.accounts {
		one.Close()
	}
	return nil
}

// visitor is one session at a webcache.
type visitor struct {
	live    *account.Account
	account *script.Account
	plan    *profile.Profile
	rng     *rand.Rand
	greeted bool // the first click, which only logs in, is over
}

// Click implements load.User.
func (v *visitor) Click(ctx context.Context) (string, error) {
	if !v.greeted {
		if err := v.live.Connect(ctx); err != nil {
			return string(profile.Login), errors.Join(load.ErrOver, failed(ctx, explained(err)))
		}
		v.greeted = true
		return string(profile.Login), nil
	}
	click := v.account.Next(v.plan, v.rng)
	ask := v.list
	if click.Kind == profile.Open {
		ask = v.open
	}
	err := ask(ctx, click)
	if err != nil {
		err = failed(ctx, explained(err))
	}
	return click.Name(), err
}

// explained gives errors of the page protocol their code as a reason.
func explained(err error) error {
	var known *api.Error
	switch {
	case !errors.As(err, &known):
		return err
	case known.Code == api.CodeAuthFailed:
		return &failure{"the login was refused", known.Error()}
	}
	return &failure{"the answer is " + string(known.Code), known.Error()}
}

func (v *visitor) list(ctx context.Context, click script.Click) error {
	page, err := v.live.Mailbox(ctx, &api.MailboxQuestion{Mailbox: v.account.Mailbox.Name, Page: click.Page, PageSize: script.PageSize})
	if err != nil {
		return err
	}
	var got []uint32
	for _, row := range page.Rows {
		got = append(got, row.ID.UID)
	}
	if page.UIDValidity != v.account.Mailbox.UIDValidity || !slices.Equal(got, click.Rows) {
		return &failure{"other rows than those asked for", fmt.Sprint(got)}
	}
	return nil
}

func (v *visitor) open(ctx context.Context, click script.Click) error {
	box := v.account.Mailbox
	message, err := v.live.Message(ctx, &api.MessageQuestion{ID: api.MessageID{Mailbox: box.Name, UIDValidity: box.UIDValidity, UID: click.Message.UID}})
	if err != nil {
		return err
	}
	if !strings.Contains(message.Subject, click.Message.Subject) {
		return &failure{"a message without its subject", click.Message.Subject}
	}
	return nil
}

// Leave implements load.User: the account stays, as it does in a node.
func (v *visitor) Leave() {}
