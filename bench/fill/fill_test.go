package fill_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"alphamail/bench/fill"
	"alphamail/bench/inventory"
	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/need"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	users    = []testbed.User{{Name: "ana", Password: "secret"}, {Name: "ben", Password: "secret"}, {Name: "eve", Password: "secret"}}
	accounts = []inventory.Account{{User: "ana", Password: "secret"}, {User: "ben", Password: "secret"}, {User: "eve", Password: "secret"}}
	now      = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
)

func servers(t *testing.T, test func(t *testing.T, address string, deliver func(user string, mailbox string, n int))) {
	t.Run("memory", func(t *testing.T) {
		server, err := testbed.StartMemory(testbed.MemoryConfig{Users: users})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		test(t, server.IMAPAddr(), func(user, mailbox string, n int) {
			if err := server.Fill(mailgen.New(9, now).Folder(mailbox, n), user); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("dovecot", func(t *testing.T) {
		need.Dovecot(t)
		server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: users})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Stop()
		test(t, server.IMAPAddr(), func(user, mailbox string, n int) {
			if err := server.Fill(user, mailgen.New(9, now).Folder(mailbox, n)); err != nil {
				t.Fatal(err)
			}
		})
	})
}

func read(t *testing.T, address, mailbox string, who ...inventory.Account) []*inventory.Mailbox {
	t.Helper()
	boxes, err := inventory.Read(t.Context(), inventory.Config{Server: inventory.Server{Address: address}, Accounts: who, Mailbox: mailbox})
	if err != nil {
		t.Fatal(err)
	}
	return boxes
}

func TestFillGoOnAndRemove(t *testing.T) {
	servers(t, func(t *testing.T, address string, _ func(string, string, int)) {
		config := fill.Config{
			Server: inventory.Server{Address: address}, Accounts: accounts,
			Mailbox: "Load", Messages: 60, Seed: 4, Different: 2, Now: now, Parallel: 2,
		}
		ctx, interrupt := context.WithCancel(t.Context())
		config.Rate = 100
		time.AfterFunc(300*time.Millisecond, interrupt)
		if err := fill.Fill(ctx, config); !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted: %v", err)
		}
		var last fill.Progress
		config.Rate, config.Progress = 0, func(p fill.Progress) { last = p }
		if err := fill.Fill(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		if last.Accounts != 3 || last.Messages >= 180 || last.Messages == 0 {
			t.Errorf("after the interruption: %+v", last)
		}
		boxes := read(t, address, "Load", accounts...)
		for i, box := range boxes {
			if len(box.UIDs) != 60 || len(box.Messages) != 60 {
				t.Errorf("account %d has %d messages, %d of ours", i, len(box.UIDs), len(box.Messages))
			}
		}
		same := func(a, b *inventory.Mailbox) bool {
			for i := range a.Messages {
				if a.Messages[i].Subject != b.Messages[i].Subject {
					return false
				}
			}
			return true
		}
		if !same(boxes[0], boxes[2]) || same(boxes[0], boxes[1]) {
			t.Error("of two different mails, the first and third account have the same")
		}
		if err := fill.Fill(t.Context(), config); err != nil || last.Messages != 0 {
			t.Errorf("filling what is full: %v, %+v", err, last)
		}
		if err := fill.Remove(t.Context(), config); err != nil || last.Messages != 180 {
			t.Errorf("removing: %v, %+v", err, last)
		}
		if err := fill.Remove(t.Context(), config); err != nil {
			t.Errorf("removing what is gone: %v", err)
		}
	})
}

func TestMailOfOthersIsNotTouched(t *testing.T) {
	servers(t, func(t *testing.T, address string, deliver func(string, string, int)) {
		config := fill.Config{Server: inventory.Server{Address: address}, Accounts: accounts[:1], Messages: 10, Now: now}
		if err := fill.Fill(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		deliver("ana", "INBOX", 3)
		config.Messages = 20
		if err := fill.Fill(t.Context(), config); !errors.Is(err, fill.ErrForeignMail) {
			t.Errorf("filling beside other mail: %v", err)
		}
		if err := fill.Remove(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		if box := read(t, address, "INBOX", accounts[0])[0]; len(box.UIDs) != 3 || len(box.Messages) != 0 {
			t.Errorf("%d messages are left, %d of ours", len(box.UIDs), len(box.Messages))
		}
	})
}

func TestWrongPasswords(t *testing.T) {
	servers(t, func(t *testing.T, address string, _ func(string, string, int)) {
		err := fill.Fill(t.Context(), fill.Config{
			Server: inventory.Server{Address: address}, Accounts: []inventory.Account{{User: "ana", Password: "x"}}, Messages: 1, Now: now,
		})
		if err == nil {
			t.Error("no error")
		}
	})
}
