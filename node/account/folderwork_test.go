package account_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/account"
	"alphamail/node/api"
	"alphamail/node/imapconn"
)

func (w *world) folderWork(action api.FolderAction, mailbox, path string) *api.FolderAnswer {
	w.t.Helper()
	question := &api.FolderQuestion{Action: action, Mailbox: mailbox}
	if path != "" {
		question.Path = strings.Split(path, "/")
	}
	answer, err := w.account.Folder(w.t.Context(), false, question)
	if err != nil {
		w.t.Fatalf("%s %s %s: %v", action, mailbox, path, err)
	}
	return answer
}

// paths are the folders of an answer as a user sees them, without those that only
// hold others and those with a role.
func paths(folders []api.Folder) string {
	var all []string
	for _, f := range folders {
		if f.Selectable && f.Role == "" {
			all = append(all, strings.Join(f.Path, "/"))
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// TestFolders makes, renames and deletes folders on every server, with names in
// any script and children that follow.
func TestFolders(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		other := w.another()
		made := w.folderWork(api.FolderCreate, "", "研究室")
		if made.Problem != "" || strings.Join(made.Folder.Path, "/") != "研究室" || !made.Folder.Selectable {
			t.Fatalf("made: %+v", made)
		}
		w.put(other, made.Folder.Mailbox, 3)
		inner := w.folderWork(api.FolderCreate, "", "研究室/Año & más")
		if inner.Problem != "" || strings.Join(inner.Folder.Path, "/") != "研究室/Año & más" {
			t.Fatalf("made inside: %+v", inner)
		}
		w.put(other, inner.Folder.Mailbox, 2)
		w.page(inner.Folder.Mailbox, 1) // it is selected when it gets another name
		renamed := w.folderWork(api.FolderRename, made.Folder.Mailbox, "Labor für Sprache")
		if renamed.Problem != "" || paths(renamed.Folders) != "Labor für Sprache, Labor für Sprache/Año & más" {
			t.Fatalf("renamed: %+v", renamed)
		}
		if got := w.holds(other, renamed.Folder.Mailbox); got != `m1 m2\Seen m3` {
			t.Errorf("after the rename it holds %s", got)
		}
		subscribed := &imapconn.List{Pattern: "*", Subscribed: true}
		w.must(other, subscribed)
		if !slices.ContainsFunc(subscribed.Data, func(d *imap.ListData) bool { return d.Mailbox == renamed.Folder.Mailbox }) ||
			slices.ContainsFunc(subscribed.Data, func(d *imap.ListData) bool { return d.Mailbox == made.Folder.Mailbox }) {
			t.Errorf("subscribed: %+v", subscribed.Data)
		}
		for test, want := range map[[3]string]api.FolderProblem{
			{"create", "", "Labor für Sprache"}:         api.FolderExists,
			{"create", "", "inbox"}:                     api.FolderExists,
			{"create", "", " "}:                         api.FolderBadName,
			{"create", "", "a//b"}:                      api.FolderBadName,
			{"create", "", "a*b"}:                       api.FolderBadName,
			{"create", "", "a%b"}:                       api.FolderBadName,
			{"create", "", "a\r\nA1 NOOP"}:              api.FolderBadName,
			{"create", "", "#news"}:                     api.FolderBadName,
			{"create", "", ".."}:                        api.FolderBadName,
			{"create", "", "\xff"}:                      api.FolderBadName,
			{"create", "", strings.Repeat("long", 100)}: api.FolderBadName,
			{"rename", "INBOX", "Other"}:                api.FolderProtected,
			{"delete", "INBOX", ""}:                     api.FolderProtected,
			{"rename", renamed.Folder.Mailbox, "Labor für Sprache/in/sich"}:      api.FolderInside,
			{"rename", renamed.Folder.Mailbox, "Labor für Sprache/Ano\u0303 &x"}: api.FolderInside,
			{"delete", renamed.Folder.Mailbox, ""}:                               api.FolderChildren,
		} {
			if answer := w.folderWork(api.FolderAction(test[0]), test[1], test[2]); answer.Problem != want {
				t.Errorf("%q: %q, want %q", test, answer.Problem, want)
			}
		}
		// What a folder holds goes to Trash.
		child := renamed.Folders[slices.IndexFunc(renamed.Folders, func(f api.Folder) bool { return len(f.Path) == 2 })].Mailbox
		if answer := w.folderWork(api.FolderDelete, child, ""); answer.Problem != "" || answer.Moved != 2 {
			t.Errorf("deleted: %+v", answer)
		}
		answer := w.folderWork(api.FolderDelete, renamed.Folder.Mailbox, "")
		if answer.Problem != "" || answer.Moved != 3 || paths(answer.Folders) != "" {
			t.Errorf("deleted: %+v", answer)
		}
		trash := answer.Folders[slices.IndexFunc(answer.Folders, func(f api.Folder) bool { return f.Role == api.RoleTrash })]
		if got := w.knows(trash.Mailbox); got != `m1 m1 m2\Seen m2\Seen m3` {
			t.Errorf("Trash has %s", got)
		}
		if answer := w.folderWork(api.FolderDelete, trash.Mailbox, ""); answer.Problem != api.FolderProtected {
			t.Errorf("Trash: %+v", answer)
		}
		if _, err := w.account.Folder(t.Context(), false, &api.FolderQuestion{Action: api.FolderDelete, Mailbox: child}); code(err) != api.CodeNotFound {
			t.Errorf("deleted twice: %v", err)
		}
		for _, question := range []api.FolderQuestion{{}, {Action: "explode", Mailbox: "x"}, {Action: api.FolderCreate}, {Action: api.FolderDelete, Mailbox: "a\r\n"}, {Action: api.FolderCreate, Path: make([]string, 21)}} {
			if _, err := w.account.Folder(t.Context(), false, &question); code(err) != api.CodeInvalid {
				t.Errorf("%+v: %v", question, err)
			}
		}
		w.page("INBOX", 1)
	})
}

// TestFolderSeparator hides the server's separator: only a name that has it is
// told.
func TestFolderSeparator(t *testing.T) {
	everyServer(t, func(t *testing.T, w *world) {
		list := &imapconn.List{Pattern: "INBOX"}
		w.must(w.another(), list)
		dotted := w.folderWork(api.FolderCreate, "", "v1.2")
		// Dovecot may store a dot as a separator although it shows a slash.
		if dots := list.Data[0].Delim == '.'; dots != (dotted.Problem == api.FolderSeparator) || dotted.Problem != "" && dotted.Problem != api.FolderSeparator && dotted.Problem != api.FolderBadName {
			t.Errorf("with the separator %q: %+v", list.Data[0].Delim, dotted)
		}
	})
}

// TestFolderThatCannotBeCleared keeps what cannot be put into Trash.
func TestFolderThatCannotBeCleared(t *testing.T) {
	r := withScript(t, "UIDPLUS MOVE", account.Config{})
	r.change(func() {
		r.boxes["Box"], r.boxes["Trash"] = newBox(9, 1, 10), newBox(10, 1, 0)
		r.hook = func(s *speaker, tag, command string) bool {
			if strings.HasPrefix(command, "UID MOVE") {
				s.say("%s NO [OVERQUOTA] full", tag)
				return true
			}
			return false
		}
	})
	answer, err := r.account.Folder(t.Context(), false, &api.FolderQuestion{Action: api.FolderDelete, Mailbox: "Box"})
	if err != nil || answer.Problem != api.FolderFull || answer.Moved != 0 || r.count("DELETE") > 0 {
		t.Errorf("%+v, %v", answer, err)
	}
}
