package account_test

import (
	"fmt"
	"testing"
	"time"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/node/api"
)

// BenchmarkListPage asks for list pages that were seen before, in mailboxes of
// different sizes and in every order: what it costs shall not grow with the
// mailbox.
func BenchmarkListPage(b *testing.B) {
	for _, messages := range []int{1_000, 100_000} {
		w := memoryWorld(b, messages)
		for _, list := range []api.MailboxQuestion{
			{}, {Order: api.OrderDate}, {Order: api.OrderSender}, {Order: api.OrderSubject}, {Order: api.OrderSize}, {Filter: api.FilterUnread},
		} {
			b.Run(fmt.Sprintf("%d/%s%s", messages, list.Order, list.Filter), func(b *testing.B) {
				list.Mailbox = "INBOX"
				pages := []int{1, 5, 1_000_000} // the last stands for the last there is
				for i := range pages {
					list.Page = pages[i]
					if _, err := w.account.Mailbox(b.Context(), &list); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportAllocs()
				b.ResetTimer()
				for i := range b.N {
					list.Page = pages[i%len(pages)]
					if _, err := w.account.Mailbox(b.Context(), &list); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
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
