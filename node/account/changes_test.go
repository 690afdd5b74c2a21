package account_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"alphamail/node/account"
	"alphamail/node/api"
)

// A message is expunged by somebody else while an index is resumed by CONDSTORE:
// the sequence number is one of the mailbox as it is, not of the index as it was.
func TestExpungeWhileResuming(t *testing.T) {
	r := withScript(t, "CONDSTORE ENABLE", account.Config{})
	r.boxes["Other"] = newBox(9, 1, 2)
	r.shows("INBOX", "at first")
	r.page("Other")
	r.change(func() {
		r.boxes["INBOX"].drop(1)
		r.hook = func(s *speaker, tag, command string) bool {
			if s.name == "INBOX" && strings.HasPrefix(command, "UID SEARCH") {
				s.box.drop(4) // was number 3 of the 9 that SELECT told of
				s.say("* 3 EXPUNGE")
				s.answer(tag, command)
				r.hook = nil
				return true
			}
			return false
		}
	})
	r.shows("INBOX", "after an EXPUNGE during the resumption")
}

// RFC 9051 lets a sequence-set stand in any order.
func TestVanishedInAnyOrder(t *testing.T) {
	r := withScript(t, "QRESYNC CONDSTORE ENABLE", account.Config{})
	r.shows("INBOX", "at first")
	r.change(func() {
		r.hook = func(s *speaker, tag, command string) bool {
			if command == "NOOP" {
				for _, uid := range []uint32{2, 5, 9} {
					s.box.drop(uid)
				}
				s.say("* VANISHED 9,5,2")
				s.answer(tag, command)
				r.hook = nil
				return true
			}
			return false
		}
	})
	r.shows("INBOX", "after VANISHED 9,5,2")
}

// RFC 7162 section 3.2.11: what comes before [CLOSED] is about the mailbox that
// was selected before.
func TestWhatComesBeforeClosed(t *testing.T) {
	r := withScript(t, "QRESYNC CONDSTORE ENABLE", account.Config{})
	r.boxes["Other"] = newBox(9, 1, 10)
	r.shows("INBOX", "at first")
	r.shows("Other", "at first")
	r.change(func() {
		r.hook = func(s *speaker, tag, command string) bool {
			if strings.HasPrefix(command, "SELECT INBOX") {
				r.boxes["Other"].drop(5)
				s.say("* VANISHED 5")
				s.say("* OK [CLOSED] the other one")
				s.answer(tag, command)
				r.hook = nil
				return true
			}
			return false
		}
	})
	r.shows("INBOX", "after VANISHED of the mailbox before")
}

// A message comes and goes unseen, and another one comes, while the first is
// asked for.
func TestCameAndWentWhileSettling(t *testing.T) {
	r := withScript(t, "", account.Config{})
	r.shows("INBOX", "at first")
	r.change(func() {
		r.hook = func(s *speaker, tag, command string) bool {
			switch {
			case command == "NOOP":
				s.box.uids = append(s.box.uids, 11)
				s.say("* 11 EXISTS")
				s.answer(tag, command)
				return true
			case strings.HasPrefix(command, "UID FETCH 11:* (UID FLAGS)"):
				s.box.drop(11)
				s.box.uids = append(s.box.uids, 12)
				s.say("* 11 EXPUNGE")
				s.say("* 11 EXISTS")
				s.say("%s OK done", tag)
				r.hook = nil
				return true
			}
			return false
		}
	})
	r.shows("INBOX", "after one came and went while it was asked for")
}

// What does not fit together is shown all the same, as if it were right.
func TestALostIndexIsShown(t *testing.T) {
	r := withScript(t, "", account.Config{})
	r.shows("INBOX", "at first")
	r.change(func() {
		r.hook = func(s *speaker, tag, command string) bool {
			if command == "NOOP" {
				s.box.drop(5)
				s.say("* 9 EXISTS") // a server that does not tell which one went
				s.answer(tag, command)
				r.hook = nil
				return true
			}
			return false
		}
	})
	r.shows("INBOX", "after EXISTS went down")
}

