package account_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
	"alphamail/node/account"
	"alphamail/node/api"
)

// described lists folders as "role: path", with a mark for what cannot be opened
// or changed.
func described(folders []api.Folder) string {
	var lines []string
	for _, f := range folders {
		line := strings.Join(f.Path, " > ")
		if f.Role != "" {
			line = string(f.Role) + ": " + line
		}
		if f.Space != "" {
			line = string(f.Space) + " " + line
		}
		if !f.Selectable {
			line += " (closed)"
		}
		if f.ReadOnly {
			line += " (read-only)"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// TestRolesByNameAndByConfiguration has a server that announces no special use.
func TestRolesByNameAndByConfiguration(t *testing.T) {
	w := newWorld(t, startMemory(t, nil))
	other := w.another()
	for _, name := range []string{"Entwürfe", "Envoyés", "Корзина", "迷惑メール", "Old mail", "Trash", "Work/Sent"} {
		w.must(other, create(name))
	}
	backend := w.backend()
	backend.Roles = map[api.Role]string{api.RoleArchive: "old mail", api.RoleJunk: "not there"}
	w.account = account.New("roles@example.edu", user, password, backend, account.Config{}, w.cache, slog.New(slog.DiscardHandler))
	t.Cleanup(w.account.Close)
	want := `inbox: INBOX
drafts: Entwürfe
sent: Envoyés
archive: Old mail
junk: 迷惑メール
trash: Trash
Work (closed)
Work > Sent
Корзина`
	if got := described(w.page("INBOX", 1).Folders); got != want && strings.ReplaceAll(got, "Work (closed)\n", "") != strings.ReplaceAll(want, "Work (closed)\n", "") {
		t.Errorf("folders:\n%s\ninstead of\n%s", got, want)
	}
}

// TestFoldersOfOthers has a Dovecot with shared mailboxes, below prefixes that
// nobody wants to see.
func TestFoldersOfOthers(t *testing.T) {
	need.Dovecot(t)
	dir, err := os.MkdirTemp("", "account-shared-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for name, acl := range map[string]string{"Team": "anyone lrwstipekxa", "News": "anyone lrs", "Secret": "anyone l"} {
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(dir, "."+name, sub), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "."+name, "dovecot-acl"), []byte(acl+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.IsDir() {
			err = os.Chmod(path, 0o777)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	server, err := testbed.StartDovecot(testbed.DovecotConfig{Users: oneUser, Separator: ".", Prefix: "INBOX.", Extra: `
mail_plugins = acl
protocol imap {
  mail_plugins = acl imap_acl
}
plugin {
  acl = vfile
}
namespace public {
  type = public
  separator = .
  prefix = Public.
  location = maildir:` + dir + `:INDEXPVT=~/public
  list = children
  subscriptions = no
}
`})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	w := newWorld(t, server.IMAPAddr())
	w.must(w.another(), create("INBOX.Work"), create("INBOX.Work.2026"))
	want := `inbox: INBOX
drafts: Drafts
sent: Sent
archive: Archive
junk: Junk
trash: Trash
Work
Work > 2026
shared News (read-only)
shared Secret (closed)
shared Team`
	if got := described(w.page("INBOX", 1).Folders); got != want {
		t.Errorf("folders:\n%s\ninstead of\n%s", got, want)
	}
	if page := w.page("Public.News", 1); !page.Folder.ReadOnly || page.Folder.Space != api.SpaceShared {
		t.Errorf("a shared folder: %+v", page.Folder)
	}
	if _, err := w.account.Mailbox(t.Context(), &api.MailboxQuestion{Mailbox: "Public.Secret"}); code(err) != api.CodeNotFound {
		t.Errorf("a folder that cannot be read: %v", err)
	}
}
