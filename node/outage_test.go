package node_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/need"
	"alphamail/node"
	"alphamail/node/account"
	"alphamail/node/api"
)

const (
	outageUsers    = 20
	outageMessages = 60
	outageThink    = 150 * time.Millisecond // between two clicks of a user
	outageBefore   = 2 * time.Second
	outageLasts    = 5 * time.Second
	outageAfter    = 3 * time.Second
	// outageDeadline bounds a click; one that takes longer by more than a busy
	// machine explains was forgotten.
	outageDeadline = 4 * time.Second
	outageGrace    = 3 * time.Second
)

// TestAMailServerGoesAndComesBack keeps users clicking while their Dovecot
// crashes or freezes, and writes down second by second what they saw: fresh
// pages, pages as they were known, or a clear error, and never anything else.
func TestAMailServerGoesAndComesBack(t *testing.T) {
	for _, outage := range []struct {
		name       string
		begin, end func(*testbed.Dovecot) error
	}{
		{"it crashes", (*testbed.Dovecot).Kill, (*testbed.Dovecot).Up},
		{"it is stopped in good order", (*testbed.Dovecot).Down, (*testbed.Dovecot).Up},
		{"it freezes", func(d *testbed.Dovecot) error { d.Suspend(); return nil }, func(d *testbed.Dovecot) error { d.Resume(); return nil }},
	} {
		t.Run(outage.name, func(t *testing.T) {
			t.Parallel() // most of the time nobody does anything
			server, n, people := outageWorld(t)
			seen := &diary{begun: time.Now()}
			stop := make(chan struct{})
			var clicking sync.WaitGroup
			for _, one := range people {
				clicking.Go(func() { one.click(n, seen, stop) })
			}
			time.Sleep(outageBefore)
			seen.note("the mail server goes")
			if err := outage.begin(server); err != nil {
				t.Error(err)
			}
			time.Sleep(outageLasts)
			if err := outage.end(server); err != nil {
				t.Error(err)
			}
			seen.note("the mail server is back")
			back := time.Now()
			var late time.Duration
			for _, one := range people {
				fresh := one.firstFresh(back, 30*time.Second)
				if fresh.IsZero() {
					t.Errorf("%s sees nothing fresh any more", one.session.Account)
				}
				late = max(late, fresh.Sub(back))
			}
			time.Sleep(outageAfter)
			close(stop)
			clicking.Wait()
			t.Logf("%d users; everybody has seen a fresh page %v after the mail server was back\n%s", outageUsers, late.Round(10*time.Millisecond), seen)
			all := seen.total()
			if all.strange > 0 || all.forgotten > 0 {
				t.Errorf("%d clicks showed what they must not, %d took too long: %s", all.strange, all.forgotten, strings.Join(seen.examples, "; "))
			}
			if all.fresh == 0 || all.known == 0 || len(all.errors) == 0 {
				t.Errorf("the users noticed nothing of it: %+v", all)
			}
		})
	}
}

// outageWorld is a node whose users have looked at two pages of their inboxes.
func outageWorld(t *testing.T) (*testbed.Dovecot, *node.Node, []*clicker) {
	need.Dovecot(t)
	var users []testbed.User
	for i := range outageUsers {
		users = append(users, testbed.User{Name: fmt.Sprintf("u%d", i), Password: password})
	}
	server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: users})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	w := newWorld(t)
	n := w.node("one", fixed{"one", ""}, func(c *node.Config) {
		c.Domains[0].Backend.Address = server.IMAPAddr()
		c.Account = account.Config{CommandTimeout: 3 * time.Second, DialTimeout: 2 * time.Second, FoldersMaxAge: 2 * time.Second}
		c.Gate = account.GateConfig{MaxPause: 2 * time.Second}
	})
	var people []*clicker
	for i, user := range users {
		if err := server.Fill(user.Name, mailgen.New(uint64(i), time.Now()).Folder("INBOX", outageMessages)); err != nil {
			t.Fatal(err)
		}
		one := &clicker{session: w.login(n, user.Name+"@example.edu"), rng: rand.New(rand.NewPCG(uint64(i), 0))}
		for tries := 0; len(one.pages) < 2; tries++ {
			answer, err := n.Mailbox(t.Context(), one.call(), &api.MailboxQuestion{Mailbox: "INBOX", Page: len(one.pages) + 1})
			switch {
			case err == nil:
				one.pages = append(one.pages, answer.Rows)
			case tries == 10: // a server that makes its indexes may be slow
				t.Fatal(err)
			}
		}
		people = append(people, one)
	}
	return server, n, people
}

// clicker is a user who knows what the mailbox holds.
type clicker struct {
	session api.Session
	rng     *rand.Rand
	pages   [][]api.Row

	mu    sync.Mutex // guards fresh
	fresh time.Time  // when the page was asked for that was fresh last
}

