package account_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/need"
	"alphamail/node/account"
	"alphamail/node/imapconn"
)

// servers are all mail servers that there are. They start without mail, and end
// with the test.
var servers = []struct {
	name  string
	start func(testing.TB) (address string)
}{
	{"memory", func(t testing.TB) string { return startMemory(t, nil) }},
	{"memory, nothing offered", func(t testing.TB) string {
		return startMemory(t, imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapUIDPlus: {}})
	}},
	{"Dovecot", func(t testing.TB) string {
		need.Dovecot(t)
		server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: oneUser})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Stop() })
		return server.IMAPAddr()
	}},
	{"Cyrus", func(t testing.TB) string {
		need.Have(t, testbed.CyrusAvailable())
		server, err := testbed.StartCyrus(oneUser...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Stop() })
		return server.IMAPAddr()
	}},
	{"Courier", func(t testing.TB) string {
		need.Have(t, testbed.CourierAvailable())
		server, err := testbed.StartCourier(oneUser...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Stop() })
		return server.IMAPAddr()
	}},
}

var oneUser = []testbed.User{{Name: user, Password: password}}

func startMemory(t testing.TB, caps imap.CapSet) string {
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: oneUser, Caps: caps})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server.IMAPAddr()
}

// everyServer runs a test on all servers.
func everyServer(t *testing.T, test func(*testing.T, *world)) {
	for _, server := range servers {
		t.Run(server.name, func(t *testing.T) { test(t, newWorld(t, server.start(t))) })
	}
}

// mailbox returns the server's name for a mailbox of the user: some servers keep
// all of them below INBOX.
func (w *world) mailbox(conn *imapconn.Conn, name string) string {
	namespace := &imapconn.Namespace{}
	if conn.Has(imap.CapNamespace) && conn.Do(w.t.Context(), namespace) == nil && len(namespace.Data.Personal) > 0 {
		return namespace.Data.Personal[0].Prefix + name
	}
	return name
}

// another is a connection of another client of the same user.
func (w *world) another() *imapconn.Conn {
	w.t.Helper()
	conn, err := imapconn.Dial(w.t.Context(), imapconn.Options{Address: w.server, Security: imapconn.Plain})
	if err == nil {
		err = conn.Login(w.t.Context(), user, password)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(conn.Close)
	return conn
}

func (w *world) must(conn *imapconn.Conn, commands ...imapconn.Command) {
	w.t.Helper()
	if err := conn.Do(w.t.Context(), commands...); err != nil {
		w.t.Fatal(err)
	}
}

func appending(mailbox string, raw []byte) *imapconn.Append {
	return &imapconn.Append{Mailbox: mailbox, Message: strings.NewReader(string(raw)), Size: int64(len(raw))}
}

// truth is what the mail server says of a mailbox to a client that knows nothing:
// UIDs with flags, the newest first.
func (w *world) truth(conn *imapconn.Conn, mailbox string) (all []string) {
	w.t.Helper()
	fetch := &imapconn.Fetch{UIDs: imap.UIDSet{{Start: 1}}, Items: &imap.FetchOptions{Flags: true}}
	w.must(conn, &imapconn.Select{Name: mailbox}, fetch)
	for _, m := range fetch.Messages {
		has := func(flag imap.Flag) bool { return slices.Contains(m.Flags, flag) }
		all = append(all, line(uint32(m.UID), has(imap.FlagSeen), has(imap.FlagFlagged), has(imap.FlagAnswered)))
	}
	slices.Reverse(all)
	return all
}

func line(uid uint32, seen, flagged, answered bool) string {
	return fmt.Sprintf("%d seen %v flagged %v answered %v", uid, seen, flagged, answered)
}

// shown is the same by the pages of the account.
func (w *world) shown(mailbox string) (all []string) {
	w.t.Helper()
	for number := 1; ; number++ {
		page := w.page(mailbox, number)
		for _, row := range page.Rows {
			all = append(all, line(row.ID.UID, row.Flags.Seen, row.Flags.Flagged, row.Flags.Answered))
		}
		if number >= page.Pages {
			return all
		}
	}
}

// TestAMailboxThatWasLeft changes a mailbox at random while the account has
// another one selected, or none: back again, every row is as the server says.
func TestAMailboxThatWasLeft(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		rng := rand.New(rand.NewPCG(1, 2))
		other := w.another()
		var messages [][]byte
		for m := range mailgen.New(1, time.Now()).Folder("INBOX", 160) {
			messages = append(messages, m.Raw)
		}
		for _, raw := range messages[:120] {
			w.must(other, appending("INBOX", raw))
		}
		elsewhere := w.mailbox(other, "Elsewhere")
		w.must(other, create(elsewhere))
		next := 120
		for round := range 12 {
			truth := w.truth(other, "INBOX")
			if shown := w.shown("INBOX"); !slices.Equal(shown, truth) {
				t.Fatalf("round %d shows\n%s\ninstead of\n%s", round, strings.Join(shown, "\n"), strings.Join(truth, "\n"))
			}
			if round%2 == 0 {
				w.page(elsewhere, 1)
			} else {
				w.proxy.Cut()
			}
			for range rng.IntN(6) {
				w.changeSomething(other, rng, truth)
			}
			if next < len(messages) && rng.IntN(2) == 0 {
				w.must(other, appending("INBOX", messages[next]))
				next++
			}
		}
	})
}

// changeSomething sets flags of a message, or removes one.
func (w *world) changeSomething(other *imapconn.Conn, rng *rand.Rand, messages []string) {
	var uid imap.UID
	fmt.Sscan(messages[rng.IntN(len(messages))], &uid)
	change := imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true}
	switch rng.IntN(4) {
	case 0:
		change.Flags = []imap.Flag{imap.FlagFlagged}
	case 1:
		change.Flags = []imap.Flag{imap.FlagAnswered, imap.FlagSeen}
	case 2:
		change.Op, change.Flags = imap.StoreFlagsDel, []imap.Flag{imap.FlagSeen, imap.FlagFlagged}
	default:
		change.Flags = []imap.Flag{imap.FlagDeleted}
		w.must(other, &imapconn.Store{UIDs: imap.UIDSetNum(uid), Change: change}, &imapconn.Expunge{UIDs: imap.UIDSetNum(uid)})
		return
	}
	w.must(other, &imapconn.Store{UIDs: imap.UIDSetNum(uid), Change: change})
}

// TestComingBackIsCheap compares bytes: where the server counts changes, coming
// back to a large mailbox does not read the flags of all messages again.
func TestComingBackIsCheap(t *testing.T) {
	need.Dovecot(t)
	server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: []testbed.User{{Name: user, Password: password}}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	if err := server.Fill(user, mailgen.New(1, time.Now()).Folder("INBOX", 3000)); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, server.IMAPAddr())
	w.page("INBOX", 1)
	for name, leave := range map[string]func(){"another folder": func() { w.page("Sent", 1) }, "a lost connection": w.proxy.Cut} {
		leave()
		back := w.counted(func() { w.page("INBOX", 1) })
		if back.BytesDown > 20_000 || back.Commands["UID FETCH"] > 1 {
			t.Errorf("after %s, coming back costs %d bytes: %v", name, back.BytesDown, back.Commands)
		}
	}
	w.reopen(account.Config{})
	if first := w.counted(func() { w.page("INBOX", 1) }); first.BytesDown < 60_000 {
		t.Errorf("the first time costs %d bytes only, so there is nothing to compare with", first.BytesDown)
	}
}
