package account_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// everyServerAndBare adds a server that cannot even remove a message by its name.
func everyServerAndBare(t *testing.T, test func(*testing.T, *world)) {
	everyServer(t, test)
	t.Run("memory, bare", func(t *testing.T) {
		test(t, newWorld(t, startMemory(t, imap.CapSet{imap.CapIMAP4rev1: {}})))
	})
}

// put delivers messages to a mailbox, every second one unread.
func (w *world) put(conn *imapconn.Conn, mailbox string, count int) {
	w.t.Helper()
	for n := 1; n <= count; n++ {
		put := appending(mailbox, fmt.Appendf(nil, "From: a@example.edu\r\nSubject: m%d\r\nMessage-ID: <%s-%d@example.edu>\r\n\r\ntext\r\n", n, strings.ReplaceAll(mailbox, " ", "-"), n))
		if n%2 == 0 {
			put.Flags = []imap.Flag{imap.FlagSeen}
		}
		w.must(conn, put)
	}
}

// holds is what a client that knows nothing finds in a mailbox: subjects and
// flags, without what is marked as deleted; "none" if there is no such mailbox.
func (w *world) holds(conn *imapconn.Conn, mailbox string) string {
	w.t.Helper()
	fetch := &imapconn.Fetch{UIDs: imap.UIDSet{{Start: 1}}, Items: &imap.FetchOptions{Flags: true, Envelope: true}}
	w.must(conn, &imapconn.Select{Name: "INBOX"})
	if conn.Do(w.t.Context(), &imapconn.Select{Name: mailbox}) != nil {
		return "none"
	}
	w.must(conn, fetch)
	var all []string
	for _, m := range fetch.Messages {
		if slices.Contains(m.Flags, imap.FlagDeleted) {
			continue
		}
		text := m.Envelope.Subject
		for _, flag := range []imap.Flag{imap.FlagSeen, imap.FlagFlagged, "$Junk", "$NotJunk"} {
			if slices.ContainsFunc(m.Flags, func(f imap.Flag) bool { return strings.EqualFold(string(f), string(flag)) }) {
				text += string(flag)
			}
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// knows is the same by the pages of the account.
func (w *world) knows(mailbox string) string {
	w.t.Helper()
	var all []string
	for _, row := range w.page(mailbox, 1).Rows {
		if row.Flags.Deleted {
			continue
		}
		text := row.Subject
		if row.Flags.Seen {
			text += "\\Seen"
		}
		if row.Flags.Flagged {
			text += "\\Flagged"
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

var withoutKeywords = strings.NewReplacer("$Junk", "", "$NotJunk", "")

// first names the messages of those subjects that are in a mailbox.
func (w *world) named(mailbox string, subjects ...string) *api.ActQuestion {
	w.t.Helper()
	answer := w.page(mailbox, 1)
	question := &api.ActQuestion{Mailbox: mailbox, UIDValidity: answer.UIDValidity}
	for _, row := range answer.Rows {
		if slices.Contains(subjects, row.Subject) && !row.Flags.Deleted {
			question.UIDs = append(question.UIDs, row.ID.UID)
		}
	}
	return question
}

func (w *world) act(action api.Action, to string, question *api.ActQuestion) *api.ActAnswer {
	w.t.Helper()
	question.Action, question.To = action, to
	answer, err := w.account.Act(w.t.Context(), "", false, question)
	if err != nil {
		w.t.Fatalf("%s: %v", action, err)
	}
	return answer
}

// TestActions does everything on every server, and takes it back.
func TestActions(t *testing.T) {
	everyServerAndBare(t, func(t *testing.T, w *world) {
		other := w.another()
		box := w.mailbox(other, "Box")
		to := w.mailbox(other, "To")
		w.must(other, create(box), create(to))
		w.put(other, box, 4)
		start := `m1 m2\Seen m3 m4\Seen`
		removes := other.Has(imap.CapUIDPlus)
		for _, test := range []struct {
			action      api.Action
			to          string
			left, there string // in Box and where they went
		}{
			{api.ActRead, "", `m1\Seen m2\Seen m3 m4\Seen`, ""},
			{api.ActUnread, "", `m1 m2 m3 m4\Seen`, ""},
			{api.ActFlag, "", `m1\Flagged m2\Seen\Flagged m3 m4\Seen`, ""},
			{api.ActMove, to, `m3 m4\Seen`, `m1 m2\Seen`},
			{api.ActCopy, to, start, `m1 m2\Seen`},
			{api.ActArchive, "", `m3 m4\Seen`, `m1 m2\Seen`},
			{api.ActJunk, "", `m3 m4\Seen`, `m1 m2\Seen`},
			{api.ActNotJunk, "", `m3 m4\Seen`, `m1 m2\Seen`},
			{api.ActDelete, "", `m3 m4\Seen`, `m1 m2\Seen`},
		} {
			answer := w.act(test.action, test.to, w.named(box, "m1", "m2"))
			if answer.Done != 2 || answer.Gone+answer.Left+answer.Unclear != 0 || answer.Problem != "" || answer.Action != test.action || (answer.To.Mailbox != "") != (test.there != "") {
				t.Fatalf("%s: %+v", test.action, answer)
			}
			if (answer.Marked > 0) != (!removes && test.there != "" && test.action != api.ActCopy) {
				t.Errorf("%s leaves %d marked", test.action, answer.Marked)
			}
			check := func(when, mailbox, want string) {
				t.Helper()
				if got := withoutKeywords.Replace(w.holds(other, mailbox)); got != want {
					t.Errorf("%s, %s: the server has %s, want %s", test.action, when, got, want)
				}
				if got := w.knows(mailbox); got != want {
					t.Errorf("%s, %s: the account shows %s, want %s", test.action, when, got, want)
				}
			}
			check("left", box, test.left)
			if test.there != "" {
				check("there", answer.To.Mailbox, test.there)
			}
			if test.action == api.ActCopy && !removes {
				if len(answer.Undo) > 0 {
					t.Error("a copy that nobody can remove is said to be undone")
				}
				w.act(api.ActErase, "", w.named(to, "m1", "m2"))
				continue
			}
			back, err := w.account.Undo(t.Context(), false, answer.Undo)
			if err != nil || back.Done == 0 || back.Gone+back.Left+back.Unclear != 0 || back.Problem != "" || back.Folder.Mailbox != box || back.Action != test.action {
				t.Fatalf("%s, undo: %+v, %v", test.action, back, err)
			}
			check("back", box, start)
			if test.there != "" {
				check("gone again", answer.To.Mailbox, "")
			}
			if again, err := w.account.Undo(t.Context(), false, answer.Undo); err != nil || test.there != "" && again.Done > 0 && removes {
				t.Errorf("%s, undone twice: %+v, %v", test.action, again, err)
			}
			check("back for good", box, start)
		}
	})
}

// TestJunkIsTold lets the server's filter know, and takes that back as well.
func TestJunkIsTold(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		other := w.another()
		box := w.mailbox(other, "Box")
		w.must(other, create(box))
		w.put(other, box, 1)
		chosen := &imapconn.Select{Name: box}
		w.must(other, chosen)
		if !slices.Contains(chosen.Data.PermanentFlags, imap.FlagWildcard) {
			t.Fatal("the server takes no keywords")
		}
		junked := w.act(api.ActJunk, "", w.named(box, "m1"))
		if got := w.holds(other, junked.To.Mailbox); got != "m1$Junk" {
			t.Errorf("in Junk: %s", got)
		}
		cleared := w.act(api.ActNotJunk, "", w.named(junked.To.Mailbox, "m1"))
		if got := w.holds(other, "INBOX"); got != "m1$NotJunk" {
			t.Errorf("in the inbox: %s", got)
		}
		if _, err := w.account.Undo(t.Context(), false, cleared.Undo); err != nil {
			t.Fatal(err)
		}
		if got := w.holds(other, junked.To.Mailbox); got != "m1$Junk" {
			t.Errorf("in Junk again: %s", got)
		}
	})
}

// TestDeleteForEver deletes from Trash, and empties it up to what was seen.
func TestDeleteForEver(t *testing.T) {
	everyServerAndBare(t, func(t *testing.T, w *world) {
		other := w.another()
		w.put(other, "INBOX", 5)
		trash := w.act(api.ActDelete, "", w.named("INBOX", "m1", "m2", "m3", "m4")).To.Mailbox
		erased := w.act(api.ActDelete, "", w.named(trash, "m1"))
		if erased.Action != api.ActErase || erased.Done != 1 || len(erased.Undo) > 0 || erased.To.Mailbox != "" {
			t.Errorf("deleted in Trash: %+v", erased)
		}
		seen := w.page(trash, 1)
		w.must(other, appending(trash, []byte("Subject: later\r\n\r\n")))
		emptied, err := w.account.Empty(t.Context(), "", false, &api.EmptyQuestion{Mailbox: trash, UIDValidity: seen.UIDValidity, UpTo: seen.Rows[0].ID.UID})
		if err != nil || emptied.Done < 3 || emptied.Left > 0 {
			t.Errorf("emptied: %+v, %v", emptied, err)
		}
		if got, shown := w.holds(other, trash), w.knows(trash); got != "later" || shown != got {
			t.Errorf("left in Trash: %s, shown %s", got, shown)
		}
		inbox := w.page("INBOX", 1)
		if _, err := w.account.Empty(t.Context(), "", false, &api.EmptyQuestion{Mailbox: "INBOX", UIDValidity: inbox.UIDValidity, UpTo: 100}); code(err) != api.CodeInvalid {
			t.Errorf("the inbox is emptied: %v", err)
		}
		if got := w.holds(other, "INBOX"); got != "m5" {
			t.Errorf("the inbox has %s", got)
		}
	})
}

// TestActBadInput is what stale pages and forged forms ask.
func TestActBadInput(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		other := w.another()
		box := w.mailbox(other, "Box")
		w.must(other, create(box))
		w.put(other, box, 3)
		question := w.named(box, "m1", "m2", "m3")
		for name, test := range map[string]struct {
			edit func(*api.ActQuestion)
			want api.Code
		}{
			"another UIDVALIDITY": {func(q *api.ActQuestion) { q.UIDValidity++ }, api.CodeConflict},
			"no such mailbox":     {func(q *api.ActQuestion) { q.Mailbox = w.mailbox(other, "Nowhere") }, api.CodeNotFound},
			"no such action":      {func(q *api.ActQuestion) { q.Action = "explode" }, api.CodeInvalid},
			"no messages":         {func(q *api.ActQuestion) { q.UIDs = nil }, api.CodeInvalid},
			"UID 0":               {func(q *api.ActQuestion) { q.UIDs = []uint32{0, 1} }, api.CodeInvalid},
			"too many":            {func(q *api.ActQuestion) { q.UIDs = make([]uint32, api.MaxActed+1) }, api.CodeTooLarge},
			"to where they are":   {func(q *api.ActQuestion) { q.To = box }, api.CodeInvalid},
			"nowhere":             {func(q *api.ActQuestion) { q.To = "" }, api.CodeInvalid},
			"a line break":        {func(q *api.ActQuestion) { q.To = "a\r\nA1 DELETE INBOX" }, api.CodeInvalid},
			"a goal without need": {func(q *api.ActQuestion) { q.Action = api.ActRead }, api.CodeInvalid},
		} {
			q := *question
			q.Action, q.To = api.ActMove, "INBOX"
			test.edit(&q)
			if _, err := w.account.Act(t.Context(), "", false, &q); code(err) != test.want {
				t.Errorf("%s: %v, want %s", name, err, test.want)
			}
		}
		nowhere := w.act(api.ActMove, w.mailbox(other, "Nowhere"), question)
		if nowhere.Problem != api.ProblemNoFolder || nowhere.Left != 3 || nowhere.Done != 0 || len(nowhere.Undo) > 0 {
			t.Errorf("to a folder that is gone: %+v", nowhere)
		}
		if got := w.holds(other, box); got != `m1 m2\Seen m3` {
			t.Errorf("after all that: %s", got)
		}
		// Another client was quicker with one of them, and the form is sent twice.
		uid := imap.UIDSetNum(imap.UID(question.UIDs[0]))
		w.must(other, &imapconn.Select{Name: box}, &imapconn.Store{UIDs: uid, Change: imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}}, &imapconn.Expunge{UIDs: uid})
		stale := w.act(api.ActMove, "INBOX", question)
		if stale.Done != 2 || stale.Gone != 1 || stale.Problem != "" {
			t.Errorf("stale: %+v", stale)
		}
		if again := w.act(api.ActMove, "INBOX", question); again.Done != 0 || again.Gone != 3 {
			t.Errorf("again: %+v", again)
		}
		if got := w.holds(other, "INBOX"); got != `m1 m2\Seen` {
			t.Errorf("the inbox has %s", got)
		}
		for _, handle := range [][]byte{nil, {0}, []byte("handle"), append(slices.Clone(stale.Undo), 1)} {
			if _, err := w.account.Undo(t.Context(), false, handle); code(err) != api.CodeInvalid {
				t.Errorf("undo of %q: %v", handle, err)
			}
		}
	})
}

// TestActTwice asks the same with the same operation: a copy is one copy, and the
// answer still has its undo handle.
func TestActTwice(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		other := w.another()
		box := w.mailbox(other, "Box")
		w.must(other, create(box))
		w.put(other, box, 2)
		for _, action := range []api.Action{api.ActCopy, api.ActMove} {
			question := w.named(box, "m1", "m2")
			question.Action, question.To = action, "INBOX"
			for range 2 {
				answer, err := w.account.Act(t.Context(), "operation "+string(action), false, question)
				if err != nil || answer.Done != 2 || len(answer.Undo) == 0 {
					t.Fatalf("%s: %+v, %v", action, answer, err)
				}
			}
		}
		if got := w.holds(other, "INBOX"); got != `m1 m1 m2\Seen m2\Seen` {
			t.Errorf("the inbox has %s", got)
		}
		// Another node has no memory of it: a copy is not made again.
		w.reopen(account.Config{})
		question := w.named("INBOX", "m1")
		question.Action, question.To = api.ActCopy, box
		answer, err := w.account.Act(t.Context(), "operation", true, question)
		if err != nil || answer.Problem != api.ProblemAway || answer.Unclear != 2 || w.holds(other, box) != "" {
			t.Errorf("a copy by another node: %+v, %v", answer, err)
		}
	})
}

