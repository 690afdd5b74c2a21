// Package imapuser drives a mail server with the IMAP commands that kinds of web
// mail need for a click, without their web servers: what a click costs the mail
// server alone.
//
// It reads only: messages are fetched with PEEK, and mailboxes opened with EXAMINE
// but by AlphaMail. The client is go-imap's, which stands for what others use;
// AlphaMail's own is what its nodes consist of.
package imapuser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"alphamail/bench/inventory"
	"alphamail/bench/load"
	"alphamail/bench/profile"
	"alphamail/bench/script"
)

// Mode is how software comes to the answer of a click.
type Mode string

// The modes, from what is done most widely to what is done least.
const (
	Relogin Mode = "relogin" // connect, log in, select, ask, log out, at every click: web mail in PHP
	Proxy   Mode = "proxy"   // the same behind a proxy that keeps the login: select and ask
	Client  Mode = "client"  // connection and selection are kept; folders and counts are asked for at every click

	Webcache Mode = "webcache" // AlphaMail: connection, selection, index and content are kept
)

// Modes returns all modes.
func Modes() []Mode { return []Mode{Relogin, Proxy, Client, Webcache} }

// Lacks returns the kinds of clicks that a mode does not have.
func Lacks(mode Mode) []profile.Kind {
	if mode == Webcache {
		return []profile.Kind{profile.Search}
	}
	return nil
}

// Config says who the users are and how they ask.
type Config struct {
	Mode     Mode
	Server   inventory.Server
	Accounts []*script.Account
	Profile  *profile.Profile
	Seed     uint64
}

// Users is a population of IMAP clients. Close ends what sessions share.
type Users struct {
	config   Config
	plans    []*profile.Profile // by account: what the profile comes to with its mail
	webcache *webcache          // nil in other modes
}

var _ load.Population = (*Users)(nil)

// New returns a population; it opens no connection.
func New(config Config) (*Users, error) {
	if !slices.Contains(Modes(), config.Mode) {
		return nil, fmt.Errorf("there is no mode %q; there are %q", config.Mode, Modes())
	}
	if len(config.Accounts) == 0 {
		return nil, errors.New("there are no accounts")
	}
	u := &Users{config: config}
	for _, account := range config.Accounts {
		plan, ok := account.Allows(config.Profile)
		if !ok {
			return nil, fmt.Errorf("profile %s asks for nothing that the mailbox of %s has", config.Profile.Name, account.User)
		}
		u.plans = append(u.plans, plan)
	}
	if config.Mode != Webcache {
		return u, nil
	}
	for _, kind := range Lacks(Webcache) {
		if config.Profile.Mix[kind] > 0 {
			return nil, fmt.Errorf("the mode %s has no %q, which profile %s asks for", Webcache, kind, config.Profile.Name)
		}
	}
	var err error
	u.webcache, err = newWebcache(config)
	return u, err
}

// Close ends the connections that belong to no session.
func (u *Users) Close() error {
	if u.webcache != nil {
		return u.webcache.Close()
	}
	return nil
}

// Arrive implements load.Population: sessions use the accounts in turn.
func (u *Users) Arrive(n uint64) load.User {
	i := n % uint64(len(u.config.Accounts))
	if u.webcache != nil {
		return &visitor{
			live: u.webcache.accounts[i], account: u.config.Accounts[i], plan: u.plans[i], rng: rand.New(rand.NewPCG(u.config.Seed, n)),
		}
	}
	return &user{
		mode: u.config.Mode, server: u.config.Server, account: u.config.Accounts[i], plan: u.plans[i],
		rng: rand.New(rand.NewPCG(u.config.Seed, n)),
	}
}

// user is one session.
type user struct {
	mode     Mode
	server   inventory.Server
	account  *script.Account
	plan     *profile.Profile
	rng      *rand.Rand
	client   *imapclient.Client // nil while there is no connection
	selected bool
	greeted  bool // the first click, which only logs in, is over
}

// Click implements load.User.
func (u *user) Click(ctx context.Context) (string, error) {
	if !u.greeted {
		if err := u.connect(ctx); err != nil {
			return string(profile.Login), errors.Join(load.ErrOver, failed(ctx, err))
		}
		u.greeted = true
		return string(profile.Login), u.done(nil)
	}
	click := u.account.Next(u.plan, u.rng)
	err := u.connect(ctx)
	if err == nil {
		client := u.client
		stop := context.AfterFunc(ctx, func() { client.Close() }) // imapclient knows no contexts
		err = u.ask(click)
		stop()
	}
	if err = u.done(err); err != nil {
		err = failed(ctx, err)
	}
	return click.Name(), err
}

// Leave implements load.User.
func (u *user) Leave() {
	if u.client != nil {
		u.client.Close()
	}
}

// connect brings the user to where the mode begins a click.
func (u *user) connect(ctx context.Context) error {
	if u.client != nil {
		return nil
	}
	client, err := u.server.Dial(ctx)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { client.Close() })()
	u.client, u.selected = client, false
	if err := u.client.Login(u.account.User, u.account.Password).Wait(); err != nil {
		u.drop()
		var answer *imap.Error
		if errors.As(err, &answer) {
			return &failure{"the login was refused", answer.Error()}
		}
		return err
	}
	return nil
}

// done ends a click as the mode does, and drops the connection after an error.
func (u *user) done(err error) error {
	if err == nil && u.mode == Relogin {
		err = u.client.Logout().Wait()
		u.drop()
	}
	if err != nil {
		u.drop()
	}
	return err
}

