package account_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"alphamail/node/account"
	"alphamail/node/api"
)

// Without QRESYNC, a server need not send UIDs with news of flags, also not while
// an index is resumed.
func TestFlagsWithoutUIDWhileResuming(t *testing.T) {
	r := withScript(t, "CONDSTORE ENABLE", account.Config{})
	r.boxes["Other"] = newBox(9, 1, 2)
	r.page("INBOX")
	r.page("Other")
	r.change(func() {
		r.hook = func(s *speaker, tag, command string) bool {
			if s.name == "INBOX" && strings.HasPrefix(command, "UID SEARCH") {
				s.box.flags[2] = `\Seen`
				s.body(command)
				s.say(`* 2 FETCH (FLAGS (\Seen) MODSEQ (101))`)
				s.say("%s OK done", tag)
				r.hook = nil
				return true
			}
			return false
		}
	})
	for click := range 2 {
		page := r.page("INBOX")
		if row := page.Rows[8]; row.ID.UID != 2 || !row.Flags.Seen {
			t.Errorf("click %d: message 2 was read, and is shown as %+v", click+1, row)
		}
	}
}

// A server that refuses to list mailboxes still has mail.
func TestARefusedList(t *testing.T) {
	r := withScript(t, "", account.Config{})
	r.hook = func(s *speaker, tag, command string) bool {
		if strings.HasPrefix(command, "LIST") {
			s.say("%s NO the storage of one namespace is broken", tag)
			return true
		}
		return false
	}
	if _, err := r.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX"}); err != nil {
		t.Errorf("the inbox, which can be opened and read: %v", err)
	}
}

// A connection ends while something is fetched in advance: the server is there,
// and the next click shows what has come.
func TestAConnectionLostInTheBackground(t *testing.T) {
	r := withScript(t, "", account.Config{Quiet: func() bool { return true }})
	page := r.page("INBOX")
	if _, err := r.account.Message(t.Context(), &api.MessageQuestion{ID: page.Rows[0].ID}); err != nil {
		t.Fatal(err)
	}
	lost := make(chan struct{})
	r.change(func() {
		r.hook = func(s *speaker, tag, command string) bool { // the neighbour, in advance
			s.Conn.Close()
			s.dead = true
			r.hook = nil
			close(lost)
			return true
		}
	})
	<-lost
	time.Sleep(50 * time.Millisecond)
	r.change(func() { r.boxes["INBOX"].uids = append(r.boxes["INBOX"].uids, 11) })
	after := r.page("INBOX")
	if !after.AsOf.IsZero() || !slices.Contains(uidsOf(after), 11) {
		t.Errorf("the server is there, and the page is as of %v: %v", after.AsOf, uidsOf(after))
	}
}

// A mailbox that LIST does not show is read anew whenever the folders are.
func TestAMailboxThatIsNotListed(t *testing.T) {
	r := withScript(t, "CONDSTORE ENABLE", account.Config{FoldersMaxAge: time.Nanosecond})
	r.boxes["Hidden"] = newBox(9, 1, 10)
	r.hook = func(s *speaker, tag, command string) bool {
		if strings.HasPrefix(command, "LIST") {
			s.say("* LIST () \"/\" INBOX\r\n%s OK done", tag)
			return true
		}
		return false
	}
	for range 5 {
		r.page("Hidden")
	}
	if all := r.count("UID FETCH 1:* (UID FLAGS)"); all > 1 {
		t.Errorf("five pages of a mailbox that LIST does not show: the flags of all messages are read %d times", all)
	}
}

