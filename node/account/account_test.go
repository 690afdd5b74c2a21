package account_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"go.uber.org/goleak"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/need"
	"alphamail/cache"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

func TestMain(m *testing.M) {
	if size := os.Getenv(mailServerVariable); size != "" {
		serveMail(size)
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	user     = "ana"
	password = "correct horse"
)

// world is an account, its mail server, and the proxy between them.
type world struct {
	t       testing.TB
	server  string // address of the mail server itself
	proxy   *testbed.Proxy
	account *account.Account
	cache   *cache.Cache
	opened  int // accounts by open
	// meanwhile, if set, does something wrong before what became of a message is
	// judged.
	meanwhile func(drafts string)
}

// each runs a test against a mail server in memory and a real Dovecot, with so
// many messages in INBOX.
func each(t *testing.T, messages int, test func(*testing.T, *world)) {
	generator := mailgen.New(1, time.Now())
	t.Run("memory", func(t *testing.T) {
		server, err := testbed.StartMemory(testbed.MemoryConfig{Users: []testbed.User{{Name: user, Password: password}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Close() })
		if err := server.CreateFolders(user); err != nil {
			t.Fatal(err)
		}
		if err := server.Fill(generator.Inbox(messages), user); err != nil {
			t.Fatal(err)
		}
		test(t, newWorld(t, server.IMAPAddr()))
	})
	t.Run("dovecot", func(t *testing.T) {
		need.Dovecot(t)
		server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: []testbed.User{{Name: user, Password: password}}, Separator: "/"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Stop() })
		if err := server.Fill(user, generator.Inbox(messages)); err != nil {
			t.Fatal(err)
		}
		test(t, newWorld(t, server.IMAPAddr()))
	})
}

func newWorld(t testing.TB, server string) *world {
	t.Helper()
	proxy, err := testbed.StartProxy(server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close() })
	store, err := cache.New(cache.Config{}, metrics.NewSet())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, server: server, proxy: proxy, cache: store}
	w.reopen(account.Config{})
	return w
}

// reopen replaces the account by one that is configured differently.
func (w *world) reopen(config account.Config) {
	w.account = account.New(user+"@example.edu", user, password, w.backend(), config, w.cache, slog.New(slog.DiscardHandler))
	w.t.Cleanup(w.account.Close)
}

// open makes another account, which shares nothing with others but the mail
// server.
func (w *world) open(backend account.Backend) *account.Account {
	w.opened++
	one := account.New(fmt.Sprintf("%d@example.edu", w.opened), user, password, backend, account.Config{}, w.cache, slog.New(slog.DiscardHandler))
	w.t.Cleanup(one.Close)
	return one
}

func (w *world) backend() account.Backend {
	return account.Backend{Options: imapconn.Options{Address: w.proxy.Addr(), Security: imapconn.Plain}}
}

func (w *world) page(mailbox string, number int) *api.MailboxAnswer {
	w.t.Helper()
	answer, err := w.account.Mailbox(w.t.Context(), &api.MailboxQuestion{Mailbox: mailbox, Page: number})
	if err != nil {
		w.t.Fatalf("page %d of %s: %v", number, mailbox, err)
	}
	if !answer.AsOf.IsZero() {
		w.t.Fatalf("page %d of %s is as of %v", number, mailbox, answer.AsOf)
	}
	return answer
}

func (w *world) message(id api.MessageID, seen bool) *api.MessageAnswer {
	w.t.Helper()
	answer, err := w.account.Message(w.t.Context(), &api.MessageQuestion{ID: id, MarkSeen: seen})
	if err != nil {
		w.t.Fatalf("message %v: %v", id, err)
	}
	return answer
}

// counted returns what work costs the mail server.
func (w *world) counted(work func()) testbed.Counts {
	before := w.proxy.Snapshot()
	work()
	return w.proxy.Snapshot().Sub(before)
}

// settle waits until nothing more is asked of the mail server.
func (w *world) settle() {
	for before := -1; before != w.proxy.Snapshot().Total(); time.Sleep(100 * time.Millisecond) {
		before = w.proxy.Snapshot().Total()
	}
}

