package inventory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"alphamail/bench/inventory"
	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhatMailboxesHold(t *testing.T) {
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: []testbed.User{{Name: "ana", Password: "secret"}, {Name: "ben", Password: "secret"}, {Name: "eve", Password: "secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	body := func(subject, text string) []byte {
		return fmt.Appendf(nil, "%s: test\r\nSubject: %s\r\n\r\n%s\r\n", inventory.MarkHeader, subject, text)
	}
	messages := []mailgen.Message{
		{Mailbox: "INBOX", Raw: body("Not ours", "nothing")[len(inventory.MarkHeader)+len(": test\r\n"):]},
		{Mailbox: "INBOX", Raw: body("=?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln!?=", "Wir kommen am Donnerstag zur\r\nKirche.")},
		{Mailbox: "INBOX", Raw: body("Re: Hi", "> quotedquoted quoted\r\nno")},
	}
	for i := range 20 {
		messages = append(messages, mailgen.Message{Mailbox: "INBOX", Raw: body(fmt.Sprintf("Budget meeting number %d <b>", i), "The programme of the conference is attached.")})
	}
	for _, user := range []string{"ana", "ben"} {
		if err := server.Fill(slices.Values(messages), user); err != nil {
			t.Fatal(err)
		}
	}
	if err := server.Fill(mailgen.New(1, time.Now()).Inbox(30), "eve"); err != nil {
		t.Fatal(err)
	}

	found, err := inventory.Read(t.Context(), inventory.Config{
		Server:   inventory.Server{Address: server.IMAPAddr()},
		Accounts: []inventory.Account{{"ana", "secret"}, {"ben", "secret"}, {"ana", "wrong"}, {"eve", "secret"}},
		Newest:   10, Others: 50, Parallel: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	ana, ben := found[0], found[1]
	if len(ana.UIDs) != 23 || len(ana.Messages) != 22 || ana.UIDValidity == 0 {
		t.Fatalf("%d messages, %d of ours, UIDVALIDITY %d", len(ana.UIDs), len(ana.Messages), ana.UIDValidity)
	}
	if &ana.Messages[0] != &ben.Messages[0] {
		t.Error("the same mail is kept twice")
	}
	if found[2] != nil {
		t.Error("a refused login has a mailbox")
	}
	if eve := found[3]; len(eve.UIDs) != 30 || len(eve.Messages) != 0 {
		t.Errorf("mail that is not ours may be opened: %d", len(eve.Messages))
	}
	if got, want := *ana.Messages[0], (inventory.Message{UID: ana.UIDs[22], Subject: "Budget meeting number 19", Word: "conference", Phrase: "Budget meeting number"}); got != want {
		t.Errorf("%+v, not %+v", got, want)
	}
	if got := *ana.Messages[21]; got.Subject != "Grüße aus Köln" || got.Word != "Donnerstag" || got.Phrase != "" {
		t.Errorf("%+v", got)
	}
	if got := *ana.Messages[20]; got.Subject != "" || got.Word != "" {
		t.Errorf("%+v", got)
	}
}

func TestServersThatAreAway(t *testing.T) {
	_, err := inventory.Read(t.Context(), inventory.Config{Server: inventory.Server{Address: "127.0.0.1:1"}, Accounts: []inventory.Account{{"ana", "x"}}})
	if err == nil || !strings.Contains(err.Error(), "ana") {
		t.Error(err)
	}
}
