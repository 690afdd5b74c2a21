package account_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// costly is a mailbox as large as page 5 takes.
const costly = 250

// within is what a click may cost the mail server at most.
type within struct{ selects, commands, exchanges int }

var (
	anything  = within{1, 1000, 1000} // written down only
	warmPage  = within{0, 1, 1}
	newPage   = within{0, 3, 2}
	newMail   = within{0, 2, 1}
	knownMail = within{}
)

// TestWhatEachClickCosts prints a table of what a walk through a mailbox costs
// each mail server. The list of folders is read with the first page and kept;
// what it costs by itself stands in the last line.
func TestWhatEachClickCosts(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		other := w.another()
		elsewhere := w.fillForCosts(other)
		w.reopen(account.Config{FoldersMaxAge: time.Hour, Watch: -1})
		table := &costs{w: w}
		fmt.Fprintf(&table.table, "%-40s %11s %6s %7s %9s %10s %11s\n", "click", "connections", "LOGIN", "SELECT", "commands", "exchanges", "bytes down")

		table.click("login", anything, func() {
			if err := w.account.Connect(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
		newFolder := within{1, 3, 3}
		var first, second, last *api.MailboxAnswer
		table.click("inbox, with the list of folders", anything, func() {
			first = w.page("INBOX", 1)
			w.settle() // folders may be counted afterwards
		})
		table.click("page 2", newPage, func() { second = w.page("INBOX", 2) })
		table.click("page 5", newPage, func() { last = w.page("INBOX", 5) })
		unread, read := pick(t, first, false), pick(t, second, true)
		table.click("open an unread message", newMail, func() { w.message(unread, true) })
		var opened *api.MessageAnswer
		table.click("open a read message", newMail, func() { opened = w.message(read, true) })
		table.click("open the next one", newMail, func() { w.message(*opened.Older, true) })
		table.click("open it again", knownMail, func() { w.message(*opened.Older, true) })
		table.click("back to the list", warmPage, func() { w.page("INBOX", 2) })
		table.click("another folder", newFolder, func() { w.page(elsewhere, 1) })
		table.click("back to inbox", within{1, 3, 2}, func() { w.page("INBOX", 1) })
		table.click("the same page again", warmPage, func() { w.page("INBOX", 1) })
		bySender := api.MailboxQuestion{Mailbox: "INBOX", Order: api.OrderSender}
		table.click("list by sender, first time", anything, func() { w.list(bySender) })
		table.click("list by sender again", warmPage, func() { w.list(bySender) })
		table.click("filter unread", newPage, func() { w.list(api.MailboxQuestion{Mailbox: "INBOX", Filter: api.FilterUnread}) })

		if len(last.Rows) != 50 || first.Total != costly {
			t.Fatalf("%d rows of %d messages", len(last.Rows), first.Total)
		}
		w.reopen(account.Config{FoldersMaxAge: time.Nanosecond, Watch: -1})
		w.page("INBOX", 1)
		table.click("a warm page that reads the folders again", anything, func() { w.page("INBOX", 1) })
		t.Logf("%d messages, %d folders:\n%s", costly, len(first.Folders), table.table.String())
	})
}

// fillForCosts delivers generated mail to INBOX, and its answers to another
// mailbox, whose name it returns.
func (w *world) fillForCosts(other *imapconn.Conn) (elsewhere string) {
	elsewhere = w.mailbox(other, "Elsewhere")
	w.must(other, create(elsewhere))
	var commands []imapconn.Command
	for m := range mailgen.New(1, time.Now()).Inbox(costly) {
		one := appending("INBOX", m.Raw)
		if m.Mailbox != "INBOX" {
			one.Mailbox = elsewhere
		}
		one.Flags, one.Date = m.Flags, m.Date
		commands = append(commands, one)
	}
	for batch := range slices.Chunk(commands, 20) {
		w.must(other, batch...)
	}
	return elsewhere
}

// pick returns a message of a page that was seen, or not, and is not the first.
func pick(t *testing.T, page *api.MailboxAnswer, seen bool) api.MessageID {
	t.Helper()
	for _, row := range page.Rows[1:] {
		if row.Flags.Seen == seen && row.Size < 100_000 {
			return row.ID
		}
	}
	t.Fatalf("no message of page %d was seen: %v", page.Page, seen)
	return api.MessageID{}
}

// costs are the clicks of a walk.
type costs struct {
	w     *world
	table strings.Builder
}

// click counts what one costs, and complains of what is too much.
func (c *costs) click(name string, most within, work func()) {
	c.w.t.Helper()
	cost := c.w.counted(work)
	fmt.Fprintf(&c.table, "%-40s %11d %6d %7d %9d %10d %11d  %s\n", name,
		cost.Connections, cost.Logins, cost.Selects, cost.Total(), cost.Exchanges, cost.BytesDown, named(cost))
	if cost.Selects > most.selects || cost.Total() > most.commands || cost.Exchanges > most.exchanges {
		c.w.t.Errorf("%s: %d SELECT, %d commands, %d exchanges (%s); at most %d, %d, %d", name,
			cost.Selects, cost.Total(), cost.Exchanges, named(cost), most.selects, most.commands, most.exchanges)
	}
}

// named lists commands, those first that come first in the alphabet.
func named(cost testbed.Counts) string {
	var names []string
	for name, count := range cost.Commands {
		if count > 1 {
			name = fmt.Sprintf("%d %s", count, name)
		}
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return strings.Compare(strings.TrimLeft(a, "0123456789 "), strings.TrimLeft(b, "0123456789 "))
	})
	return strings.Join(names, ", ")
}
