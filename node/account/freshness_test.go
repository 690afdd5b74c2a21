package account_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// How often TestADeliveryIsOnTheNextPage delivers on each server, and on those
// that write slowly. FRESHNESS_TRIES sets another number for the quick ones.
const freshnessTries, slowTries = 200, 30

// TestADeliveryIsOnTheNextPage delivers a message and clicks at once, again and
// again: it is the first row. Then another client flags it, or removes it, and
// the next click shows that too.
func TestADeliveryIsOnTheNextPage(t *testing.T) {
	tries := freshnessTries
	if text := os.Getenv("FRESHNESS_TRIES"); text != "" {
		var err error
		if tries, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	everyServer(t, func(t *testing.T, w *world) {
		tries := tries
		if strings.HasSuffix(t.Name(), "Cyrus") || strings.HasSuffix(t.Name(), "Courier") {
			tries = min(tries, slowTries)
		}
		w.reopen(account.Config{Watch: -1})
		other := w.another()
		w.must(other, &imapconn.Select{Name: "INBOX"})
		deliver := func(raw []byte) error { return other.Do(t.Context(), appending("INBOX", raw)) }
		w.deliverAndClick(t, tries, deliver, func(id api.MessageID, change imap.Flag) {
			w.must(other, &imapconn.Noop{}) // until then, it may not know its own delivery
			w.must(other, &imapconn.Store{UIDs: imap.UIDSetNum(imap.UID(id.UID)), Change: imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{change}}})
			if change == imap.FlagDeleted {
				w.must(other, &imapconn.Expunge{UIDs: imap.UIDSetNum(imap.UID(id.UID))})
			}
		})
	})
	t.Run("Dovecot, into the Maildir", func(t *testing.T) {
		need.Dovecot(t)
		server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: oneUser})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Stop()
		w := newWorld(t, server.IMAPAddr())
		w.reopen(account.Config{Watch: -1})
		w.deliverAndClick(t, tries, func(raw []byte) error { return server.Deliver(user, raw) }, nil)
	})
}

// deliverAndClick counts on how many of so many next pages a message is missing,
// and a change of it by another client if there is one.
func (w *world) deliverAndClick(t *testing.T, tries int, deliver func([]byte) error, change func(api.MessageID, imap.Flag)) {
	total := w.page("INBOX", 1).Total
	missed, missedChanges := 0, 0
	for try := range tries {
		subject := fmt.Sprintf("try %d", try)
		if err := deliver(fmt.Appendf(nil, "From: a@example.edu\r\nSubject: %s\r\n\r\nx\r\n", subject)); err != nil {
			t.Fatal(err)
		}
		page := w.page("INBOX", 1)
		total++
		if page.Total != total || len(page.Rows) == 0 || page.Rows[0].Subject != subject {
			missed++
			page = w.page("INBOX", 1)
		}
		if change == nil {
			continue
		}
		id := page.Rows[0].ID
		flag := []imap.Flag{imap.FlagFlagged, imap.FlagSeen, imap.FlagDeleted}[try%3]
		change(id, flag)
		page = w.page("INBOX", 1)
		if flag == imap.FlagDeleted {
			total--
		}
		if row, shown := rowOf(page, id); page.Total != total || shown != (flag != imap.FlagDeleted) ||
			shown && (row.Flags.Flagged != (flag == imap.FlagFlagged) || row.Flags.Seen != (flag == imap.FlagSeen)) {
			missedChanges++
		}
	}
	t.Logf("%d of %d deliveries were not on the next page", missed, tries)
	if missed > 0 || missedChanges > 0 {
		t.Errorf("not on the next page: %d deliveries, %d changes, of %d", missed, missedChanges, tries)
	}
}

// rowOf returns the row of a message.
func rowOf(page *api.MailboxAnswer, id api.MessageID) (api.Row, bool) {
	i := slices.IndexFunc(page.Rows, func(row api.Row) bool { return row.ID == id })
	if i < 0 {
		return api.Row{}, false
	}
	return page.Rows[i], true
}

// ring tells when a mailbox grew.
type ring chan time.Time

var _ imapconn.Mailbox = ring(nil)

func (r ring) Exists(uint32)                                 { r <- time.Now() }
func (r ring) Expunged(uint32)                               {}
func (r ring) Vanished(imap.UIDSet, bool)                    {}
func (r ring) Flagged(uint32, imap.UID, []imap.Flag, uint64) {}

// BenchmarkIdleRings measures how long after a delivery was acknowledged IDLE
// tells of it: by how much a watcher is late. Run it with -benchtime 30x.
func BenchmarkIdleRings(b *testing.B) {
	for _, server := range servers {
		b.Run(server.name, func(b *testing.B) {
			w := newWorld(b, server.start(b))
			other := w.another()
			if !other.Has(imap.CapIdle) {
				b.Skip("it offers no IDLE")
			}
			w.measureRings(b, func(raw []byte) error { return other.Do(b.Context(), appending("INBOX", raw)) })
		})
	}
	b.Run("Dovecot, into the Maildir", func(b *testing.B) {
		need.Dovecot(b)
		server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: oneUser})
		if err != nil {
			b.Fatal(err)
		}
		defer server.Stop()
		newWorld(b, server.IMAPAddr()).measureRings(b, func(raw []byte) error { return server.Deliver(user, raw) })
	})
}

// settling is how long IDLE is given to begin.
const settling = 100 * time.Millisecond

func (w *world) measureRings(b *testing.B, deliver func([]byte) error) {
	if err := deliver([]byte("Subject: first\r\n\r\nx\r\n")); err != nil {
		b.Fatal(err)
	}
	watching, rings := w.another(), make(ring, 100)
	w.must(watching, &imapconn.Select{Name: "INBOX", ReadOnly: true, Mailbox: rings})
	for len(rings) > 0 {
		<-rings
	}
	var late []time.Duration
	for range b.N {
		ended := make(chan error, 1)
		ctx, cancel := context.WithTimeout(b.Context(), 90*time.Second)
		go func() { ended <- watching.Idle(ctx) }() // ended by the news or the timeout
		time.Sleep(settling)
		if err := deliver([]byte("Subject: next\r\n\r\nx\r\n")); err != nil {
			b.Fatal(err)
		}
		delivered := time.Now()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		cancel()
		select {
		case at := <-rings:
			late = append(late, at.Sub(delivered))
		default:
			b.Fatal("IDLE never rang")
		}
		for len(rings) > 0 {
			<-rings
		}
	}
	slices.Sort(late)
	b.ReportMetric(late[len(late)/2].Seconds()*1000, "ms-median")
	b.ReportMetric(late[len(late)-1].Seconds()*1000, "ms-max")
	b.ReportMetric(0, "ns/op") // it waits, mostly
}
