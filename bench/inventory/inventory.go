// Package inventory reads from a mail server what mailboxes hold, before a load
// begins, so that every page that is asked for later can be compared with what
// IMAP itself says. It reads only: mailboxes are opened with EXAMINE and
// messages fetched with PEEK.
//
// Accounts that were filled with the same mail share what is known of it.
package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// MarkHeader is the header field of messages that this program made. No other
// message is ever opened by a load, because opening it marks it as read.
const MarkHeader = "X-AlphaMail-Fill"

// Account is a user of a mail server.
type Account struct {
	User     string
	Password string
}

// Mailbox is what a mailbox held when it was read. It is not modified
// afterwards; parts of it are shared by accounts with the same mail.
type Mailbox struct {
	Name        string
	UIDValidity uint32
	UIDs        []uint32   // of all messages, ascending
	Messages    []*Message // of ours, the newest first; not necessarily all
}

// Message is what pages are compared with. Empty texts are not compared: the
// message has none that every product must show in the same way.
type Message struct {
	UID     uint32
	Subject string // a part of it: letters, digits and single spaces
	Word    string // from its text
	Phrase  string // a part of the subject to search for, in ASCII
}

// Config says what to read.
type Config struct {
	Server   Server
	Accounts []Account
	Mailbox  string // default INBOX

	// Newest is how many of the newest messages are read, Others how many more
	// from all of the mailbox. Defaults 250 and 750.
	Newest, Others int

	// Parallel is the number of connections. Default 8.
	Parallel int
}

// pause is how long one account may take.
const pause = 2 * time.Minute

// Read reads the mailbox of every account; the result has the order of the
// accounts. An account whose login is refused has no mailbox, so that its
// users' logins can be seen to fail; other errors end the reading.
func Read(ctx context.Context, config Config) ([]*Mailbox, error) {
	if config.Mailbox == "" {
		config.Mailbox = "INBOX"
	}
	if config.Newest == 0 {
		config.Newest, config.Others = 250, 750
	}
	if config.Parallel == 0 {
		config.Parallel = 8
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	read := &reader{config: config}
	found := make([]*Mailbox, len(config.Accounts))
	one := func(i int) {
		box, err := read.account(ctx, config.Accounts[i])
		if err != nil {
			cancel(fmt.Errorf("reading %s of %s: %w", config.Mailbox, config.Accounts[i].User, err))
		}
		found[i] = box
	}
	// The first is read alone: the others probably hold the same.
	if len(found) > 0 {
		one(0)
	}
	next := make(chan int)
	var readers sync.WaitGroup
	for range config.Parallel {
		readers.Go(func() {
			for i := range next {
				one(i)
			}
		})
	}
	for i := 1; i < len(found) && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	readers.Wait()
	return found, context.Cause(ctx)
}

// reader remembers mailboxes that were read, in case others hold the same.
type reader struct {
	config Config

	mu    sync.Mutex // guards known
	known []*Mailbox // at most maxKnown
}

const maxKnown = 64

func (r *reader) account(ctx context.Context, account Account) (*Mailbox, error) {
	ctx, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	client, err := r.config.Server.Dial(ctx)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	defer context.AfterFunc(ctx, func() { client.Close() })()
	if err := client.Login(account.User, account.Password).Wait(); err != nil {
		var refused *imap.Error
		if errors.As(err, &refused) {
			return nil, nil
		}
		return nil, err
	}
	box, err := r.mailbox(client)
	if err != nil {
		return nil, err
	}
	return box, client.Logout().Wait()
}

func (r *reader) mailbox(client *imapclient.Client) (*Mailbox, error) {
	selected, err := client.Select(r.config.Mailbox, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return nil, err
	}
	box := &Mailbox{Name: r.config.Mailbox, UIDValidity: selected.UIDValidity}
	if selected.NumMessages == 0 {
		return box, nil
	}
	all, err := client.UIDSearch(&imap.SearchCriteria{}, nil).Wait()
	if err != nil {
		return nil, err
	}
	for _, uid := range all.AllUIDs() {
		box.UIDs = append(box.UIDs, uint32(uid))
	}
	slices.Sort(box.UIDs)
	if same, err := r.same(client, box); same != nil || err != nil {
		return same, err
	}
	if box.Messages, err = fetch(client, r.choose(box.UIDs)); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) < maxKnown {
		r.known = append(r.known, box)
	}
	return box, nil
}

// choose returns the newest UIDs and others at equal distances, descending.
func (r *reader) choose(all []uint32) []uint32 {
	newest := min(len(all), r.config.Newest)
	chosen := slices.Clone(all[len(all)-newest:])
	older := all[:len(all)-newest]
	others := min(len(older), r.config.Others)
	for i := range others {
		chosen = append(chosen, older[i*len(older)/others])
	}
	slices.Sort(chosen)
	slices.Reverse(chosen)
	return chosen
}

// samples is how many messages must be the same for two mailboxes to be.
const samples = 8

// same returns the mailbox if one was read before that holds the same.
func (r *reader) same(client *imapclient.Client, box *Mailbox) (*Mailbox, error) {
	r.mu.Lock()
	known := slices.Clone(r.known)
	r.mu.Unlock()
	for _, candidate := range known {
		if !slices.Equal(candidate.UIDs, box.UIDs) || len(candidate.Messages) < samples {
			continue
		}
		var uids []uint32
		want := map[uint32]*Message{}
		for i := range samples {
			m := candidate.Messages[i*len(candidate.Messages)/samples]
			uids = append(uids, m.UID)
			want[m.UID] = m
		}
		got, err := fetch(client, uids)
		if err != nil {
			return nil, err
		}
		equal := len(got) == samples
		for _, m := range got {
			equal = equal && *m == *want[m.UID]
		}
		if equal {
			return &Mailbox{Name: box.Name, UIDValidity: box.UIDValidity, UIDs: candidate.UIDs, Messages: candidate.Messages}, nil
		}
	}
	return nil, nil
}