// TestMoveByAnotherNode ends a move that a node began and did not end: copies were
// made, and the originals are still there.
func TestMoveByAnotherNode(t *testing.T) {
	everyServerAndBare(t, func(t *testing.T, w *world) {
		other := w.another()
		box := w.mailbox(other, "Box")
		w.must(other, create(box))
		w.put(other, box, 3)
		question := w.named(box, "m1", "m2", "m3")
		if !other.Has(imap.CapMove) {
			w.must(other, &imapconn.Select{Name: box}, &imapconn.Copy{UIDs: imap.UIDSet{{Start: 1, Stop: 2}}, To: "INBOX"})
		}
		question.Action, question.To = api.ActMove, "INBOX"
		answer, err := w.account.Act(t.Context(), "", true, question)
		if err != nil || answer.Done != 3 || answer.Problem != "" {
			t.Fatalf("%+v, %v", answer, err)
		}
		if here, there := w.holds(other, box), w.holds(other, "INBOX"); here != "" || there != `m1 m2\Seen m3` {
			t.Errorf("%q and %q", here, there)
		}
		if here, there := w.knows(box), w.knows("INBOX"); here != "" || there != `m1 m2\Seen m3` {
			t.Errorf("shown: %q and %q", here, there)
		}
	})
}

// TestActCutOff lets the mail server go away at each command of an action: it is
// done once, or the answer says what is not known.
func TestActCutOff(t *testing.T) {
	for _, caps := range []string{"UIDPLUS MOVE", "UIDPLUS"} {
		t.Run(caps, func(t *testing.T) {
			r := withScript(t, caps, account.Config{})
			r.change(func() { r.boxes["To"] = newBox(9, 1, 0) })
			validity := r.page("INBOX").UIDValidity
			cuts := 1
			r.change(func() {
				r.hook = func(s *speaker, tag, command string) bool {
					if cuts > 0 && (strings.HasPrefix(command, "UID MOVE") || strings.HasPrefix(command, "UID COPY")) {
						cuts--
						s.body(command)
						s.dead = true
						return true
					}
					return false
				}
			})
			answer, err := r.account.Act(t.Context(), "", false, &api.ActQuestion{Action: api.ActMove, Mailbox: "INBOX", UIDValidity: validity, UIDs: []uint32{2, 3}, To: "To"})
			if err != nil || answer.Done != 2 || answer.Problem != "" {
				t.Fatalf("%+v, %v", answer, err)
			}
			r.shows("INBOX", "after the cut")
			r.change(func() {
				if got := fmt.Sprint(r.boxes["INBOX"].uids, len(r.boxes["To"].uids)); got != "[1 4 5 6 7 8 9 10] 2" {
					t.Errorf("in the end: %s", got)
				}
				cuts = 100
			})
			answer, err = r.account.Act(t.Context(), "", false, &api.ActQuestion{Action: api.ActMove, Mailbox: "INBOX", UIDValidity: validity, UIDs: []uint32{4, 5}, To: "To"})
			if err != nil || answer.Done != 0 && answer.Unclear != 0 || answer.Done+answer.Unclear != 2 {
				t.Errorf("a server that always goes away: %+v, %v", answer, err)
			}
		})
	}
}

