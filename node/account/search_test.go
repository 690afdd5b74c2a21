package account_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/api"
	"alphamail/node/imapconn"
)

// search asks until a search has ended, and returns the answer.
func (w *world) search(question api.SearchQuestion) *api.SearchAnswer {
	w.t.Helper()
	for try := 0; ; try++ {
		answer, err := w.account.Search(w.t.Context(), &question)
		if err != nil {
			w.t.Fatalf("search for %q: %v", question.Search.Query, err)
		}
		if answer.Problem != nil || answer.State.Ended() {
			return answer
		}
		question.Again = false
		time.Sleep(20 * time.Millisecond)
		if try == 500 {
			w.t.Fatalf("search for %q: %s, %d of %d", question.Search.Query, answer.State, answer.Searched, answer.ToSearch)
		}
	}
}

// subjects are those of what a search finds everywhere, sorted.
func (w *world) subjects(query string) string {
	w.t.Helper()
	answer := w.search(api.SearchQuestion{Search: api.Search{Query: query, Where: api.WhereEverywhere}})
	if answer.Problem != nil {
		return "problem: " + string(answer.Problem.Kind)
	}
	if answer.State != api.SearchDone || answer.Found != len(answer.Rows) {
		w.t.Fatalf("search for %q: %s, %d rows of %d", query, answer.State, len(answer.Rows), answer.Found)
	}
	var subjects []string
	for i, row := range answer.Rows {
		subjects = append(subjects, row.Subject)
		if i > 0 && row.Date.After(answer.Rows[i-1].Date) {
			w.t.Errorf("search for %q: row %d is newer than the one above", query, i)
		}
	}
	slices.Sort(subjects)
	return strings.Join(subjects, ", ")
}

// library puts messages to search for into several folders.
func (w *world) library() {
	w.t.Helper()
	other := w.another()
	work, below, trash := w.mailbox(other, "Work"), w.mailbox(other, "Work"+w.level(other)+"Übung"), w.mailbox(other, "Trash")
	for _, name := range []string{work, below, trash} {
		_ = other.Do(w.t.Context(), create(name)) // some exist
	}
	put := func(mailbox string, days int, flags []imap.Flag, raw string) {
		one := appending(mailbox, []byte(strings.ReplaceAll(raw, "\n", "\r\n")))
		one.Flags, one.Date = flags, time.Date(2026, 5, days, 12, 0, 0, 0, time.UTC)
		w.must(other, one)
	}
	put("INBOX", 1, nil, "From: Anna Berg <anna@example.edu>\nTo: x@example.edu\nSubject: Budget\n\nThe figures for the annual report.\n")
	put("INBOX", 2, []imap.Flag{imap.FlagSeen, imap.FlagFlagged}, "From: =?utf-8?q?J=C3=BCrgen_Vo=C3=9F?= <j@example.edu>\nTo: y@example.edu\nCc: anna@example.edu\nSubject: =?iso-8859-1?Q?Pr=FCfung?=\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nDie gr=C3=BCne Mappe liegt bereit.\n")
	put("INBOX", 3, []imap.Flag{imap.FlagSeen}, "From: bob@example.edu\nTo: x@example.edu\nSubject: pictures\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nsee the file\n--b\nContent-Type: image/png; name=a.png\nContent-Disposition: attachment; filename=a.png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n")
	put(work, 4, nil, "From: bob@example.edu\nTo: x@example.edu\nSubject: =?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte("会議の予定"))+"?=\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"+base64.StdEncoding.EncodeToString([]byte("来週の会議は水曜日です。\n"))+"\n")
	put(below, 5, []imap.Flag{imap.FlagAnswered}, "From: anna@example.edu\nTo: x@example.edu\nSubject: exercise\n\nNumber seven, the annual one. "+strings.Repeat("long ", 2000)+"\n")
	put(trash, 6, nil, "From: anna@example.edu\nTo: x@example.edu\nSubject: thrown away\n\nAn annual offer.\n")
}

// level is what stands between the levels of mailbox names.
func (w *world) level(conn *imapconn.Conn) string {
	list := &imapconn.List{Pattern: "INBOX"}
	w.must(conn, list)
	return string(list.Data[0].Delim)
}

func TestSearchLanguage(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		w.library()
		for _, one := range []struct{ query, want string }{
			{"annual", "Budget, exercise, thrown away"},
			{"ANNUAL report", "Budget"},
			{`"annual report"`, "Budget"},
			{`"report annual"`, ""},
			{"annual -report -in:trash", "exercise"},
			{"from:anna", "Budget, exercise, thrown away"},
			{"to:anna", "Prüfung"},
			{"cc:anna -from:bob", "Prüfung"},
			{"subject:pictures", "pictures"},
			{"subject:annual", ""},
			{"body:budget", ""},
			{"body:figures", "Budget"},
			{"subject:prüfung", "Prüfung"},
			{"from:jürgen", "Prüfung"},
			{"body:grüne", "Prüfung"},
			{"会議", "会議の予定"},
			{"body:水曜日", "会議の予定"},
			{"has:attachment", "pictures"},
			{"-has:attachment in:inbox", "Budget, Prüfung"},
			{"is:flagged", "Prüfung"},
			{"is:unread in:inbox", "Budget"},
			{"is:answered", "exercise"},
			{"before:2026-05-02", "Budget"},
			{"after:2026-05-06", "thrown away"},
			{"after:2026-05-02 before:2026-05-04", "Prüfung, pictures"},
			{"larger:9k", "exercise"},
			{"smaller:9k annual", "Budget, thrown away"},
			{"in:work", "会議の予定"},
			{"in:übung", "exercise"},
			{"in:work in:Work/Übung", "exercise, 会議の予定"},
			{"nothing-has-this", ""},
			{"in:nowhere x", "problem: no_folder"},
			{"colour:red", "problem: unknown_field"},
			{"", "problem: empty"},
		} {
			if got := w.subjects(one.query); got != one.want {
				t.Errorf("%q found %s; want %s", one.query, got, one.want)
			}
		}
	})
}