// other is another client of the same user, with INBOX selected.
func (w *world) other() *imapclient.Client {
	w.t.Helper()
	client, err := imapclient.DialInsecure(w.server, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { client.Close() })
	if err := client.Login(user, password).Wait(); err != nil {
		w.t.Fatal(err)
	}
	if _, err := client.Select("INBOX", nil).Wait(); err != nil {
		w.t.Fatal(err)
	}
	return client
}

func (w *world) deliver(client *imapclient.Client, mailbox, raw string) {
	w.t.Helper()
	command := client.Append(mailbox, int64(len(raw)), nil)
	if _, err := command.Write([]byte(raw)); err != nil {
		w.t.Fatal(err)
	}
	if err := command.Close(); err != nil {
		w.t.Fatal(err)
	}
	if _, err := command.Wait(); err != nil {
		w.t.Fatal(err)
	}
}

func code(err error) api.Code {
	if known := api.AsError(err); known != nil {
		return known.Code
	}
	return ""
}

// TestTenPagesTakeOneConnection is the promise of the whole product.
func TestTenPagesTakeOneConnection(t *testing.T) {
	each(t, 1000, func(t *testing.T, w *world) {
		var ids []api.MessageID
		for number := 1; number <= 5; number++ {
			answer := w.page("INBOX", number)
			if len(answer.Rows) != 50 || answer.Total != 1000 || answer.Pages != 20 || answer.Page != number {
				t.Fatalf("page %d: %d rows of %d, page %d of %d", number, len(answer.Rows), answer.Total, answer.Page, answer.Pages)
			}
			ids = append(ids, answer.Rows[7].ID)
		}
		for _, id := range ids {
			if answer := w.message(id, true); answer.Subject == "" && len(answer.Text) == 0 {
				t.Errorf("message %v is empty", id)
			}
		}
		if counts := w.proxy.Snapshot(); counts.Connections != 1 || counts.Logins != 1 || counts.Selects != 1 {
			t.Errorf("five list pages and five messages: %+v", counts)
		}
	})
}

func TestWhatAClickCosts(t *testing.T) {
	each(t, 300, func(t *testing.T, w *world) {
		first := w.page("INBOX", 1)
		id := first.Rows[3].ID
		within := func(name string, commands, exchanges int, work func()) {
			t.Helper()
			if counts := w.counted(work); counts.Total() > commands || counts.Exchanges > exchanges {
				t.Errorf("%s: %d commands in %d exchanges, want at most %d in %d: %v", name, counts.Total(), counts.Exchanges, commands, exchanges, counts.Commands)
			}
		}
		within("the same list page", 1, 1, func() { w.page("INBOX", 1) })
		within("a new list page", 3, 2, func() { w.page("INBOX", 3) })
		within("a new message", 2, 1, func() { w.message(id, true) })
		within("the same message", 0, 0, func() { w.message(id, true) })
		if answer := w.message(id, false); answer.HasHTML {
			within("its HTML", 0, 0, func() {
				if _, err := w.account.Body(t.Context(), &api.BodyQuestion{ID: id}); err != nil {
					t.Error(err)
				}
			})
		}
	})
}

