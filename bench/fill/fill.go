// Package fill puts generated mail into mailboxes of any IMAP server, and takes
// it out again. Equal seeds make equal mail.
//
// It never adds to mail that it did not make: a mailbox that holds other mail is
// refused. What it made bears a mark in the header; only marked messages are
// ever removed. An interrupted filling goes on where it stopped, because the
// number of marked messages says how far it came.
package fill

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"alphamail/bench/inventory"
	"alphamail/bench/testbed/mailgen"
)

// Config says what to fill.
type Config struct {
	Server   inventory.Server
	Accounts []inventory.Account

	// Mailbox is made if it does not exist. Default INBOX.
	Mailbox  string
	Messages int // in each mailbox

	// Seed chooses the mail. Account i gets the mail of seed Seed + i mod
	// Different; default for Different: 1, the same for all.
	Seed      uint64
	Different int
	Now       time.Time // the dates reach from it into the past

	// Rate bounds the messages per second, all accounts together; 0 means no
	// bound. Parallel is the number of connections, default 4.
	Rate     float64
	Parallel int

	// Progress, if set, is told once a second and at the end.
	Progress func(Progress)
}

// Progress is how far it came.
type Progress struct {
	Accounts, AllAccounts int
	Messages              int64 // put in or removed by this run
}

// ErrForeignMail is returned for mailboxes that hold mail of others.
var ErrForeignMail = errors.New("it holds mail that was not made by bench fill, and so is not touched")

// Marked puts the mark on generated mail.
func Marked(messages iter.Seq[mailgen.Message]) iter.Seq[mailgen.Message] {
	return func(yield func(mailgen.Message) bool) {
		number := 0
		for m := range messages {
			number++
			m.Raw = append(fmt.Appendf(nil, "%s: %d\r\n", inventory.MarkHeader, number), m.Raw...)
			if !yield(m) {
				return
			}
		}
	}
}

// Fill fills the mailboxes; those that are full already are left alone.
func Fill(ctx context.Context, config Config) error {
	if config.Messages < 1 {
		return errors.New("fill: the number of messages is not positive")
	}
	return each(ctx, config, func(w *worker, client *imapclient.Client, i int) error {
		return w.fill(ctx, client, i)
	})
}

// Remove removes what Fill put in, and nothing else. A mailbox other than INBOX
// that is empty afterwards is removed too.
func Remove(ctx context.Context, config Config) error {
	return each(ctx, config, func(w *worker, client *imapclient.Client, _ int) error {
		return w.remove(client)
	})
}

// worker shares what the connections have in common.
type worker struct {
	config   Config
	accounts atomic.Int64
	messages atomic.Int64
	pace     <-chan time.Time // nil without a rate
}

func each(ctx context.Context, config Config, do func(*worker, *imapclient.Client, int) error) error {
	if config.Mailbox == "" {
		config.Mailbox = "INBOX"
	}
	config.Parallel = max(config.Parallel, 1)
	config.Different = max(config.Different, 1)
	w := &worker{config: config}
	if config.Rate > 0 {
		ticker := time.NewTicker(time.Duration(float64(time.Second) / config.Rate))
		defer ticker.Stop()
		w.pace = ticker.C
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stopReport := w.report(ctx)
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(config.Parallel, len(config.Accounts)) {
		workers.Go(func() {
			for i := range next {
				if err := w.account(ctx, i, do); err != nil {
					cancel(fmt.Errorf("%s of %s: %w", config.Mailbox, config.Accounts[i].User, err))
					continue
				}
				w.accounts.Add(1)
			}
		})
	}
	for i := range config.Accounts {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	stopReport()
	return context.Cause(ctx)
}

// report tells the progress until the function it returns is called.
func (w *worker) report(ctx context.Context) func() {
	if w.config.Progress == nil {
		return func() {}
	}
	tell := func() {
		w.config.Progress(Progress{int(w.accounts.Load()), len(w.config.Accounts), w.messages.Load()})
	}
	stop := make(chan struct{})
	var reporter sync.WaitGroup
	reporter.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				tell()
			case <-stop:
				tell()
				return
			}
		}
	})
	return func() { close(stop); reporter.Wait() }
}

