package account_test

import (
	"testing"
	"time"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/need"
	"alphamail/node/account"
	"alphamail/node/api"
)

// TestAMailServerStartsAnew opens messages while Dovecot is restarted: whoever needs
// it waits for it. When it stays away, nobody waits for long.
func TestAMailServerStartsAnew(t *testing.T) {
	need.Dovecot(t)
	dovecot, err := testbed.StartDovecot(testbed.DovecotConfig{Users: []testbed.User{{Name: user, Password: password}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dovecot.Stop() })
	if err := dovecot.Fill(user, mailgen.New(1, time.Now()).Inbox(40)); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, dovecot.IMAPAddr())
	backend := w.backend()
	backend.Gate = account.NewGate(account.GateConfig{Failures: 2})
	a := newAccountAt(w, backend, account.Config{Watch: -1})
	list, err := a.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX", Page: 1})
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	open := func() error { // a message that nobody has opened yet
		next++
		_, err := a.Message(t.Context(), &api.MessageQuestion{ID: list.Rows[next].ID})
		return err
	}
	if err := open(); err != nil {
		t.Fatal(err)
	}
	if err := dovecot.Kill(); err != nil {
		t.Fatal(err)
	}
	back := make(chan error, 1)
	go func() { // ends when Dovecot is up
		time.Sleep(time.Second)
		back <- dovecot.Up()
	}()
	if err := open(); err != nil {
		t.Errorf("while it is starting: %v", err)
	}
	if err := <-back; err != nil {
		t.Fatal(err)
	}
	if err := dovecot.Kill(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for range 20 {
		if code(open()) != api.CodeBackendDown {
			t.Error("it is away, and a message that nobody knows is shown")
		}
	}
	if elapsed := time.Since(began); elapsed > 15*time.Second {
		t.Errorf("20 clicks at a server that stays away took %v: each waited", elapsed)
	}
}