func TestSearchedFolders(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		w.library()
		work := w.mailbox(w.another(), "Work")
		for where, want := range map[api.Where]string{
			api.WhereHere: "Work", api.WhereBelow: "Work, Übung", api.WhereEverywhere: "Work, INBOX, Übung, Trash",
		} {
			answer := w.search(api.SearchQuestion{Search: api.Search{Query: "-nothing", Mailbox: work, Where: where}})
			var in []string
			for _, row := range answer.Rows {
				i := slices.IndexFunc(answer.Folders, func(f api.Folder) bool { return f.Mailbox == row.ID.Mailbox })
				if name := answer.Folders[i].Path[len(answer.Folders[i].Path)-1]; !slices.Contains(in, name) {
					in = append(in, name)
				}
			}
			slices.Sort(in)
			wanted := strings.Split(want, ", ")
			slices.Sort(wanted)
			if !slices.Equal(in, wanted) || answer.ToSearch != answer.Searched || answer.ToSearch != answer.Found {
				t.Errorf("%s: found in %v, want %v; %d of %d searched, %d found", where, in, wanted, answer.Searched, answer.ToSearch, answer.Found)
			}
		}
	})
}

// TestFoundMessages opens what was found, and does something to it.
func TestFoundMessages(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		other := w.another()
		w.stuff(other, "INBOX", 1, 60)
		asked := api.Search{Query: "is:unread", Mailbox: "INBOX", Where: api.WhereHere}
		page := func(number int) *api.SearchAnswer {
			return w.search(api.SearchQuestion{Search: asked, Page: number, PageSize: 10})
		}
		first, last := page(1), page(9)
		if first.Found != 30 || first.Pages != 3 || len(first.Rows) != 10 || last.Page != 3 || first.Rows[0].Subject != "m059" || last.Rows[9].Subject != "m001" {
			t.Fatalf("%d found on %d pages: %+v", first.Found, first.Pages, first.Rows)
		}
		// The neighbours are those of the search.
		message, err := w.account.Message(t.Context(), &api.MessageQuestion{ID: first.Rows[1].ID, List: api.ListView{Search: &asked}, MarkSeen: true})
		if err != nil || message.Newer == nil || *message.Newer != first.Rows[0].ID || message.Older == nil || *message.Older != first.Rows[2].ID || message.Page != 1 {
			t.Fatalf("%+v, %v", message, err)
		}
		if again := page(1); !again.Rows[1].Flags.Seen || again.Found != 30 {
			t.Error("that it is read now is not shown")
		}
		// What was moved away is not shown any more, and the pages move up.
		w.act(api.ActDelete, "", &api.ActQuestion{Mailbox: "INBOX", UIDValidity: first.Rows[0].ID.UIDValidity, UIDs: []uint32{first.Rows[0].ID.UID, first.Rows[3].ID.UID}})
		if again := page(1); again.Found != 28 || again.Rows[0].ID != first.Rows[1].ID || len(again.Rows) != 10 {
			t.Errorf("%d found after two were deleted", again.Found)
		}
		// Asked again, it is made again.
		if again := w.search(api.SearchQuestion{Search: asked, PageSize: 10, Again: true}); again.Found != 27 || again.Rows[0].Flags.Seen {
			t.Errorf("%d found again", again.Found)
		}
	})
}

