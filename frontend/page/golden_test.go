package page

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"alphamail/node/api"
)

var update = flag.Bool("update", false, "write the golden files anew")

// samplePages are all pages, in the ways that differ.
func samplePages() map[string]func(io.Writer) error {
	en, de, ar := contextIn("en"), contextIn("de"), contextIn("ar")
	nobody, niemand, anon := en, de, ar
	nobody.Account, niemand.Account, anon.Account = "", "", ""
	message := func(c Context, p Message) func(io.Writer) error {
		return func(w io.Writer) error { return WriteMessage(w, c, p) }
	}
	mailbox := func(c Context, p Mailbox) func(io.Writer) error {
		return func(w io.Writer) error { return WriteMailbox(w, c, p) }
	}
	compose := func(c Context, p Compose) func(io.Writer) error {
		return func(w io.Writer) error { return WriteCompose(w, c, p) }
	}
	login := func(c Context, p Login) func(io.Writer) error {
		return func(w io.Writer) error { return WriteLogin(w, c, p) }
	}
	search := func(c Context, p Search) func(io.Writer) error {
		c.Search = p.Answer.Search
		return func(w io.Writer) error { return WriteSearch(w, c, p) }
	}
	several := []string{"example.edu", "example.net"}
	return map[string]func(io.Writer) error{
		"login.html":             login(nobody, Login{Domains: []string{"example.edu"}, Next: "/mail/Sent?page=2"}),
		"login-failed.html":      login(nobody, Login{Domains: several, Domain: "example.net", User: "maria", Problem: LoginFailed}),
		"login-out-de.html":      login(niemand, Login{Domains: several, Problem: LoginLoggedOut}),
		"login-ar.html":          login(anon, Login{Domains: several, Problem: LoginExpired}),
		"compose.html":           compose(en, Compose{Draft: sampleDraft(), Saved: true}),
		"compose-new-ar.html":    compose(ar, Compose{Draft: newSampleDraft()}),
		"compose-wrong-de.html":  compose(de, unsentDraft()),
		"compose-unclear.html":   compose(en, unclearDraft()),
		"compose-unsaved.html":   compose(en, unsavedDraft()),
		"compose-found.html":     compose(en, foundDraft()),
		"compose-found-ar.html":  compose(ar, foundDraft()),
		"compose-found-one.html": compose(de, oneFound()),
		"compose-none-de.html":   compose(de, noneFound()),
		"mailbox-sent-done.html": mailbox(en, Mailbox{Answer: emptyMailbox(), Done: DoneSent, Refused: []string{"eve@example.com"}}),
		"mailbox-drafts-de.html": mailbox(de, Mailbox{Answer: draftList()}),
		"mailbox.html":           mailbox(en, Mailbox{Answer: sampleMailbox()}),
		"mailbox-de.html":        mailbox(de, Mailbox{Answer: sampleMailbox()}),
		"mailbox-ar.html":        mailbox(ar, Mailbox{Answer: sampleMailbox()}),
		"mailbox-sent.html":      mailbox(en, Mailbox{Answer: middleOf()}),
		"mailbox-empty.html":     mailbox(en, Mailbox{Answer: emptyMailbox()}),
		"mailbox-sorted.html":    mailbox(en, Mailbox{Answer: sortedMailbox(api.OrderSender, true, api.FilterUnread)}),
		"mailbox-size-ar.html":   mailbox(ar, Mailbox{Answer: sortedMailbox(api.OrderSize, false, api.FilterNone)}),
		"mailbox-oldest-de.html": mailbox(de, Mailbox{Answer: sortedMailbox(api.OrderDate, true, api.FilterFlagged)}),
		"mailbox-none.html":      mailbox(en, Mailbox{Answer: filteredAway()}),
		"mailbox-away.html":      mailbox(en, Mailbox{Answer: outOfDate(48 * time.Minute)}),
		"mailbox-away-ar.html":   mailbox(ar, Mailbox{Answer: outOfDate(30 * time.Hour)}),
		"mailbox-done.html": mailbox(en, Mailbox{Answer: sampleMailbox(), Notice: &Notice{
			Action: api.ActMove, Done: 3, Gone: 1, Left: 1200, Problem: api.ProblemFull, Path: []string{"Courses", "<b>Linguistics 201"}, Undo: [][]byte{[]byte("handle"), []byte("another")}, Address: "/mail/INBOX",
		}}),
		"mailbox-undone-ar.html": mailbox(ar, Mailbox{Answer: sampleMailbox(), AllSelected: true, Notice: &Notice{
			Action: api.ActDelete, Undone: true, Done: 2, Path: []string{"INBOX"}, Role: api.RoleInbox, Address: "/mail/INBOX",
		}}),
		"mailbox-nothing-de.html":      mailbox(de, Mailbox{Answer: inTrash(), Notice: &Notice{Missing: MissingMessages, Address: "/mail/Trash"}}),
		"mailbox-junk.html":            mailbox(en, Mailbox{Answer: inJunk(), Notice: &Notice{Action: api.ActErase, Unclear: 2, Marked: 1, Problem: api.ProblemAway}}),
		"mailbox-page-selected.html":   mailbox(en, Mailbox{Answer: working(api.FilterUnread), AllSelected: true}),
		"mailbox-all-selected.html":    mailbox(en, Mailbox{Answer: working(api.FilterNone), WholeSelected: true, Notice: &Notice{Missing: MissingGoal}}),
		"mailbox-all-selected-ar.html": mailbox(ar, Mailbox{Answer: working(api.FilterFlagged), WholeSelected: true}),
		"jobs.html":                    func(w io.Writer) error { return WriteJobs(w, en, Jobs{sampleJobs()}) },
		"jobs-ar.html":                 func(w io.Writer) error { return WriteJobs(w, ar, Jobs{sampleJobs()}) },
		"jobs-none-de.html":            func(w io.Writer) error { return WriteJobs(w, de, Jobs{}) },
		"job-running.html":             func(w io.Writer) error { return WriteJob(w, en, Job{Job: sampleJob("running"), Refresh: 3}) },
		"job-still-de.html": func(w io.Writer) error {
			return WriteJob(w, de, Job{Job: sampleJob("waiting"), Refresh: 3, Still: true})
		},
		"job-away-ar.html":       func(w io.Writer) error { return WriteJob(w, ar, Job{Job: sampleJob("away"), Refresh: 3}) },
		"job-done.html":          func(w io.Writer) error { return WriteJob(w, en, Job{Job: sampleJob("done")}) },
		"job-stopped-de.html":    func(w io.Writer) error { return WriteJob(w, de, Job{Job: sampleJob("part")}) },
		"job-failed.html":        func(w io.Writer) error { return WriteJob(w, en, Job{Job: sampleJob("failed")}) },
		"job-gone.html":          func(w io.Writer) error { return WriteJob(w, en, Job{Job: sampleJob("gone")}) },
		"job-undo-ar.html":       func(w io.Writer) error { return WriteJob(w, ar, Job{Job: sampleJob("undo")}) },
		"search.html":            search(en, Search{Answer: sampleFound(api.SearchRunning), Refresh: 2}),
		"search-de.html":         search(de, Search{Answer: sampleFound(api.SearchDone), AllSelected: true, Unnamed: true}),
		"search-ar.html":         search(ar, Search{Answer: sampleFound(api.SearchFull), Still: true}),
		"search-waiting.html":    search(en, Search{Answer: nothingFound(api.SearchWaiting), Still: true}),
		"search-nothing.html":    search(en, Search{Answer: nothingFound(api.SearchDone)}),
		"search-stopped-de.html": search(de, Search{Answer: nothingFound(api.SearchStopped)}),
		"search-none.html":       search(en, Search{Answer: problemFound(api.SearchEmpty, "", "")}),
		"search-meant-de.html":   search(de, Search{Answer: problemFound(api.SearchUnknownField, "form:<b>", "from")}),
		"search-wrong-ar.html":   search(ar, Search{Answer: problemFound(api.SearchBadDate, "before:\u202esoon", "")}),
		"message-found.html":     message(en, Message{Answer: sampleMessage(), List: api.ListView{Search: &sampleFound("").Search}}),
		"purge.html":             func(w io.Writer) error { return WritePurge(w, en, Mailbox{Answer: inTrash()}) },
		"purge-nothing-de.html":  func(w io.Writer) error { return WritePurge(w, de, Mailbox{Answer: emptyTrash()}) },
		"folder.html": func(w io.Writer) error {
			return WriteFolder(w, en, Folder{Folder: &sampleFolders()[3], Total: 44, Name: "Courses/Linguistics 201"})
		},
		"folder-refused-ar.html": func(w io.Writer) error {
			return WriteFolder(w, ar, Folder{Folder: &sampleFolders()[2], Name: "a*b", NameProblem: api.FolderBadName, DeleteProblem: api.FolderChildren})
		},
		"folders-made-de.html": func(w io.Writer) error {
			return WriteFolders(w, de, Folders{Answer: sampleMailbox(), Notice: &Notice{Change: api.FolderDelete, Path: []string{"Alt", "<i>"}, Moved: 5}})
		},
		"folders-refused.html": func(w io.Writer) error {
			return WriteFolders(w, en, Folders{Answer: sampleMailbox(), Name: `"><b>`, Problem: api.FolderExists})
		},
		"message-next.html":            message(en, Message{Answer: flagged(), ThenNext: true, Notice: &Notice{Action: api.ActArchive, Done: 1, Path: []string{"Archive"}, Role: api.RoleArchive, Undo: [][]byte{{1}}, Address: "/mail/INBOX/1-2"}}),
		"message-in-list.html":         message(en, Message{Answer: sampleMessage(), List: api.ListView{Order: api.OrderSubject, Reverse: true, Filter: api.FilterFlagged}}),
		"message-images-de.html":       message(de, Message{Answer: withImages(api.ImagesOffered)}),
		"message-images-ar.html":       message(ar, Message{Answer: withImages(api.ImagesOfSender), AllowRemote: true}),
		"message-unproven-images.html": message(en, Message{Answer: withImages(api.ImagesUnproven)}),
		"message-list.html":            message(en, Message{Answer: fromList(), Notice: &Notice{Told: ToldElsewhere, Who: "list.example", Address: "/x"}}),
		"unsubscribe.html":             func(w io.Writer) error { return WriteUnsubscribe(w, en, Unsubscribe{Answer: fromList()}) },
		"unsubscribe-ar.html": func(w io.Writer) error {
			m := fromList()
			m.Unsubscribe = &api.Unsubscribe{Link: "http://list.example/\u202eu", Mailto: "mailto:leave@list.example"}
			return WriteUnsubscribe(w, ar, Unsubscribe{Answer: m, List: api.ListView{Filter: api.FilterUnread}})
		},
		"message-away.html":    message(en, Message{Answer: messageOutOfDate(30 * time.Hour), AsText: true, Details: true}),
		"folders-away-de.html": func(w io.Writer) error { return WriteFolders(w, de, Folders{Answer: outOfDate(time.Minute)}) },
		"error-folders.html":   func(w io.Writer) error { return WriteError(w, en, errorBesideFolders()) },
		"error-busy-ar.html": func(w io.Writer) error {
			return WriteError(w, ar, Error{Status: 503, Code: api.CodeBusy, RequestID: "01JD8Q7M3N", Retry: "/mail/INBOX", RetryAfter: 2500 * time.Millisecond})
		},
		"folders.html":             func(w io.Writer) error { return WriteFolders(w, en, Folders{Answer: sampleMailbox()}) },
		"folders-ar.html":          func(w io.Writer) error { return WriteFolders(w, ar, Folders{Answer: sampleMailbox()}) },
		"message-text.html":        message(en, Message{Answer: sampleMessage()}),
		"message-html.html":        message(en, Message{Answer: sampleHTML()}),
		"message-remote.html":      message(de, Message{Answer: sampleHTML(), AllowRemote: true, Details: true}),
		"message-astext.html":      message(en, Message{Answer: sampleHTML(), AsText: true, Details: true}),
		"message-ar.html":          message(ar, Message{Answer: sampleMessage()}),
		"message-dark.html":        message(en, Message{Answer: sampleUncoloured()}),
		"message-invitation.html":  message(en, Message{Answer: sampleInvitation()}),
		"message-events.html":      message(en, Message{Answer: sampleEvents()}),
		"message-events-de.html":   message(de, Message{Answer: sampleEvents()}),
		"message-events-ar.html":   message(ar, Message{Answer: sampleEvents()}),
		"message-report.html":      message(en, Message{Answer: sampleReport()}),
		"message-report-de.html":   message(de, Message{Answer: sampleReport()}),
		"message-receipt-ar.html":  message(ar, Message{Answer: sampleReceipt()}),
		"message-doubts.html":      message(en, Message{Answer: sampleDoubts()}),
		"message-doubts-ar.html":   message(ar, Message{Answer: sampleDoubts()}),
		"message-checked.html":     message(en, Message{Answer: sampleChecked()}),
		"message-checked-ar.html":  message(ar, Message{Answer: sampleChecked(), Details: true}),
		"message-unproven.html":    message(en, Message{Answer: sampleUnproven()}),
		"message-unproven-de.html": message(de, Message{Answer: sampleUnproven()}),
		"print-checked-de.html":    func(w io.Writer) error { return WritePrint(w, de, Print{Answer: sampleChecked()}) },
		"print-invitation-de.html": func(w io.Writer) error { return WritePrint(w, de, Print{Answer: sampleInvitation()}) },
		"body-dark.html": func(w io.Writer) error {
			return WriteBody(w, en, Body{&api.BodyAnswer{Subject: "x", HTML: "<p>Plain words</p>", Uncoloured: true}})
		},
		"mailbox-settings-de.html": mailbox(withSettings(de), Mailbox{Answer: sortedMailbox(api.OrderArrival, false, api.FilterNone)}),
		"message-settings.html":    message(withSettings(en), Message{Answer: sampleHTML(), AllowRemote: true}),
		"settings.html":            func(w io.Writer) error { return WriteSettings(w, en, sampleSettings(SectionReading, FormProblem{})) },
		"settings-de.html": func(w io.Writer) error {
			return WriteSettings(w, de, sampleSettings(SectionLanguage, FormProblem{Kind: ProblemZone}))
		},
		"settings-ar.html": func(w io.Writer) error { return WriteSettings(w, ar, sampleSettings("", FormProblem{})) },
		"settings-none.html": func(w io.Writer) error {
			return WriteSettings(w, en, Settings{Answer: &api.SettingsAnswer{Unsaved: true}})
		},
		"identity.html":     func(w io.Writer) error { return WriteIdentity(w, en, sampleIdentity(FormProblem{})) },
		"identity-own.html": func(w io.Writer) error { return WriteIdentity(w, en, ownIdentity()) },
		"identity-ar.html": func(w io.Writer) error {
			return WriteIdentity(w, ar, sampleIdentity(FormProblem{Kind: ProblemAddress, Text: "maria@\u202eexample"}))
		},
		"contacts.html":    func(w io.Writer) error { return WriteContacts(w, en, sampleContacts()) },
		"contacts-ar.html": func(w io.Writer) error { return WriteContacts(w, ar, sampleContacts()) },
		"contacts-none-de.html": func(w io.Writer) error {
			return WriteContacts(w, de, Contacts{Answer: &api.ContactsAnswer{Page: 1, Pages: 1}, Query: "nobody", Problem: FormProblem{Kind: ProblemFile}})
		},
		"contact.html": func(w io.Writer) error { return WriteContact(w, en, sampleContact(FormProblem{})) },
		"contact-de.html": func(w io.Writer) error {
			return WriteContact(w, de, sampleContact(FormProblem{Kind: ProblemName}))
		},
		"list.html":        func(w io.Writer) error { return WriteContactList(w, en, sampleList()) },
		"print.html":       func(w io.Writer) error { return WritePrint(w, en, Print{Answer: sampleHTML()}) },
		"print-ar.html":    func(w io.Writer) error { return WritePrint(w, ar, Print{Answer: sampleMessage()}) },
		"body.html":        func(w io.Writer) error { return WriteBody(w, en, Body{sampleBody()}) },
		"error.html":       func(w io.Writer) error { return WriteError(w, en, sampleError()) },
		"error-login.html": func(w io.Writer) error { return WriteError(w, nobody, Error{Status: 401}) },
		"error-ar.html":    func(w io.Writer) error { return WriteError(w, ar, Error{Status: 404, RequestID: "01JD8Q7M3N"}) },
	}
}

func write(t *testing.T, page func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := page(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for name, page := range samplePages() {
		t.Run(name, func(t *testing.T) {
			got := write(t, page)
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s; run go test -update and look at the difference\n%s", path, got)
			}
		})
	}
}
