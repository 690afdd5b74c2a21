package account_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"alphamail/bench/testbed/mailgen"
	"alphamail/node/account"
	"alphamail/node/api"
)

// Everything at once, for the race detector; afterwards no place at the gate is
// taken, and goleak finds nothing.
func TestEverythingAtOnce(t *testing.T) {
	each(t, 150, func(t *testing.T, w *world) {
		other := w.another()
		elsewhere := w.mailbox(other, "Elsewhere")
		w.must(other, create(elsewhere))
		for m := range mailgen.New(2, time.Now()).Folder("INBOX", 20) {
			w.must(other, appending(elsewhere, m.Raw))
		}
		backend := w.backend()
		backend.Gate = account.NewGate(account.GateConfig{MaxConnections: 20, Failures: 3, MaxPause: 50 * time.Millisecond})
		var logged safeLog
		config := account.Config{Quiet: func() bool { return true }, WatchAfter: time.Millisecond, Watch: 200 * time.Millisecond, DialTimeout: time.Second, CommandTimeout: time.Second, FoldersMaxAge: 10 * time.Millisecond}
		for round := range 3 {
			one := account.New("stress@example.edu", user, password, backend, config, w.cache, slog.New(slog.NewTextHandler(&logged, nil)))
			ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
			var asking sync.WaitGroup
			codes := map[string]int{}
			var mu sync.Mutex
			for g := range 8 {
				asking.Go(func() {
					rng := rand.New(rand.NewPCG(uint64(round), uint64(g)))
					for ctx.Err() == nil {
						asked, cancel := context.WithTimeout(ctx, time.Duration(rng.IntN(300)+1)*time.Millisecond)
						box := []string{"INBOX", elsewhere}[rng.IntN(2)]
						order := []api.Order{api.OrderArrival, api.OrderDate, api.OrderSender, api.OrderSize}[rng.IntN(4)]
						answer, err := one.Mailbox(asked, &api.MailboxQuestion{Mailbox: box, Page: 1 + rng.IntN(3), Order: order, Filter: []api.Filter{api.FilterNone, api.FilterUnread}[rng.IntN(2)]})
						if err == nil && len(answer.Rows) > 0 {
							row := answer.Rows[rng.IntN(len(answer.Rows))]
							message, err := one.Message(asked, &api.MessageQuestion{ID: row.ID, MarkSeen: rng.IntN(2) == 0})
							if err == nil && row.Subject != "" && message.Subject != row.Subject {
								t.Errorf("%v is %q, in the list %q", row.ID, message.Subject, row.Subject)
							}
							if stream, err := one.Raw(asked, &api.RawQuestion{ID: row.ID}); err == nil {
								io.Copy(io.Discard, stream.Content)
								stream.Content.Close()
							}
						}
						mu.Lock()
						codes[string(code(err))]++
						mu.Unlock()
						cancel()
					}
				})
			}
			asking.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(round), 99))
				for ctx.Err() == nil {
					time.Sleep(time.Duration(rng.IntN(150)) * time.Millisecond)
					switch rng.IntN(5) {
					case 0:
						w.proxy.Cut()
					case 1:
						one.Rest(true)
					case 2:
						one.Connected()
					case 3:
						w.proxy.Hang()
						time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
						w.proxy.Unhang()
					}
				}
			})
			if round == 1 {
				time.Sleep(2 * time.Second)
				one.Close()
			}
			asking.Wait()
			stop()
			began := time.Now()
			one.Close()
			if _, err := one.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX"}); !errors.Is(err, account.ErrClosed) {
				t.Errorf("after the end: %v", err)
			}
			open, _ := backend.Gate.Open()
			t.Logf("round %d: %v; the end took %v; %d places are taken", round, codes, time.Since(began).Round(time.Millisecond), open)
			if open != 0 {
				t.Errorf("%d places at the gate are taken", open)
			}
		}
		if strings.Contains(logged.String(), password) {
			t.Error("the log holds the password")
		}
	})
}

type safeLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