func (w *worker) account(ctx context.Context, i int, do func(*worker, *imapclient.Client, int) error) error {
	account := w.config.Accounts[i]
	client, err := w.config.Server.Dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	defer context.AfterFunc(ctx, func() { client.Close() })()
	if err := client.Login(account.User, account.Password).Wait(); err != nil {
		return err
	}
	if err := do(w, client, i); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	return client.Logout().Wait()
}

func (w *worker) fill(ctx context.Context, client *imapclient.Client, i int) error {
	if err := w.make(client); err != nil {
		return err
	}
	present, foreign, err := w.look(client, false)
	if err != nil {
		return err
	}
	if foreign > 0 {
		return ErrForeignMail
	}
	generator := mailgen.New(w.config.Seed+uint64(i%w.config.Different), w.config.Now)
	// Several are under way at a time, where the server takes literals without
	// asking (RFC 7888), so that the network's delay is not paid for each.
	pending := make([]*imapclient.AppendCommand, 0, pipeline)
	number := 0
	for m := range Marked(generator.Folder(w.config.Mailbox, w.config.Messages)) {
		if number++; number <= len(present) {
			continue
		}
		if w.pace != nil {
			select {
			case <-w.pace:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		command := client.Append(w.config.Mailbox, int64(len(m.Raw)), &imap.AppendOptions{Flags: m.Flags, Time: m.Date})
		if _, err := command.Write(m.Raw); err != nil {
			return fmt.Errorf("message %d: %w", number, err)
		}
		if err := command.Close(); err != nil {
			return fmt.Errorf("message %d: %w", number, err)
		}
		if pending = append(pending, command); len(pending) == pipeline {
			if err := w.await(pending); err != nil {
				return err
			}
			pending = pending[:0]
		}
	}
	return w.await(pending)
}

// pipeline is the number of messages that are sent before their answers are
// awaited.
const pipeline = 16

func (w *worker) await(pending []*imapclient.AppendCommand) error {
	for _, command := range pending {
		if _, err := command.Wait(); err != nil {
			return err
		}
		w.messages.Add(1)
	}
	return nil
}

// make creates the mailbox unless it exists.
func (w *worker) make(client *imapclient.Client) error {
	if w.config.Mailbox == "INBOX" {
		return nil
	}
	err := client.Create(w.config.Mailbox, nil).Wait()
	var refused *imap.Error
	if errors.As(err, &refused) {
		_, err = client.Status(w.config.Mailbox, &imap.StatusOptions{NumMessages: true}).Wait()
	}
	return err
}

// look selects the mailbox and returns our messages and the number of others.
func (w *worker) look(client *imapclient.Client, writable bool) (ours []imap.UID, foreign int, err error) {
	selected, err := client.Select(w.config.Mailbox, &imap.SelectOptions{ReadOnly: !writable}).Wait()
	if err != nil || selected.NumMessages == 0 {
		return nil, 0, err
	}
	found, err := client.UIDSearch(&imap.SearchCriteria{
		Header: []imap.SearchCriteriaHeaderField{{Key: inventory.MarkHeader}},
	}, nil).Wait()
	if err != nil {
		return nil, 0, err
	}
	ours = found.AllUIDs()
	return ours, int(selected.NumMessages) - len(ours), nil
}

func (w *worker) remove(client *imapclient.Client) error {
	ours, foreign, err := w.look(client, true)
	var refused *imap.Error
	if errors.As(err, &refused) && w.config.Mailbox != "INBOX" {
		return nil // there is no such mailbox
	}
	if err != nil {
		return err
	}
	if len(ours) > 0 {
		// Without UIDPLUS, EXPUNGE would remove what others marked as deleted.
		if !client.Caps().Has(imap.CapUIDPlus) && foreign > 0 {
			return fmt.Errorf("the server has no UIDPLUS: %w", ErrForeignMail)
		}
		set := imap.UIDSetNum(ours...)
		if err := client.Store(set, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
			return err
		}
		expunge := client.Expunge
		if client.Caps().Has(imap.CapUIDPlus) {
			expunge = func() *imapclient.ExpungeCommand { return client.UIDExpunge(set) }
		}
		if err := expunge().Close(); err != nil {
			return err
		}
		w.messages.Add(int64(len(ours)))
	}
	if foreign > 0 || w.config.Mailbox == "INBOX" {
		return nil
	}
	if err := client.Unselect().Wait(); err != nil {
		return err
	}
	return client.Delete(w.config.Mailbox).Wait()
}
