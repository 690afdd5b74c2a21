package account_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"alphamail/node/account"
	"alphamail/node/api"
)

// eventually waits for something that happens in the background.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !happened(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: never", what)
		}
	}
}

// TestWhatComesNextIsFetchedInAdvance is for a node that has nothing else to do.
func TestWhatComesNextIsFetchedInAdvance(t *testing.T) {
	each(t, 200, func(t *testing.T, w *world) {
		var quiet atomic.Bool
		w.reopen(account.Config{Quiet: quiet.Load, Watch: -1})
		first := w.page("INBOX", 1)
		time.Sleep(300 * time.Millisecond) // longer than it would take
		if cost := w.counted(func() { w.page("INBOX", 2) }); cost.Commands["UID FETCH"] == 0 {
			t.Errorf("fetched in advance by a node that is not quiet: %v", cost.Commands)
		}
		quiet.Store(true)
		w.page("INBOX", 2)
		fetches := func() int { return w.proxy.Snapshot().Commands["UID FETCH"] }
		before := fetches()
		eventually(t, "page 3 in advance", func() bool { return fetches() > before })
		w.page("INBOX", 1) // waits until it is there
		if cost := w.counted(func() { quiet.Store(false); w.page("INBOX", 3) }); cost.Commands["UID FETCH"] > 0 || cost.Total() != 1 {
			t.Errorf("page 3 costs %v", cost.Commands)
		}
		quiet.Store(true)
		before = fetches()
		w.message(first.Rows[10].ID, false)
		eventually(t, "the neighbours in advance", func() bool { return fetches() >= before+3 })
		for _, id := range []api.MessageID{first.Rows[9].ID, first.Rows[11].ID} {
			if cost := w.counted(func() { w.message(id, false) }); cost.Commands["UID FETCH"] > 1 { // one more in advance
				t.Errorf("a neighbour costs %v", cost.Commands)
			}
		}
	})
}

// TestNewMailIsFetchedBeforeAnybodyAsks has a user who is around, and then is
// not.
func TestNewMailIsFetchedBeforeAnybodyAsks(t *testing.T) {
	each(t, 60, func(t *testing.T, w *world) {
		w.reopen(account.Config{Quiet: func() bool { return true }, Watch: 2 * time.Second, WatchAfter: time.Millisecond})
		w.page("INBOX", 1)
		eventually(t, "the watcher idles", func() bool { return w.proxy.Snapshot().Commands["IDLE"] > 0 })
		if connections := w.proxy.Snapshot().Connections; connections != 2 {
			t.Errorf("%d connections", connections)
		}
		other := w.another()
		before := w.proxy.Snapshot().Commands["UID FETCH"]
		w.must(other, appending("INBOX", []byte("From: a@example.edu\r\nSubject: new\r\n\r\nx\r\n")))
		eventually(t, "the new row is fetched", func() bool { return w.proxy.Snapshot().Commands["UID FETCH"] >= before+2 })
		if cost := w.counted(func() {
			if first := w.page("INBOX", 1).Rows[0]; first.Subject != "new" {
				t.Errorf("the first row is %q", first.Subject)
			}
		}); cost.Commands["UID FETCH"] > 1 { // one for the page after it
			t.Errorf("the new row costs %v", cost.Commands)
		}
		logouts := w.proxy.Snapshot().Commands["LOGOUT"]
		eventually(t, "the watcher goes with the user", func() bool { return w.proxy.Snapshot().Commands["LOGOUT"] > logouts })
	})
}

// TestAnAccountThatRests gives back its connection and most of its memory, and
// continues where it was.
func TestAnAccountThatRests(t *testing.T) {
	each(t, 500, func(t *testing.T, w *world) {
		w.reopen(account.Config{IdleConnection: time.Hour, Watch: -1})
		before := w.page("INBOX", 1)
		if w.account.Rest(false) || !w.account.Connected() {
			t.Error("an account in use rests")
		}
		if !w.account.Rest(true) || w.account.Connected() || w.account.Rest(true) {
			t.Error("an account that was pressed does not rest")
		}
		if after := w.page("INBOX", 1); after.Total != before.Total || after.Rows[0].ID != before.Rows[0].ID {
			t.Errorf("afterwards: %d messages", after.Total)
		}
	})
}

// TestConnectionsAreBounded fills a gate: whoever comes next is told, and gets in
// when there is room.
func TestConnectionsAreBounded(t *testing.T) {
	w := newWorld(t, startMemory(t, nil))
	backend := w.backend()
	backend.Gate = account.NewGate(account.GateConfig{MaxConnections: 2})
	var accounts []*account.Account
	for range 3 {
		accounts = append(accounts, w.open(backend))
	}
	for i, one := range accounts[:2] {
		if err := one.Connect(t.Context()); err != nil {
			t.Fatalf("account %d: %v", i, err)
		}
	}
	if open, most := backend.Gate.Open(); open != 2 || most != 2 {
		t.Errorf("%d of %d connections", open, most)
	}
	if err := accounts[2].Connect(t.Context()); code(err) != api.CodeBusy {
		t.Errorf("one too many: %v", err)
	}
	accounts[0].Rest(true)
	if err := accounts[2].Connect(t.Context()); err != nil {
		t.Errorf("when there is room: %v", err)
	}
	w.proxy.Cut()
	for _, one := range accounts[1:] {
		if _, err := one.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX"}); err != nil {
			t.Error(err)
		}
	}
	for _, one := range accounts {
		one.Close()
	}
	if open, _ := backend.Gate.Open(); open != 0 {
		t.Errorf("%d connections are left", open)
	}
}

// TestTheMailServerLearnsWhoItIs passes on the user's address.
func TestTheMailServerLearnsWhoItIs(t *testing.T) {
	each(t, 1, func(t *testing.T, w *world) {
		w.reopen(account.Config{})
		w.account.From("198.51.100.7")
		if cost := w.counted(func() { w.page("INBOX", 1) }); cost.Commands["ID"] > 1 {
			t.Errorf("told %d times", cost.Commands["ID"])
		} else if strings.HasSuffix(t.Name(), "dovecot") && cost.Commands["ID"] != 1 {
			t.Error("Dovecot is not told")
		}
	})
}