func (u *user) drop() {
	if u.client != nil {
		u.client.Close()
		u.client = nil
	}
}

// ask makes the commands of one click.
func (u *user) ask(click script.Click) error {
	if u.mode != Client || !u.selected {
		if _, err := u.client.Select(u.account.Mailbox.Name, &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
			return err
		}
		u.selected = true
	}
	switch click.Kind {
	case profile.Open:
		return u.open(click)
	case profile.Search:
		return u.search(click)
	}
	return u.list(click)
}

// list: the folders with their counts, then the rows. Web mail in PHP learns
// which messages there are from a search for all of them; a client that keeps
// its selection knows their numbers.
func (u *user) list(click script.Click) error {
	folders, err := u.client.List("", "*", nil).Collect()
	if err != nil {
		return err
	}
	if len(folders) == 0 {
		return &failure{"no folders", ""}
	}
	var rows imap.NumSet
	if u.mode == Client {
		if _, err := u.client.Status(u.account.Mailbox.Name, &imap.StatusOptions{NumMessages: true, NumUnseen: true}).Wait(); err != nil {
			return err
		}
		last := uint32(len(u.account.Mailbox.UIDs) - (click.Page-1)*script.PageSize)
		var set imap.SeqSet
		set.AddRange(max(1, last-uint32(len(click.Rows))+1), last)
		rows = set
	} else {
		all, err := u.client.UIDSearch(&imap.SearchCriteria{}, nil).Wait()
		if err != nil {
			return err
		}
		uids := all.AllUIDs()
		var set imap.UIDSet
		last := len(uids) - (click.Page-1)*script.PageSize
		set.AddNum(uids[max(0, last-script.PageSize):max(0, last)]...)
		rows = set
	}
	if len(click.Rows) == 0 {
		return nil
	}
	return u.fetchRows(rows, click.Rows)
}

func (u *user) fetchRows(set imap.NumSet, want []uint32) error {
	found, err := messages(u.client.Fetch(set, &imap.FetchOptions{
		UID: true, Flags: true, Envelope: true, RFC822Size: true, InternalDate: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
	}))
	if err != nil {
		return err
	}
	var got []uint32
	for _, one := range found {
		got = append(got, one.uid)
	}
	slices.Sort(got)
	slices.Reverse(got)
	if want != nil && !slices.Equal(got, want) {
		return &failure{"other rows than those asked for", fmt.Sprint(got)}
	}
	return nil
}

// open: header, structure and text of one message.
func (u *user) open(click script.Click) error {
	section := &imap.FetchItemBodySection{Peek: true, Part: []int{1}}
	found, err := messages(u.client.Fetch(imap.UIDSetNum(imap.UID(click.Message.UID)), &imap.FetchOptions{
		UID: true, Flags: true, Envelope: true, RFC822Size: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, BodySection: []*imap.FetchItemBodySection{section},
	}))
	if err != nil {
		return err
	}
	if len(found) != 1 || !found[0].enveloped || !strings.Contains(found[0].subject, click.Message.Subject) {
		return &failure{"a message without its subject", click.Message.Subject}
	}
	if u.mode != Client {
		return nil
	}
	_, err = u.client.List("", "*", nil).Collect()
	return err
}

// message is what the answer to a click is checked by.
type message struct {
	uid       uint32
	enveloped bool
	subject   string
}

// messages reads all that a FETCH brings. FetchCommand.Collect does not serve: it
// touches a literal again after an error in it, when the client's goroutine is
// reading the same buffer already. The connection is of no use then anyhow.
func messages(command *imapclient.FetchCommand) ([]message, error) {
	var all []message
	for data := command.Next(); data != nil; data = command.Next() {
		var one message
		for item := data.Next(); item != nil; item = data.Next() {
			switch item := item.(type) {
			case imapclient.FetchItemDataUID:
				one.uid = uint32(item.UID)
			case imapclient.FetchItemDataEnvelope:
				one.enveloped, one.subject = true, item.Envelope.Subject
			case imapclient.FetchItemDataBodySection:
				if item.Literal == nil {
					continue
				}
				if _, err := io.Copy(io.Discard, item.Literal); err != nil {
					return nil, err
				}
			}
		}
		all = append(all, one)
	}
	return all, command.Close()
}

// search: what matches, then the first rows of it.
func (u *user) search(click script.Click) error {
	hits, err := u.client.UIDSearch(&imap.SearchCriteria{
		Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: click.Message.Phrase}},
	}, nil).Wait()
	if err != nil {
		return err
	}
	uids := hits.AllUIDs()
	if !slices.Contains(uids, imap.UID(click.Message.UID)) {
		return &failure{"a search that does not find what is there", click.Message.Phrase}
	}
	return u.fetchRows(imap.UIDSetNum(uids[max(0, len(uids)-script.PageSize):]...), nil)
}

// failed gives errors few names.
func failed(ctx context.Context, err error) error {
	var own *failure
	var refused *imap.Error
	switch {
	case errors.As(err, &own):
		return err
	case ctx.Err() != nil:
		return &failure{"no answer in time", err.Error()}
	case errors.As(err, &refused):
		return &failure{"the server said " + string(refused.Type), refused.Error()}
	}
	return &failure{"network error", err.Error()}
}

// failure implements load.Reasoned.
type failure struct{ what, detail string }

func (f *failure) Error() string  { return strings.TrimSuffix(f.what+": "+f.detail, ": ") }
func (f *failure) Reason() string { return f.what }