func (c *clicker) call() *api.Call { return &api.Call{RequestID: "r", Session: c.session} }

// click clicks until stop is closed.
func (c *clicker) click(n *node.Node, seen *diary, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(c.rng.Int64N(int64(2 * outageThink)))):
		}
		ctx, cancel := context.WithTimeout(context.Background(), outageDeadline)
		before := time.Now()
		asOf, err := c.ask(ctx, n)
		cancel()
		seen.write(c.session.Account, time.Since(before), asOf, err)
		if err == nil && asOf.IsZero() {
			c.mu.Lock()
			c.fresh = before
			c.mu.Unlock()
		}
	}
}

// ask asks for a page or a message, and reports anything that is not in it as
// it should be.
func (c *clicker) ask(ctx context.Context, n *node.Node) (asOf time.Time, err error) {
	page := c.rng.IntN(len(c.pages))
	want := c.pages[page]
	if c.rng.IntN(3) == 0 {
		row := want[c.rng.IntN(len(want))]
		answer, err := n.Message(ctx, c.call(), &api.MessageQuestion{ID: row.ID, MarkSeen: true})
		if err == nil && (answer.ID != row.ID || answer.Subject != row.Subject || answer.Size != row.Size) {
			err = fmt.Errorf("%v is %q", row.ID, answer.Subject)
		}
		if err != nil {
			return asOf, err
		}
		return answer.AsOf, nil
	}
	answer, err := n.Mailbox(ctx, c.call(), &api.MailboxQuestion{Mailbox: "INBOX", Page: page + 1})
	if err != nil {
		return asOf, err
	}
	same := func(a, b api.Row) bool {
		return a.ID == b.ID && a.Subject == b.Subject && a.Snippet == b.Snippet && a.Date.Equal(b.Date) && a.Size == b.Size
	}
	if answer.Total != outageMessages || len(answer.Folders) == 0 || !slices.EqualFunc(answer.Rows, want, same) {
		return asOf, fmt.Errorf("page %d shows %d rows of %d messages that are not those of before", page+1, len(answer.Rows), answer.Total)
	}
	return answer.AsOf, nil
}

// firstFresh waits for a fresh page that was asked for after a moment, and returns
// when it was there; zero if none is for so long.
func (c *clicker) firstFresh(after time.Time, most time.Duration) time.Time {
	for deadline := time.Now().Add(most); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		c.mu.Lock()
		fresh := c.fresh
		c.mu.Unlock()
		if fresh.After(after) {
			return time.Now()
		}
	}
	return time.Time{}
}

// glance is what was seen in a second.
type glance struct {
	fresh, known       int
	errors             map[api.Code]int
	strange, forgotten int
	slowest            time.Duration
	events             []string
}

// diary is what all users saw, by the second in which they saw it.
type diary struct {
	begun time.Time

	mu       sync.Mutex // guards the fields below
	seconds  []glance
	examples []string // of what must not be
}

// now returns the glance of this second. The caller holds mu.
func (d *diary) now() *glance {
	second := int(time.Since(d.begun) / time.Second)
	for len(d.seconds) <= second {
		d.seconds = append(d.seconds, glance{errors: map[api.Code]int{}})
	}
	return &d.seconds[second]
}

func (d *diary) note(event string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	now.events = append(now.events, event)
}

func (d *diary) write(who string, took time.Duration, asOf time.Time, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	now.slowest = max(now.slowest, took)
	if took > outageDeadline+outageGrace {
		now.forgotten++
		d.examples = append(d.examples, fmt.Sprintf("%s waited %v", who, took))
	}
	switch code := code(err); code {
	case "":
		if asOf.IsZero() {
			now.fresh++
		} else {
			now.known++
		}
	case api.CodeBackendDown, api.CodeBusy, api.CodeDeadline:
		now.errors[code]++
	default:
		now.strange++
		d.examples = append(d.examples, fmt.Sprintf("%s: %v", who, err))
	}
}

// total adds all seconds up.
func (d *diary) total() glance {
	all := glance{errors: map[api.Code]int{}}
	for _, second := range d.seconds {
		all.fresh += second.fresh
		all.known += second.known
		all.strange += second.strange
		all.forgotten += second.forgotten
		for code, count := range second.errors {
			all.errors[code] += count
		}
	}
	return all
}

// String is a line for each second.
func (d *diary) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "second  fresh  as of  %12s  %8s  %8s  strange  slowest\n", api.CodeBackendDown, api.CodeBusy, api.CodeDeadline)
	for i, s := range d.seconds {
		fmt.Fprintf(&text, "%6d  %5d  %5d  %12d  %8d  %8d  %7d  %7v  %s\n", i, s.fresh, s.known,
			s.errors[api.CodeBackendDown], s.errors[api.CodeBusy], s.errors[api.CodeDeadline], s.strange,
			s.slowest.Round(time.Millisecond), strings.Join(s.events, ", "))
	}
	return text.String()
}