func TestRowsShowWhatTheMessagesAre(t *testing.T) {
	each(t, 0, func(t *testing.T, w *world) {
		client := w.other()
		w.deliver(client, "INBOX", "From: =?utf-8?Q?Ana_R=C3=BAiz?= <ana.ruiz@example.edu>\r\nTo: ben@example.edu\r\nSubject: =?iso-8859-1?Q?Caf=E9?=\r\n"+
			"Content-Type: multipart/mixed; boundary=b\r\nMIME-Version: 1.0\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"+
			"--c\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello there,\r\n\r\n> quoted\r\n--c\r\nContent-Type: text/html\r\n\r\n<p>Hello there,</p><img src=https://t.example/x.png>\r\n--c--\r\n"+
			"--b\r\nContent-Type: image/png; name=x.png\r\nContent-Disposition: attachment; filename=x.png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n")
		row := w.page("INBOX", 1).Rows[0]
		if row.Subject != "Café" || row.Snippet != "Hello there," || !row.HasAttachment || row.Flags.Seen || len(row.People) != 1 || row.People[0] != (api.Address{Name: "Ana Rúiz", Email: "ana.ruiz@example.edu"}) || row.Size == 0 || time.Since(row.Date) > time.Hour {
			t.Errorf("row: %+v", row)
		}
		message := w.message(row.ID, true)
		if !message.HasHTML || message.BlockedRemote != 1 || len(message.Parts) != 1 || message.Parts[0].Name != "x.png" || len(message.Text) != 2 || message.Text[1].Quote != 1 || !message.Flags.Seen {
			t.Errorf("message: %+v", message)
		}
		body, err := w.account.Body(t.Context(), &api.BodyQuestion{ID: row.ID})
		if err != nil || !strings.Contains(body.HTML, "<p>Hello there,</p>") || strings.Contains(body.HTML, "t.example") {
			t.Errorf("body: %+v, %v", body, err)
		}
		stream, err := w.account.Part(t.Context(), &api.PartQuestion{ID: row.ID, Part: message.Parts[0].ID})
		if err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(stream.Content); err != nil || string(data) != "\x89PNG\r\n\x1a\n" || stream.MediaType != "image/png" {
			t.Errorf("part: %q, %v, %+v", data, err, stream.StreamHead)
		}
		if _, err := w.account.Part(t.Context(), &api.PartQuestion{ID: row.ID, Part: "9"}); code(err) != api.CodeNotFound {
			t.Errorf("a part that is not there: %v", err)
		}
		w.deliver(client, "Sent", "From: ana@example.edu\r\nTo: Ben <ben@example.edu>\r\nSubject: x\r\n\r\nx\r\n")
		if sent := w.page("Sent", 1); sent.Folder.Role != api.RoleSent || sent.Rows[0].People[0].Name != "Ben" {
			t.Errorf("in Sent: %+v", sent.Rows)
		}
	})
}

func TestChangesByOthersAreOnTheNextPage(t *testing.T) {
	each(t, 60, func(t *testing.T, w *world) {
		client := w.other()
		before := w.page("INBOX", 1)
		w.deliver(client, "INBOX", "From: x@example.edu\r\nSubject: just now\r\n\r\nnew\r\n")
		after := w.page("INBOX", 1)
		if after.Total != 61 || after.Rows[0].Subject != "just now" || after.Rows[1].ID != before.Rows[0].ID {
			t.Errorf("after a delivery: %d messages, first %q", after.Total, after.Rows[0].Subject)
		}
		victim, changed := after.Rows[5].ID, after.Rows[6].ID
		if err := client.Store(imap.UIDSetNum(imap.UID(changed.UID)), &imap.StoreFlags{Op: imap.StoreFlagsSet, Flags: []imap.Flag{imap.FlagFlagged, imap.FlagAnswered}}, nil).Close(); err != nil {
			t.Fatal(err)
		}
		if err := client.Store(imap.UIDSetNum(imap.UID(victim.UID)), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
			t.Fatal(err)
		}
		if err := client.Expunge().Close(); err != nil {
			t.Fatal(err)
		}
		final := w.page("INBOX", 1)
		if final.Total != 60 || final.Rows[5].ID != changed || !final.Rows[5].Flags.Flagged || !final.Rows[5].Flags.Answered || final.Rows[5].Flags.Seen {
			t.Errorf("after an expunge and a change of flags: %d messages, row %+v", final.Total, final.Rows[5])
		}
		if _, err := w.account.Message(t.Context(), &api.MessageQuestion{ID: victim}); code(err) != api.CodeNotFound {
			t.Errorf("the expunged message: %v", err)
		}
		unread := 0
		for _, row := range final.Rows {
			if !row.Flags.Seen {
				unread++
			}
		}
		opened := w.message(final.Rows[5].ID, true)
		if again := w.page("INBOX", 1); again.Unread != final.Unread-1 || !again.Rows[5].Flags.Seen || !opened.Flags.Seen {
			t.Errorf("after opening a message %d are unread, before %d", again.Unread, final.Unread)
		}
		if reread := w.message(final.Rows[4].ID, false); reread.Flags.Seen != final.Rows[4].Flags.Seen {
			t.Error("a message was marked as seen without being asked to")
		}
	})
}

