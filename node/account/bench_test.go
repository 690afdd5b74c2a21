package account_test

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/need"
	"alphamail/node/api"
)

// BenchmarkListPage asks for list pages that were seen before, in mailboxes of
// different sizes and in every order, with server SORT (Dovecot) and without
// (memory): what it costs shall not grow with the mailbox.
func BenchmarkListPage(b *testing.B) {
	for _, server := range []struct {
		name  string
		world func(testing.TB, int) *world
	}{{"Dovecot", dovecotWorld}, {"memory", memoryWorld}} {
		for _, messages := range []int{1_000, 100_000} {
			w := server.world(b, messages)
			for _, list := range []api.MailboxQuestion{
				{}, {Order: api.OrderDate}, {Order: api.OrderSender}, {Order: api.OrderSubject}, {Order: api.OrderSize}, {Filter: api.FilterUnread},
			} {
				list.Mailbox = "INBOX"
				name := cmp.Or(string(list.Order)+string(list.Filter), "arrival")
				b.Run(fmt.Sprintf("%s/%d/%s", server.name, messages, name), func(b *testing.B) { w.measurePages(b, list) })
			}
		}
	}
}

func (w *world) measurePages(b *testing.B, list api.MailboxQuestion) {
	pages := []int{1, 5, 1_000_000} // the last stands for the last there is
	ask := func(i int) {
		list.Page = pages[i%len(pages)]
		if _, err := w.account.Mailbox(b.Context(), &list); err != nil {
			b.Fatal(err)
		}
	}
	for i := range pages {
		ask(i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		ask(i)
	}
}

// dovecotWorld is a world whose mail server is a real Dovecot and has so many
// messages.
func dovecotWorld(t testing.TB, messages int) *world {
	need.Dovecot(t)
	server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: oneUser})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	if err := server.Fill(user, mailgen.New(1, time.Now()).Folder("INBOX", messages)); err != nil {
		t.Fatal(err)
	}
	return newWorld(t, server.IMAPAddr())
}

// memoryWorld is a world whose mail server is in memory and has so many messages.
func memoryWorld(t testing.TB, messages int) *world {
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: oneUser})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	if err := server.Fill(mailgen.New(1, time.Now()).Folder("INBOX", messages), user); err != nil {
		t.Fatal(err)
	}
	return newWorld(t, server.IMAPAddr())
}