// Rest gives back the connection; the watcher keeps its own.
func TestAPressedAccountStillWatches(t *testing.T) {
	w := newWorld(t, startMemory(t, nil))
	backend := w.backend()
	backend.Gate = account.NewGate(account.GateConfig{})
	w.account = w.open(backend)
	w.account.Close()
	r := account.Config{Watch: time.Minute, WatchAfter: time.Millisecond}
	w.account = newAccountAt(w, backend, r)
	w.page("INBOX", 1)
	eventually(t, "the watcher idles", func() bool { return w.proxy.Snapshot().Commands["IDLE"] > 0 })
	w.account.Rest(true)
	time.Sleep(200 * time.Millisecond)
	if open, _ := backend.Gate.Open(); open != 0 {
		t.Errorf("an account that was pressed to give back what it does not need holds %d connection", open)
	}
}

// A message that the server cannot read costs its own detail, not the folder
// (Dovecot sends what it can and ends with NO).
func TestAMessageThatCannotBeFetched(t *testing.T) {
	for _, what := range []string{"rows", "snippets", "flags"} {
		r := withScript(t, "", account.Config{})
		r.hook = func(s *speaker, tag, command string) bool {
			switch {
			case what == "rows" && strings.Contains(command, "BODYSTRUCTURE"):
				all := s.box.uids
				s.box.uids = all[:9]
				s.body(command)
				s.box.uids = all
				s.say("%s NO [SERVERBUG] some messages could not be fetched", tag)
				return true
			case what == "snippets" && strings.Contains(command, "BODYSTRUCTURE"):
				s.box.text = "text"
				s.say(`* 10 FETCH (UID 10 INTERNALDATE "01-Jan-2026 10:00:00 +0000" RFC822.SIZE 100 BODYSTRUCTURE (("image" "png" NIL NIL NIL "7bit" 4) ("text" "plain" NIL NIL NIL "7bit" 4 1) "mixed") BODY[1]<0> {1}`)
				s.say("x)")
				s.body(strings.Replace(command, "1:10", "1:9", 1))
				s.say("%s OK done", tag)
				return true
			case what == "snippets" && strings.Contains(command, "BODY.PEEK[2]"):
				s.say("%s NO [SERVERBUG] this part cannot be read", tag)
				return true
			}
			return false
		}
		answer, err := r.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX"})
		if err != nil || len(answer.Rows) != 10 {
			t.Errorf("%s: one message of ten cannot be fetched: %v", what, err)
		}
	}
}

// One user whose mailbox makes the server hang up is no reason to count the
// server as away for all.
func TestOneBadMailboxIsNotTheServer(t *testing.T) {
	r := withScript(t, "", account.Config{})
	backend := r.backend()
	backend.Gate = account.NewGate(account.GateConfig{})
	r.hook = func(s *speaker, tag, command string) bool {
		if strings.HasPrefix(command, "LOGIN") && strings.Contains(command, "bad") {
			s.say("* BYE this user's mailbox is damaged")
			s.Conn.Close()
			s.dead = true
			return true
		}
		return false
	}
	open := func(name string) *account.Account {
		one := account.New(name+"@example.edu", name, password, backend, account.Config{Watch: -1}, r.cache, slog.New(slog.DiscardHandler))
		t.Cleanup(one.Close)
		return one
	}
	good := open("good")
	if err := good.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	bad := open("bad")
	for range 6 {
		bad.Connect(t.Context())
	}
	good.Rest(true)
	if err := good.Connect(t.Context()); err != nil {
		t.Errorf("somebody else: %v", err)
	}
}

// Counting the messages of other folders takes too long: the inbox is there all
// the same.
func TestFoldersThatTakeLongToCount(t *testing.T) {
	r := withScript(t, "", account.Config{CommandTimeout: 300 * time.Millisecond})
	r.boxes["Slow"] = newBox(9, 1, 2)
	r.hook = func(s *speaker, tag, command string) bool {
		if strings.HasPrefix(command, "STATUS") {
			r.mu.Unlock()
			time.Sleep(600 * time.Millisecond)
			r.mu.Lock()
			s.answer(tag, command)
			return true
		}
		return false
	}
	if _, err := r.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX"}); err != nil {
		t.Errorf("the inbox, which was read: %v", err)
	}
}