func TestNeighboursAndPages(t *testing.T) {
	each(t, 120, func(t *testing.T, w *world) {
		var order []api.MessageID
		for number := 1; number <= 3; number++ {
			for _, row := range w.page("INBOX", number).Rows {
				order = append(order, row.ID)
			}
		}
		if len(order) != 120 || !slices.IsSortedFunc(order, func(a, b api.MessageID) int { return int(b.UID) - int(a.UID) }) {
			t.Fatalf("three pages list %d messages", len(order))
		}
		for i, id := range order {
			if i%17 != 0 && i != 119 {
				continue
			}
			answer := w.message(id, false)
			if answer.Page != i/50+1 || (answer.Newer == nil) != (i == 0) || (answer.Older == nil) != (i == 119) ||
				i > 0 && *answer.Newer != order[i-1] || i < 119 && *answer.Older != order[i+1] {
				t.Errorf("message %d: page %d, newer %v, older %v", i, answer.Page, answer.Newer, answer.Older)
			}
		}
		if last := w.page("INBOX", 99); last.Page != 3 || len(last.Rows) != 20 {
			t.Errorf("a page past the end is page %d with %d rows", last.Page, len(last.Rows))
		}
	})
}

func TestFoldersOfAnyName(t *testing.T) {
	each(t, 3, func(t *testing.T, w *world) {
		client := w.other()
		names := []string{"My Folder", "研究所", "R&D", "100%", "a~b", "Hiking 📬", "Quotes \"x\"", "Level/Below/Deep"}
		for _, name := range names {
			if err := client.Create(name, nil).Wait(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			w.deliver(client, name, "Subject: in "+"here\r\n\r\nx\r\n")
		}
		for _, name := range names {
			answer := w.page(name, 1)
			if answer.Folder.Mailbox != name || answer.Total != 1 || answer.Rows[0].Subject != "in here" {
				t.Errorf("%s: %+v", name, answer.Folder)
			}
			if !slices.ContainsFunc(answer.Folders, func(f api.Folder) bool { return f.Mailbox == name && f.Selectable }) {
				t.Errorf("%s is not in the folder list", name)
			}
		}
		folders := w.page("inbox", 1).Folders
		var roles []api.Role
		for _, folder := range folders {
			if folder.Role != "" {
				roles = append(roles, folder.Role)
			}
			if folder.Mailbox == "Level/Below/Deep" && !slices.Equal(folder.Path, []string{"Level", "Below", "Deep"}) {
				t.Errorf("levels: %q", folder.Path)
			}
			if folder.Selectable && !folder.Counted {
				t.Errorf("%s is not counted", folder.Mailbox)
			}
		}
		if !slices.Equal(roles, []api.Role{api.RoleInbox, api.RoleDrafts, api.RoleSent, api.RoleArchive, api.RoleJunk, api.RoleTrash}) {
			t.Errorf("roles: %v", roles)
		}
	})
}

func TestWhatIsNotThere(t *testing.T) {
	each(t, 3, func(t *testing.T, w *world) {
		good := w.page("INBOX", 1).Rows[0].ID
		missing, stale, elsewhere := good, good, good
		missing.UID, stale.UIDValidity, elsewhere.Mailbox = 4_000_000_000, good.UIDValidity+1, "Nowhere"
		for want, ids := range map[api.Code][]api.MessageID{api.CodeNotFound: {missing, elsewhere, {}, {Mailbox: "a\r\nb", UID: 1}}, api.CodeConflict: {stale}} {
			for _, id := range ids {
				_, err1 := w.account.Message(t.Context(), &api.MessageQuestion{ID: id, MarkSeen: true})
				_, err2 := w.account.Raw(t.Context(), &api.RawQuestion{ID: id})
				_, err3 := w.account.Body(t.Context(), &api.BodyQuestion{ID: id})
				if code(err1) != want || code(err2) != want || code(err3) != want {
					t.Errorf("%+v: %v, %v, %v", id, err1, err2, err3)
				}
			}
		}
		for _, name := range []string{"Nowhere", "No\\where", "*", "a%b", strings.Repeat("x", 500)} {
			if _, err := w.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: name, Page: 1}); code(err) != api.CodeNotFound {
				t.Errorf("mailbox %.20q: %v", name, err)
			}
		}
		for _, name := range []string{"", "a\r\nb", "a\x00"} {
			if _, err := w.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: name, Page: 1}); code(err) != api.CodeInvalid {
				t.Errorf("mailbox %q: %v", name, err)
			}
		}
		if answer := w.page("Trash", 1); answer.Total != 0 || answer.Pages != 1 || len(answer.Rows) != 0 {
			t.Errorf("an empty mailbox: %+v", answer)
		}
		w.message(good, false) // the account still works
	})
}

