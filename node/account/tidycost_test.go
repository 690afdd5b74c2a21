package account_test

import (
	"fmt"
	"testing"
	"time"

	"alphamail/node/account"
	"alphamail/node/api"
)

// TestWhatTidyingCosts tells what it costs the mail server to put mail in order. What is
// done is shown without being read again: the page after an action costs a NOOP.
func TestWhatTidyingCosts(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		other := w.another()
		w.stuff(other, "INBOX", 1, 400)
		w.reopen(account.Config{FoldersMaxAge: time.Hour, Watch: -1})
		table := &costs{w: w}
		fmt.Fprintf(&table.table, "%-40s %11s %6s %7s %9s %10s %11s\n", "click", "connections", "LOGIN", "SELECT", "commands", "exchanges", "bytes down")
		page := w.page("INBOX", 1)
		w.settle()
		of := func(rows []api.Row) *api.ActQuestion {
			question := &api.ActQuestion{Mailbox: "INBOX", UIDValidity: page.UIDValidity}
			for _, row := range rows {
				question.UIDs = append(question.UIDs, row.ID.UID)
			}
			return question
		}
		// Without MOVE, messages are copied, looked at, marked and removed; without
		// LIST-STATUS, folders are counted meanwhile.
		flags, move, written := within{0, 3, 3}, within{0, 9, 9}, within{10, 1000, 1000}
		w.act(api.ActArchive, "", of(page.Rows[:1])) // makes the folder where there is none
		table.click("mark 49 as read", flags, func() { w.act(api.ActRead, "", of(page.Rows[1:])) })
		table.click("the page after it", newPage, func() { w.page("INBOX", 1) })
		var filed *api.ActAnswer
		table.click("archive 49", move, func() { filed = w.act(api.ActArchive, "", of(page.Rows[1:])) })
		table.click("the page after it", newPage, func() { page = w.page("INBOX", 1) })
		table.click("undo", within{2, 7, 6}, func() {
			if _, err := w.account.Undo(t.Context(), false, filed.Undo); err != nil {
				t.Fatal(err)
			}
		})
		page = w.page("INBOX", 1)
		w.act(api.ActDelete, "", of(page.Rows[:1]))
		table.click("delete 49", move, func() { w.act(api.ActDelete, "", of(page.Rows[1:])) })
		question := w.all(w.account, "INBOX", api.FilterNone, api.ActDelete, "")
		table.click("delete the other 349, without a job", move, func() {
			if answer := w.actAll(w.account, question); answer.Done != 349 {
				t.Errorf("%+v", answer)
			}
		})
		var made api.Folder
		table.click("make a folder", written, func() { made = w.folderWork(api.FolderCreate, "", "Work").Folder })
		table.click("rename it", written, func() { made = w.folderWork(api.FolderRename, made.Mailbox, "Play").Folder })
		table.click("delete it", written, func() { w.folderWork(api.FolderDelete, made.Mailbox, "") })
		asked := api.SearchQuestion{Search: api.Search{Query: "subject:m1", Where: api.WhereEverywhere}}
		table.click("search all folders", written, func() { w.search(asked); w.settle() })
		table.click("the second page of it", knownMail, func() { asked.Page = 2; w.search(asked) })
		table.click("quota", within{0, 1, 1}, func() { w.usage(false) })
		table.click("sizes of folders", written, func() { w.usage(true) })
		trash := page.Folders[0]
		for _, folder := range w.page("INBOX", 1).Folders {
			if folder.Role == api.RoleTrash {
				trash = folder
			}
		}
		list := w.page(trash.Mailbox, 1)
		table.click("empty Trash with 400", within{0, 6, 6}, func() {
			answer, err := w.account.Empty(t.Context(), "empty", false, &api.EmptyQuestion{Mailbox: trash.Mailbox, UIDValidity: list.UIDValidity, UpTo: list.LastUID})
			if err != nil || answer.Done < 399 {
				t.Errorf("%+v, %v", answer, err)
			}
		})
		t.Logf("400 messages:\n%s", table.table.String())
	})
}

func (w *world) usage(sizes bool) {
	w.t.Helper()
	if _, err := w.account.Usage(w.t.Context(), &api.UsageQuestion{Sizes: sizes}); err != nil {
		w.t.Fatal(err)
	}
}
