package account_test

import (
	"encoding/base64"
	"log/slog"
	"strings"
	"testing"
	"time"

	"alphamail/node/account"
	"alphamail/node/api"
)

// A server that repeats what it does not understand.
func TestPasswordInErrors(t *testing.T) {
	for _, caps := range []string{"", "AUTH=PLAIN SASL-IR"} {
		r := withScript(t, caps, account.Config{})
		r.hook = func(s *speaker, tag, command string) bool {
			if strings.HasPrefix(command, "LOGIN") || strings.HasPrefix(command, "AUTHENTICATE") {
				s.say("%s BAD what is %q?", tag, command)
				return true
			}
			return false
		}
		_, err := r.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX"})
		encoded := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
		if known := api.AsError(err); known == nil || strings.Contains(known.Error(), password) || strings.Contains(known.Error(), encoded) {
			t.Errorf("what is logged of a refused login (code %s) holds the password: %v", code(err), err)
		}
	}
}

// What says nothing of the password is no reason to end a session.
func TestRefusalsOfLoginThatAreNotAboutThePassword(t *testing.T) {
	for _, refusal := range []string{
		"NO [SERVERBUG] cannot open the user's index", "NO [CONTACTADMIN] disk is full", "BAD too many commands", "NO [UNAVAILABLE] later", "NO [LIMIT] too many",
		"NO [PRIVACYREQUIRED] use TLS", "NO [AUTHENTICATIONFAILED] no", "NO [EXPIRED] too old", "NO no",
	} {
		r := withScript(t, "", account.Config{})
		r.hook = func(s *speaker, tag, command string) bool {
			if strings.HasPrefix(command, "LOGIN") {
				s.say("%s %s", tag, refusal)
				return true
			}
			return false
		}
		want := api.CodeBackendDown
		switch refusal {
		case "NO [AUTHENTICATIONFAILED] no", "NO [EXPIRED] too old", "NO no":
			want = api.CodeAuthFailed
		}
		if err := r.account.Connect(t.Context()); code(err) != want {
			t.Errorf("%s: %v, not %s", refusal, err, want)
		}
	}
}

// RFC 5530: UNAVAILABLE is a temporary failure of a subsystem of the server.
func TestUnavailableCountsAsAway(t *testing.T) {
	for _, begins := range []string{"NOOP", "SELECT", "LOGIN"} {
		r := withScript(t, "", account.Config{})
		r.boxes["Other"] = newBox(9, 1, 2)
		r.page("INBOX")
		if begins == "SELECT" {
			r.page("Other")
		}
		if begins == "LOGIN" {
			eventually(t, "the account rests", func() bool { return r.account.Rest(true) })
		}
		r.change(func() {
			r.hook = func(s *speaker, tag, command string) bool {
				if strings.HasPrefix(command, begins) {
					s.say("%s NO [UNAVAILABLE] the storage is away", tag)
					return true
				}
				return false
			}
		})
		answer, err := r.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX"})
		if err != nil || answer.AsOf.IsZero() {
			t.Errorf("%s is refused as unavailable, and the known page is not served: %v", begins, err)
		}
	}
}

// The mail server was away for a moment; meanwhile the password was changed.
func TestARefusedLoginIsNotMasked(t *testing.T) {
	r := withScript(t, "", account.Config{})
	r.page("INBOX")
	down := false
	r.change(func() {
		down = true
		r.hook = func(s *speaker, tag, command string) bool {
			switch {
			case down:
				s.Conn.Close()
				s.dead = true
				return true
			case strings.HasPrefix(command, "LOGIN"):
				s.say("%s NO [AUTHENTICATIONFAILED] no", tag)
				return true
			}
			return false
		}
	})
	if answer := r.page("INBOX"); answer.AsOf.IsZero() {
		t.Fatal("not away")
	}
	r.change(func() { down = false })
	logins := r.count("LOGIN")
	r.page("INBOX") // known; meanwhile somebody finds out
	eventually(t, "a login in the background", func() bool { return r.count("LOGIN") > logins })
	time.Sleep(100 * time.Millisecond)
	for click := range 3 {
		answer, err := r.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX"})
		if code(err) != api.CodeAuthFailed {
			t.Errorf("click %d after the server had refused the password: %v, served %v", click+1, err, answer != nil)
			return
		}
	}
}