// With QRESYNC: a message of which nothing readable was sent has a stand-in with
// another UID; it vanishes.
func TestAStandInVanishes(t *testing.T) {
	r := withScript(t, "QRESYNC CONDSTORE ENABLE", account.Config{})
	box := r.boxes["INBOX"]
	box.uids = append(box.uids, 20)
	r.hook = func(s *speaker, tag, command string) bool {
		if strings.HasPrefix(command, "UID FETCH") && len(s.box.uids) == 11 {
			s.box.uids = s.box.uids[:10]
			s.answer(tag, command) // nothing of UID 20
			s.box.uids = append(s.box.uids, 20)
			return true
		}
		return false
	}
	r.page("INBOX")
	r.change(func() {
		r.hook = func(s *speaker, tag, command string) bool {
			if command == "NOOP" {
				s.box.drop(20)
				s.say("* VANISHED 20")
				s.answer(tag, command)
				r.hook = nil
				return true
			}
			return false
		}
	})
	r.page("INBOX")
	r.shows("INBOX", "after what a stand-in stood for vanished")
}

// A mailbox with a message of which nothing readable is sent is sorted by SORT.
func TestSortWithAStandIn(t *testing.T) {
	r := withScript(t, "SORT", account.Config{})
	box := r.boxes["INBOX"]
	box.uids = append(box.uids, 20)
	r.hook = func(s *speaker, tag, command string) bool {
		switch {
		case strings.HasPrefix(command, "UID SORT"):
			s.say("* SORT 20 1 2 3 4 5 6 7 8 9 10")
			s.say("%s OK done", tag)
			return true
		case strings.HasPrefix(command, "UID FETCH"):
			s.box.uids = s.box.uids[:10]
			s.answer(tag, command)
			s.box.uids = append(s.box.uids, 20)
			return true
		}
		return false
	}
	_, err := r.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX", Order: api.OrderSize})
	if err != nil {
		t.Errorf("sorting: %v; %d SORT, %d SELECT", err, r.count("UID SORT"), r.count("SELECT"))
	}
}

func TestSortWithDuplicates(t *testing.T) {
	r := withScript(t, "SORT", account.Config{})
	r.hook = func(s *speaker, tag, command string) bool {
		if strings.HasPrefix(command, "UID SORT") {
			s.say("* SORT 1 1 2 3 4 5 6 7 8 9")
			s.say("%s OK done", tag)
			return true
		}
		return false
	}
	answer, err := r.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX", Order: api.OrderSize})
	if err == nil && len(uidsOf(answer)) == 10 {
		seen := map[uint32]bool{}
		for _, uid := range uidsOf(answer) {
			if seen[uid] {
				t.Errorf("UID %d is shown twice, and one is missing: %v", uid, uidsOf(answer))
			}
			seen[uid] = true
		}
	}
}

// The highest UID there is, and a message behind it of which nothing is sent.
func TestTheHighestUID(t *testing.T) {
	r := withScript(t, "", account.Config{})
	r.boxes["INBOX"].uids = []uint32{1, 4294967295}
	r.hook = func(s *speaker, tag, command string) bool {
		if strings.HasPrefix(command, "SELECT") {
			s.box = r.boxes["INBOX"]
			s.say("* 4 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n%s OK done", tag)
			return true
		}
		return false
	}
	answer, err := r.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "INBOX"})
	if err != nil {
		t.Logf("%v", err)
		return
	}
	for _, row := range answer.Rows {
		if row.ID.UID == 0 {
			t.Errorf("a row has UID 0: %v", uidsOf(answer))
		}
	}
}