func TestPasswords(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		wrong := account.New("ana@example.edu", user, "wrong", w.backend(), account.Config{}, w.cache, slog.New(slog.DiscardHandler))
		defer wrong.Close()
		if err := wrong.Connect(t.Context()); code(err) != api.CodeAuthFailed {
			t.Errorf("a wrong password: %v", err)
		}
		if err := w.account.Connect(t.Context()); err != nil {
			t.Errorf("the right password: %v", err)
		}
		w.account.Close()
		if err := w.account.Connect(t.Context()); !errors.Is(err, account.ErrClosed) {
			t.Errorf("after closing: %v", err)
		}
	})
}

func TestServerTrouble(t *testing.T) {
	each(t, 120, func(t *testing.T, w *world) {
		w.reopen(account.Config{CommandTimeout: 500 * time.Millisecond, DialTimeout: 500 * time.Millisecond})
		first := w.page("INBOX", 1)
		w.proxy.Cut()
		w.page("INBOX", 1) // a connection that died while idle is replaced unnoticed

		w.proxy.Hang()
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := w.account.Message(short, &api.MessageQuestion{ID: first.Rows[0].ID}); code(err) != api.CodeDeadline {
			t.Errorf("a server that hangs for longer than the question may take: %v", err)
		}
		for range 2 { // the second at once
			if _, err := w.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX", Page: 2}); code(err) != api.CodeBackendDown {
				t.Errorf("a server that hangs: %v", err)
			}
		}
		w.proxy.Unhang()
		eventually(t, "it answers again", func() bool {
			_, err := w.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX", Page: 2})
			return err == nil
		})

		if err := w.proxy.Refuse(true); err != nil {
			t.Fatal(err)
		}
		w.proxy.Cut()
		if _, err := w.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX", Page: 3}); code(err) != api.CodeBackendDown {
			t.Errorf("a server that is down: %v", err)
		}
	})
}

// TestWhatIsKnownIsShownWhileTheServerIsAway stops the mail server: pages that
// were seen are shown with the time as of which they are, others are not, and
// everything comes back by itself.
func TestWhatIsKnownIsShownWhileTheServerIsAway(t *testing.T) {
	each(t, 120, func(t *testing.T, w *world) {
		seen := w.page("INBOX", 1)
		unread := slices.IndexFunc(seen.Rows, func(row api.Row) bool { return !row.Flags.Seen })
		id := seen.Rows[unread].ID
		opened := w.message(id, false)
		before := time.Now()
		if err := w.proxy.Refuse(true); err != nil {
			t.Fatal(err)
		}
		w.proxy.Cut()
		for range 3 {
			page, err := w.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX", Page: 1})
			if err != nil {
				t.Fatal(err)
			}
			if page.AsOf.IsZero() || page.AsOf.After(before) || !reflect.DeepEqual(page.Rows, seen.Rows) || len(page.Folders) != len(seen.Folders) {
				t.Errorf("as of %v: %d rows, %d folders", page.AsOf, len(page.Rows), len(page.Folders))
			}
			if message, err := w.account.Message(t.Context(), &api.MessageQuestion{ID: id, MarkSeen: true}); err != nil || message.AsOf.IsZero() || message.Subject != opened.Subject || message.Flags.Seen || message.Older == nil {
				t.Errorf("a message that was seen: %v, %+v", err, message)
			}
			if opened.HasHTML {
				if _, err := w.account.Body(t.Context(), &api.BodyQuestion{ID: id}); err != nil {
					t.Errorf("its HTML: %v", err)
				}
			}
			if raw, err := w.account.Raw(t.Context(), &api.RawQuestion{ID: id}); err != nil {
				t.Errorf("its source: %v", err)
			} else {
				raw.Content.Close()
			}
			if _, err := w.account.Message(t.Context(), &api.MessageQuestion{ID: seen.Rows[unread+1].ID}); code(err) != api.CodeBackendDown {
				t.Errorf("a message that nobody opened: %v", err)
			}
			if _, err := w.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "Sent", Page: 1}); code(err) != api.CodeBackendDown {
				t.Errorf("a folder that nobody opened: %v", err)
			}
		}
		if err := w.proxy.Refuse(false); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			page, err := w.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX", Page: 1})
			if err != nil {
				t.Fatal(err)
			}
			if page.AsOf.IsZero() {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the server is back, and the page is still an old one")
			}
		}
		if message := w.message(id, true); !message.Flags.Seen || !message.AsOf.IsZero() {
			t.Errorf("afterwards: %+v", message.Flags)
		}
	})
}

