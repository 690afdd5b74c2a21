package account_test

import (
	"testing"

	"alphamail/node/account"
	"alphamail/node/api"
)

// rowsOf are the messages of all pages of a list.
func (w *world) rowsOf(list api.ListView) (all []api.MessageID) {
	w.t.Helper()
	for number, pages := 1, 1; number <= pages; number++ {
		answer, err := w.account.Mailbox(w.t.Context(), &api.MailboxQuestion{Mailbox: "INBOX", Page: number, Order: list.Order, Reverse: list.Reverse, Filter: list.Filter})
		if err != nil {
			w.t.Fatal(err)
		}
		pages = answer.Pages
		for _, row := range answer.Rows {
			all = append(all, row.ID)
		}
	}
	return all
}

func (w *world) openIn(list api.ListView, id api.MessageID, seen bool) *api.MessageAnswer {
	w.t.Helper()
	answer, err := w.account.Message(w.t.Context(), &api.MessageQuestion{ID: id, List: list, MarkSeen: seen})
	if err != nil {
		w.t.Fatalf("message %v in %+v: %v", id, list, err)
	}
	return answer
}

func isAt(got *api.MessageID, rows []api.MessageID, i int) bool {
	if i < 0 || i >= len(rows) {
		return got == nil
	}
	return got != nil && *got == rows[i]
}

// TestNeighboursAreThoseOfTheList opens messages from lists in every order.
func TestNeighboursAreThoseOfTheList(t *testing.T) {
	each(t, 120, func(t *testing.T, w *world) {
		for _, list := range []api.ListView{
			{}, {Reverse: true}, {Order: api.OrderSender}, {Order: api.OrderSubject, Reverse: true}, {Order: api.OrderDate},
			{Filter: api.FilterUnread}, {Filter: api.FilterUnread, Reverse: true}, {Order: api.OrderSize, Filter: api.FilterUnread}, {Order: api.OrderSender, Filter: api.FilterFlagged},
		} {
			rows := w.rowsOf(list)
			for i, id := range rows {
				answer := w.openIn(list, id, false)
				if !isAt(answer.Newer, rows, i-1) || !isAt(answer.Older, rows, i+1) || answer.Page != i/50+1 {
					t.Fatalf("%+v, row %d: above %v, below %v, page %d", list, i, answer.Newer, answer.Older, answer.Page)
				}
			}
		}
	})
}

// TestNeighboursOfWhatTheFilterLeavesOut opens an unread message, which makes it
// read, so that the list has it no longer.
func TestNeighboursOfWhatTheFilterLeavesOut(t *testing.T) {
	each(t, 40, func(t *testing.T, w *world) {
		for _, list := range []api.ListView{{Filter: api.FilterUnread}, {Filter: api.FilterUnread, Order: api.OrderSubject}} {
			rows := w.rowsOf(list)
			if len(rows) < 3 {
				t.Fatalf("only %d are unread", len(rows))
			}
			for range 2 { // read by now
				answer := w.openIn(list, rows[1], true)
				if !answer.Flags.Seen && len(w.rowsOf(list)) == len(rows) {
					t.Error("it stays unread")
				}
				if !isAt(answer.Newer, rows, 0) || !isAt(answer.Older, rows, 2) || answer.Page != 1 {
					t.Errorf("%+v: above %v, below %v, page %d", list, answer.Newer, answer.Older, answer.Page)
				}
			}
		}
	})
}

// TestMessageWithoutItsList opens one from a list that nobody has asked for, of a
// kind that there is not, and while the mail server is away.
func TestMessageWithoutItsList(t *testing.T) {
	each(t, 5, func(t *testing.T, w *world) {
		rows := w.rowsOf(api.ListView{})
		list := api.ListView{Order: api.OrderSubject}
		w.reopen(account.Config{})
		if answer := w.openIn(list, rows[0], false); answer.Newer == nil && answer.Older == nil {
			t.Error("the order of a list that was never shown is not known")
		}
		if _, err := w.account.Message(t.Context(), &api.MessageQuestion{ID: rows[0], List: api.ListView{Order: "colour"}}); code(err) != api.CodeInvalid {
			t.Errorf("a list by colour: %v", err)
		}
	})
}