// A mailbox that is read-only refuses the STORE: the message stays unread.
func TestARefusedStore(t *testing.T) {
	r := withScript(t, "", account.Config{})
	r.hook = func(s *speaker, tag, command string) bool {
		if strings.HasPrefix(command, "UID STORE") {
			s.say("%s NO [READ-ONLY] no", tag)
			return true
		}
		return false
	}
	page := r.page("INBOX")
	message, err := r.account.Message(t.Context(), &api.MessageQuestion{ID: page.Rows[0].ID, MarkSeen: true})
	if err != nil {
		t.Fatal(err)
	}
	if after := r.page("INBOX"); message.Flags.Seen || after.Rows[0].Flags.Seen || after.Unread != 10 {
		t.Errorf("the server refused, yet it is shown as read: message %v, row %v, %d unread of 10", message.Flags.Seen, after.Rows[0].Flags.Seen, after.Unread)
	}
}

// Somebody who opens a message and goes on before it is shown.
func TestACancelledStore(t *testing.T) {
	r := withScript(t, "", account.Config{})
	page := r.page("INBOX")
	ctx, cancel := context.WithCancel(t.Context())
	r.change(func() {
		r.hook = func(s *speaker, tag, command string) bool {
			if strings.HasPrefix(command, "UID STORE") {
				cancel()
				time.Sleep(50 * time.Millisecond)
				s.answer(tag, command)
				r.hook = nil
				return true
			}
			return false
		}
	})
	_, err := r.account.Message(ctx, &api.MessageQuestion{ID: page.Rows[0].ID, MarkSeen: true})
	if err == nil {
		t.Fatal("not cancelled")
	}
	after := r.page("INBOX")
	r.change(func() {
		if r.boxes["INBOX"].flags[10] == `\Seen` && !after.Rows[0].Flags.Seen {
			t.Errorf("the server has set the flag, and the row is unread: %+v", after.Rows[0].Flags)
		}
	})
}

// A server that has nothing to show of a message, once.
func TestAnEmptyBodyIsKept(t *testing.T) {
	r := withScript(t, "", account.Config{})
	page := r.page("INBOX")
	r.change(func() {
		r.hook = func(s *speaker, tag, command string) bool {
			if strings.HasPrefix(command, "UID FETCH 10 ") {
				s.say(`* 10 FETCH (UID 10 INTERNALDATE "01-Jan-2026 10:00:00 +0000" RFC822.SIZE 100 BODY[]<0> NIL)`)
				s.say("%s OK done", tag)
				r.hook = nil
				return true
			}
			return false
		}
	})
	question := &api.MessageQuestion{ID: page.Rows[0].ID}
	first, err := r.account.Message(t.Context(), question)
	second, err2 := r.account.Message(t.Context(), question)
	if err2 != nil {
		t.Fatal(err2)
	}
	if second.Subject == "" {
		t.Errorf("an empty message is kept for good: first %v %v, second %+v", first != nil, err, second.Text)
	}
}

// What is fetched in advance is fetched from the mailbox that is selected then.
func TestAheadInAnotherMailboxOfTheSameName(t *testing.T) {
	r := withScript(t, "", account.Config{Quiet: func() bool { return true }, FoldersMaxAge: time.Nanosecond})
	old := r.boxes["INBOX"]
	r.boxes["Elsewhere"] = newBox(9, 1, 1)
	r.page("Elsewhere")
	page := r.page("INBOX")
	id := page.Rows[1].ID // UID 9, the neighbour of 10
	if _, err := r.account.Message(t.Context(), &api.MessageQuestion{ID: page.Rows[0].ID}); err != nil {
		t.Fatal(err)
	}
	other := newBox(8, 1, 10)
	other.text = "SECRET OF ANOTHER MAILBOX"
	r.page("Elsewhere")
	r.change(func() { r.boxes["INBOX"] = other })
	if got := r.page("INBOX").UIDValidity; got != 8 {
		t.Fatalf("UIDVALIDITY %d", got)
	}
	time.Sleep(400 * time.Millisecond) // longer than aheadDelay
	r.page("Elsewhere")
	r.change(func() { r.boxes["INBOX"] = old })
	r.page("INBOX")
	message, err := r.account.Message(t.Context(), &api.MessageQuestion{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(fmt.Sprint(message.Text, message.Subject), "SECRET") {
		t.Errorf("message %v is one of another mailbox: %q %v", id, message.Subject, message.Text)
	}
}