func TestLargeMessages(t *testing.T) {
	each(t, 0, func(t *testing.T, w *world) {
		w.reopen(account.Config{WholeMessage: 64 << 10, ChunkSize: 32 << 10})
		content := bytes.Repeat([]byte("0123456789abcdef\n"), 20_000)
		var encoded strings.Builder
		for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(content)), 76) {
			fmt.Fprintf(&encoded, "%s\r\n", line)
		}
		raw := "From: a@example.edu\r\nSubject: large\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
			"--b\r\nContent-Type: text/plain\r\n\r\nThe text.\r\n--b\r\nContent-Type: application/octet-stream\r\n" +
			"Content-Disposition: attachment; filename=big.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded.String() + "--b--\r\n"
		w.deliver(w.other(), "INBOX", raw)
		id := w.page("INBOX", 1).Rows[0].ID
		answer := w.message(id, true)
		if answer.Subject != "large" || len(answer.Text) != 1 || answer.Text[0].Spans[0].Text != "The text." || len(answer.Parts) != 1 || answer.Parts[0].Name != "big.bin" {
			t.Fatalf("message: %+v", answer)
		}
		if size := answer.Parts[0].Size; size < int64(len(content))*95/100 || size > int64(len(content))*105/100 {
			t.Errorf("a part of %d bytes is announced with %d", len(content), size)
		}
		read := func(stream *api.Stream, err error) []byte {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Content.Close()
			data, err := io.ReadAll(stream.Content)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
		if got := read(w.account.Part(t.Context(), &api.PartQuestion{ID: id, Part: answer.Parts[0].ID})); !bytes.Equal(got, content) {
			t.Errorf("the part arrives with %d bytes of %d", len(got), len(content))
		}
		if got := read(w.account.Raw(t.Context(), &api.RawQuestion{ID: id})); string(got) != raw {
			t.Errorf("the message arrives with %d bytes of %d", len(got), len(raw))
		}
		stream, err := w.account.Raw(t.Context(), &api.RawQuestion{ID: id})
		if err != nil {
			t.Fatal(err)
		}
		io.CopyN(io.Discard, stream.Content, 10)
		stream.Content.Close()
		if _, err := io.Copy(io.Discard, stream.Content); err == nil {
			t.Error("a stream goes on after it was closed")
		}
	})
}

// TestGeneratedMail opens every kind of message that the generator makes.
func TestGeneratedMail(t *testing.T) {
	each(t, 150, func(t *testing.T, w *world) {
		for number := 1; number <= 3; number++ {
			for _, row := range w.page("INBOX", number).Rows {
				answer := w.message(row.ID, false)
				for _, part := range answer.Parts {
					stream, err := w.account.Part(t.Context(), &api.PartQuestion{ID: row.ID, Part: part.ID})
					if err != nil {
						t.Errorf("part %s of %q: %v", part.ID, answer.Subject, err)
						continue
					}
					if _, err := io.Copy(io.Discard, stream.Content); err != nil {
						t.Errorf("part %s of %q: %v", part.ID, answer.Subject, err)
					}
					stream.Content.Close()
				}
				if row.Subject != answer.Subject {
					t.Errorf("a row says %q, the message %q", row.Subject, answer.Subject)
				}
			}
		}
	})
}
