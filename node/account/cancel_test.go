package account_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"alphamail/bench/testbed/mailgen"
	"alphamail/node/account"
	"alphamail/node/api"
)

// Questions are cancelled at any moment while another client changes the
// mailbox; afterwards every row is as the server says. Nothing is marked as seen:
// that is another test.
func TestCancelledQuestions(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		rounds := 40
		if strings.HasSuffix(t.Name(), "Courier") || strings.HasSuffix(t.Name(), "Cyrus") {
			rounds = 3 // they are slow
		}
		w.reopen(account.Config{FoldersMaxAge: 5 * time.Millisecond, Watch: -1})
		rng := rand.New(rand.NewPCG(1, 2))
		other := w.another()
		var messages [][]byte
		for m := range mailgen.New(1, time.Now()).Folder("INBOX", 300) {
			messages = append(messages, m.Raw)
		}
		for _, raw := range messages[:60] {
			w.must(other, appending("INBOX", raw))
		}
		elsewhere := w.mailbox(other, "Elsewhere")
		w.must(other, create(elsewhere))
		next := 60
		for round := range rounds {
			truth := w.truth(other, "INBOX")
			if shown := w.shown("INBOX"); !slices.Equal(shown, truth) {
				t.Fatalf("round %d shows\n%s\ninstead of\n%s", round, strings.Join(shown, "\n"), strings.Join(truth, "\n"))
			}
			var asking sync.WaitGroup
			for g := range 3 {
				asking.Go(func() {
					rng := rand.New(rand.NewPCG(uint64(round), uint64(g)))
					for range 10 {
						ctx, cancel := context.WithCancel(t.Context())
						timer := time.AfterFunc(time.Duration(rng.IntN(3000))*time.Microsecond, cancel)
						order := []api.Order{api.OrderArrival, api.OrderDate, api.OrderSize}[rng.IntN(3)]
						w.account.Mailbox(ctx, &api.MailboxQuestion{Mailbox: []string{"INBOX", elsewhere}[rng.IntN(2)], Page: 1 + rng.IntN(2), Order: order})
						timer.Stop()
						cancel()
					}
				})
			}
			for range rng.IntN(6) {
				w.changeSomething(other, rng, truth)
			}
			if next < len(messages) {
				w.must(other, appending("INBOX", messages[next]))
				next++
			}
			asking.Wait()
		}
	})
}