// TestSearchCosts holds that a page of what was found costs nothing once it is
// known, and that the search itself does not touch the connection of the pages.
func TestSearchCosts(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		w.stuff(w.another(), "INBOX", 1, 60)
		w.page("INBOX", 1)
		w.settle()
		question := api.SearchQuestion{Search: api.Search{Query: "text subject:m0", Mailbox: "INBOX", Where: api.WhereHere}}
		counts := w.counted(func() { w.search(question) })
		t.Logf("search: %d commands in %d exchanges: %v", counts.Total(), counts.Exchanges, counts.Commands)
		if counts.Commands["SELECT"] != 0 || counts.Commands["EXAMINE"] != 1 || counts.Commands["UID SEARCH"] != 1 || counts.Total() > 8 {
			t.Errorf("search: %v", counts.Commands)
		}
		question.Page = 2
		counts = w.counted(func() {
			if answer := w.search(question); answer.Found != 60 || len(answer.Rows) != 10 {
				t.Errorf("%d found, %d on page 2", answer.Found, len(answer.Rows))
			}
		})
		if counts.Total() != 0 {
			t.Errorf("page 2: %v", counts.Commands)
		}
	})
}

// TestSearchGoesOn cuts the connection of a search before and after each command.
func TestSearchGoesOn(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		w.stuff(w.another(), "INBOX", 1, 300)
		evil := startSaboteur(t, w.server)
		backend := w.backend()
		backend.Options.Address = evil.Addr().String()
		w.account = w.open(backend)
		w.page("INBOX", 1)
		for _, after := range []bool{false, true} {
			for at := 1; ; at++ {
				w.page("INBOX", 1)
				evil.mu.Lock()
				evil.at, evil.after, evil.cut = evil.count+at, after, false
				evil.mu.Unlock()
				query := fmt.Sprintf("subject:m -x%d%v", at, after)
				answer := w.search(api.SearchQuestion{Search: api.Search{Query: query, Mailbox: "INBOX", Where: api.WhereHere}})
				if answer.State != api.SearchDone || answer.Found != 300 || answer.Searched != 300 || answer.ToSearch != 300 {
					t.Errorf("cut at %d: %s, %d found, %d of %d searched", at, answer.State, answer.Found, answer.Searched, answer.ToSearch)
				}
				evil.mu.Lock()
				cut, name := evil.cut, evil.name
				evil.at = 0
				evil.mu.Unlock()
				if !cut || name == "LOGOUT" {
					if at < 5 {
						t.Errorf("only %d commands were cut", at)
					}
					break
				}
			}
		}
	})
}

// TestSearchedTwiceAtOnce asks the same from several tabs at once: it is one search.
func TestSearchedTwiceAtOnce(t *testing.T) {
	w := newWorld(t, startMemory(t, nil))
	w.stuff(w.another(), "INBOX", 1, 100)
	w.page("INBOX", 1)
	counts := w.counted(func() {
		var tabs sync.WaitGroup
		for range 8 {
			tabs.Go(func() {
				answer, err := w.account.Search(t.Context(), &api.SearchQuestion{Search: api.Search{Query: "text", Mailbox: "INBOX", Where: api.WhereHere}})
				if err != nil || answer.State == api.SearchStopped || answer.Found != 100 {
					t.Errorf("%+v, %v", answer, err)
				}
			})
		}
		tabs.Wait()
	})
	if counts.Commands["UID SEARCH"] != 1 {
		t.Errorf("searched %d times", counts.Commands["UID SEARCH"])
	}
}