// Somebody opens unread messages while the watcher idles: what this client does
// itself is no news.
func TestTheBellRingsForOurOwnChanges(t *testing.T) {
	w := newWorld(t, startMemory(t, nil))
	other := w.another()
	for range 20 {
		w.must(other, appending("INBOX", []byte("From: a@example.edu\r\nSubject: new\r\n\r\nx\r\n")))
	}
	cost := func(watch time.Duration) int {
		w.reopen(account.Config{Watch: watch, WatchAfter: time.Millisecond})
		before := w.proxy.Snapshot().Commands["IDLE"]
		page := w.page("INBOX", 1)
		if watch > 0 {
			eventually(t, "the watcher idles", func() bool { return w.proxy.Snapshot().Commands["IDLE"] > before })
		}
		lists := w.proxy.Snapshot().Commands["LIST"]
		for _, row := range page.Rows[:8] {
			w.message(row.ID, true)
			time.Sleep(100 * time.Millisecond)
		}
		return w.proxy.Snapshot().Commands["LIST"] - lists
	}
	quiet := cost(-1)
	for range 8 { // unread again
		w.must(other, appending("INBOX", []byte("From: a@example.edu\r\nSubject: new\r\n\r\nx\r\n")))
	}
	if watched := cost(time.Minute); watched > quiet {
		t.Errorf("opening eight unread messages costs %d LIST with a watcher, %d without", watched, quiet)
	}
}

// A server that ends every IDLE at once.
func TestAServerThatEndsIdle(t *testing.T) {
	r := withScript(t, "IDLE", account.Config{Watch: time.Second, WatchAfter: time.Millisecond})
	r.hook = func(s *speaker, tag, command string) bool {
		if command == "IDLE" {
			s.say("%s OK no time", tag)
			return true
		}
		return false
	}
	r.page("INBOX")
	time.Sleep(1200 * time.Millisecond)
	if idles := r.count("IDLE"); idles > 50 {
		t.Errorf("%d IDLE in a second", idles)
	}
}

// Close ends what goes on, and with it the connection that sorts.
func TestCloseEndsTheTransientConnection(t *testing.T) {
	r := withScript(t, "", account.Config{})
	asked, release := make(chan struct{}), make(chan struct{})
	r.hook = func(s *speaker, tag, command string) bool {
		if strings.Contains(command, "BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE)]") {
			close(asked)
			r.mu.Unlock()
			<-release
			r.mu.Lock()
			s.answer(tag, command)
			return true
		}
		return false
	}
	done := make(chan error, 1)
	go func() { // ends with the question
		_, err := r.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX", Order: api.OrderSize})
		done <- err
	}()
	<-asked
	r.account.Close()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
		t.Error("the account is closed, and a connection of it goes on")
	}
	close(release)
}

// While most places are taken, nobody tries a server that is away for those who
// are content with what is known.
func TestATrialWhenPlacesAreFew(t *testing.T) {
	r := withScript(t, "", account.Config{})
	backend := r.backend()
	backend.Gate = account.NewGate(account.GateConfig{MaxConnections: 5, Failures: 1, MaxPause: time.Millisecond})
	open := func(id string) *account.Account {
		one := account.New(id, user, password, backend, account.Config{Watch: -1}, r.cache, slog.New(slog.DiscardHandler))
		t.Cleanup(one.Close)
		return one
	}
	for _, id := range []string{"1", "2", "3", "4"} { // they rest in the hands of the gate
		if err := open(id).Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	one := open("one")
	page := func() *api.MailboxAnswer {
		answer, err := one.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX"})
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	page()
	r.change(func() {
		r.hook = func(s *speaker, _, _ string) bool { s.Conn.Close(); s.dead = true; return true }
	})
	one.Rest(true)
	page()
	r.change(func() { r.hook = nil })
	for deadline := time.Now().Add(9 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if page().AsOf.IsZero() {
			return
		}
	}
	t.Errorf("nine seconds after the server came back, it counts as away: %v", backend.Gate.Away())
}