// TestActRefusedMidway gives each problem its name, tells how many were done, and
// lets those be undone.
func TestActRefusedMidway(t *testing.T) {
	for says, want := range map[string]api.ActProblem{
		"NO [OVERQUOTA] full": api.ProblemFull, "NO Over quota.": api.ProblemFull, "NO [TRYCREATE] gone": api.ProblemNoFolder,
		"NO [NOPERM] no": api.ProblemPermission, "NO Permission denied": api.ProblemPermission, "NO because": api.ProblemRefused, "BAD what": api.ProblemRefused,
	} {
		r := withScript(t, "UIDPLUS MOVE", account.Config{})
		r.change(func() {
			r.boxes["INBOX"], r.boxes["To"] = newBox(7, 1, 1200), newBox(9, 1, 0)
			moves := 0
			r.hook = func(s *speaker, tag, command string) bool {
				if strings.HasPrefix(command, "UID MOVE") {
					if moves++; moves == 2 {
						s.say("%s %s", tag, says)
						return true
					}
				}
				return false
			}
		})
		question := &api.ActQuestion{Action: api.ActMove, Mailbox: "INBOX", UIDValidity: 7, To: "To"}
		for uid := uint32(1); uid <= 1200; uid++ {
			question.UIDs = append(question.UIDs, uid)
		}
		answer, err := r.account.Act(t.Context(), "", false, question)
		if err != nil || answer.Problem != want || answer.Done != 500 || answer.Left != 700 || len(answer.Undo) == 0 {
			t.Fatalf("%s: %+v, %v", says, answer, err)
		}
		if back, err := r.account.Undo(t.Context(), false, answer.Undo); err != nil || back.Done != 500 {
			t.Errorf("%s: undone: %+v, %v", says, back, err)
		}
		r.change(func() {
			if n := len(r.boxes["INBOX"].uids); n != 1200 {
				t.Errorf("%s: there are %d messages", says, n)
			}
		})
	}
}
