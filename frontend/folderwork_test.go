package frontend_test

import (
	"slices"
	"strings"
	"testing"

	"alphamail/node/api"
)

// TestHideFolder hides a folder and brings it back: in the settings, which keep what
// else they hold, and by its subscription.
func TestHideFolder(t *testing.T) {
	a := newActing(t)
	work := api.Folder{Mailbox: "Work", Path: []string{"Work"}, Selectable: true}
	a.node.folders = []api.Folder{folder, work}
	a.node.kept = &api.SettingsAnswer{Folders: a.node.folders, Settings: api.Settings{RowsPerPage: 20, HiddenFolders: []string{"Gone"}}}
	shown := a.follow(a.post("/folders/Work", a.form("do", "hide")), "/folders")
	if !strings.Contains(shown.text, "is hidden now.") {
		t.Error("it is not told that the folder is hidden")
	}
	saved := a.node.question(t, "*api.SaveQuestion").(*api.SaveQuestion).Changes[0].Settings
	if saved.RowsPerPage != 20 || !slices.Equal(saved.HiddenFolders, []string{"Work"}) {
		t.Errorf("saved %+v", saved)
	}
	if asked := a.node.question(t, "*api.FolderQuestion").(*api.FolderQuestion); asked.Action != api.FolderUnsubscribe || asked.Mailbox != "Work" {
		t.Errorf("asked %+v", asked)
	}
	a.node.kept.Settings.HiddenFolders = []string{"Work"}
	if list := get(t, a.client, a.base+"/mail/INBOX"); strings.Contains(list.text, `href="/mail/Work"`) {
		t.Error("a hidden folder is listed")
	}
	if all := get(t, a.client, a.base+"/folders"); !strings.Contains(all.text, "(hidden)") || !strings.Contains(all.text, `href="/mail/Work"`) {
		t.Error("the page of all folders lacks a hidden one")
	}
	a.follow(a.post("/folders/Work", a.form("do", "show")), "/folders")
	if saved := a.node.question(t, "*api.SaveQuestion").(*api.SaveQuestion).Changes[0].Settings; len(saved.HiddenFolders) != 0 {
		t.Errorf("saved %+v", saved)
	}
	for _, no := range []string{"/folders/INBOX", "/folders/Nowhere"} {
		if answer := a.post(no, a.form("do", "hide")); answer.StatusCode != 404 {
			t.Errorf("%s: status %d", no, answer.StatusCode)
		}
	}
}

func TestUsage(t *testing.T) {
	a := newActing(t)
	a.node.folders = []api.Folder{folder}
	page := get(t, a.client, a.base+"/folders")
	if !strings.Contains(page.text, "3 GB of 4 GB used") || !strings.Contains(page.text, `href="/folders?sizes=1"`) || strings.Contains(page.text, "2 GB") {
		t.Error("how much room is used is not told")
	}
	if page := get(t, a.client, a.base+"/folders?sizes=1"); !strings.Contains(page.text, "</bdi>: 2 GB") {
		t.Error("the sizes of folders are not told")
	}
}

func TestLogOutEverywhere(t *testing.T) {
	a := newActing(t)
	a.follow(a.post("/logout", a.form("everywhere", "1")), "/login?problem=logged_out")
	if asked := a.node.question(t, "*api.LogoutQuestion").(*api.LogoutQuestion); !asked.Everywhere {
		t.Errorf("asked %+v", asked)
	}
}
