package node_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"alphamail/bench/testbed"
	"alphamail/cache"
	"alphamail/node"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
	"alphamail/node/seal"
)

// BenchmarkStorm is what a node goes through when one of three with 3,000 sessions
// has died: the users of a thousand of them, who click every 30 s or who all press
// reload at once, are not known to it and have to be logged in again. It prints the
// most logins that the mail server saw in a second, against those allowed, and how
// long users waited.
func BenchmarkStorm(b *testing.B) {
	const sessions, perSecond = 1000, 100
	for name, spread := range map[string]time.Duration{"clicking": 30 * time.Second, "all at once": 0} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				storm(b, sessions, perSecond, spread)
			}
		})
	}
}

// storm lets each user click once within a time.
func storm(b *testing.B, sessions, perSecond int, spread time.Duration) {
	var users []testbed.User
	for i := range sessions {
		users = append(users, testbed.User{Name: fmt.Sprint("user", i), Password: password})
	}
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: users})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	proxy, err := testbed.StartProxy(server.IMAPAddr())
	if err != nil {
		b.Fatal(err)
	}
	defer proxy.Close()
	keyring, err := seal.NewKeyring(bytes.Repeat([]byte{1}, seal.KeySize))
	if err != nil {
		b.Fatal(err)
	}
	store, err := cache.New(cache.Config{}, metrics.NewSet())
	if err != nil {
		b.Fatal(err)
	}
	n, err := node.New(node.Config{
		Name: "one", Cluster: "c", Version: "v", Gate: account.GateConfig{LoginsPerSecond: float64(perSecond), Burst: perSecond},
		Domains: []node.Domain{{Name: "example.edu", Backend: account.Backend{Options: imapconn.Options{Address: proxy.Addr(), Security: imapconn.Plain}}}},
	}, keyring, fixed{"one", "two"}, seal.NewRevocations(), store, slog.New(slog.DiscardHandler), metrics.NewSet())
	if err != nil {
		b.Fatal(err)
	}
	defer n.Close()

	ends, most := make(chan struct{}), make(chan int)
	go func() { // ended by ends
		var seen []int
		for {
			select {
			case <-ends:
				most <- peak(seen)
				return
			case <-time.After(100 * time.Millisecond):
				seen = append(seen, proxy.Snapshot().Logins)
			}
		}
	}()
	var mu sync.Mutex // guards waits and busy
	var waits []time.Duration
	busy := 0
	var clicks sync.WaitGroup
	for _, user := range users {
		id := user.Name + "@example.edu"
		session := api.Session{Account: id, ID: user.Name, Host: host}
		session.Seal, err = keyring.Seal(seal.Binding{Cluster: "c", Host: host, Account: id, SessionID: user.Name},
			seal.Credential{Password: password, Issued: time.Now(), Expires: time.Now().Add(time.Hour)})
		if err != nil {
			b.Fatal(err)
		}
		clicks.Go(func() {
			if spread > 0 {
				time.Sleep(rand.N(spread))
			}
			began := time.Now()
			_, err := n.Mailbox(b.Context(), &api.Call{RequestID: "r", Session: session}, &api.MailboxQuestion{Mailbox: "INBOX", Page: 1})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				waits = append(waits, time.Since(began))
			case code(err) == api.CodeBusy:
				busy++
			default:
				b.Error(err)
			}
		})
	}
	clicks.Wait()
	close(ends)
	slices.Sort(waits)
	b.ReportMetric(float64(<-most), "logins/s-peak")
	b.ReportMetric(float64(2*perSecond), "logins/s-allowed") // what was saved up, and a second's
	b.ReportMetric(float64(waits[len(waits)*99/100].Milliseconds()), "ms-p99")
	b.ReportMetric(float64(busy), "told-to-wait")
}

// peak is the most that a count, looked at ten times a second, grew within one.
func peak(seen []int) (most int) {
	for i := 10; i < len(seen); i++ {
		most = max(most, seen[i]-seen[i-10])
	}
	return most
}
