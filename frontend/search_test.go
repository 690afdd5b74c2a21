package frontend_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"alphamail/node/api"
)

func found(mailbox string, uid uint32) api.Row {
	return api.Row{ID: api.MessageID{Mailbox: mailbox, UIDValidity: 7, UID: uid}, Subject: fmt.Sprintf("%s %d", mailbox, uid)}
}

func TestSearchPage(t *testing.T) {
	a := newActing(t)
	a.node.folders = []api.Folder{folder}
	a.node.found, a.node.searching = []api.Row{found("INBOX", 1), found("Work/a", 2)}, api.SearchRunning
	page := get(t, a.client, a.base+"/search?q=%22a+b%22+x&in=Work/a&where=below&page=2")
	question := a.node.question(t, "*api.SearchQuestion").(*api.SearchQuestion)
	if *question != (api.SearchQuestion{Search: api.Search{Query: `"a b" x`, Mailbox: "Work/a", Where: api.WhereBelow}, Page: 2}) {
		t.Errorf("asked %+v", question)
	}
	for _, want := range []string{
		`value="INBOX/7-1"`, `value="Work~1a/7-2"`, `href="/mail/Work~1a/7-2?q=%22a+b%22+x&amp;in=Work%2Fa&amp;where=below"`,
		`value="&#34;a b&#34; x"`, `name="in" value="Work/a"`,
	} {
		if !strings.Contains(page.text, want) {
			t.Errorf("no %s", want)
		}
	}
	if page.Header.Get("Refresh") != "2" {
		t.Error("the page of a search that goes on is not loaded again")
	}
	if still := get(t, a.client, a.base+"/search?q=x&still=1"); still.Header.Get("Refresh") != "" {
		t.Error("it is, though its reader does not want that")
	}
	a.node.searching = api.SearchDone
	if done := get(t, a.client, a.base+"/search?q=x"); done.Header.Get("Refresh") != "" {
		t.Error("the page of a search that has ended is loaded again")
	}
	if question := a.node.question(t, "*api.SearchQuestion").(*api.SearchQuestion); question.Search.Where != api.WhereEverywhere {
		t.Errorf("asked %+v", question)
	}
	for _, bad := range []string{"?q=x&where=moon", "?q=x&q=y", "?q=x&page=0", "?q=x&page=many", "?q=%zz"} {
		if answer := get(t, a.client, a.base+"/search"+bad); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", bad, answer.StatusCode)
		}
	}
	// A message knows the search that it was found by.
	message := get(t, a.client, a.base+"/mail/INBOX/1-2?q=x&in=Work/a")
	if asked := a.node.question(t, "*api.MessageQuestion").(*api.MessageQuestion); asked.List.Search == nil || *asked.List.Search != (api.Search{Query: "x", Mailbox: "Work/a", Where: api.WhereHere}) {
		t.Errorf("asked %+v", asked)
	}
	if !strings.Contains(message.text, `href="/search?q=x&amp;in=Work%2Fa`) {
		t.Error("no way back to the search")
	}
}

// TestSearchForms presses each button of the page of a search.
func TestSearchForms(t *testing.T) {
	a := newActing(t)
	a.node.folders = []api.Folder{folder}
	const here = "/search?q=x&in=INBOX"
	a.follow(a.post(here, a.form("do", "stop")), here)
	a.follow(a.post(here+"&page=2", a.form("do", "again")), here+"&page=2")
	a.follow(a.post(here, a.form("do", "save", "name", "  my\tsearch ")), here)
	if saved := a.node.question(t, "*api.SaveQuestion").(*api.SaveQuestion).Changes[0].Search; saved == nil || *saved != (api.SavedSearch{Name: "my search", Query: "x", Mailbox: "INBOX", Where: api.WhereHere}) {
		t.Errorf("saved %+v", saved)
	}
	if answer := a.post(here, a.form("do", "save", "name", " ")); answer.StatusCode != http.StatusOK {
		t.Errorf("without a name: status %d", answer.StatusCode)
	}
	a.follow(a.post(here, a.form("do", "forget", "saved", "one")), here)
	if gone := a.node.question(t, "*api.SaveQuestion").(*api.SaveQuestion).Changes[0].Delete; gone == nil || *gone != (api.Record{Kind: api.RecordSearch, ID: "one"}) {
		t.Errorf("deleted %+v", gone)
	}
	// Something is done to messages of two folders, and taken back.
	shown := a.follow(a.post(here, a.form("do", "delete", "message", "INBOX/7-1", "message", "Work~1a/7-2", "message", "INBOX/7-3")), here)
	if !strings.Contains(shown.text, "3 messages moved") || strings.Count(shown.text, `name="handle"`) != 2 {
		t.Error("it is not told what was done")
	}
	if act := a.node.question(t, "*api.ActQuestion").(*api.ActQuestion); act.Mailbox != "Work/a" || act.UIDValidity != 7 || len(act.UIDs) != 1 || act.UIDs[0] != 2 {
		t.Errorf("asked %+v", act)
	}
	a.follow(a.post("/undo", a.form("back", here, "handle", "aGFuZGxl", "handle", "aGFuZGxl")), here)
	a.follow(a.post(here, a.form("do", "delete")), here)
	a.follow(a.post(here, a.form("do", "")), here)
	a.follow(a.post(here, a.form("do", "move", "to", "", "message", "INBOX/7-1")), here)
	for _, bad := range []string{"INBOX", "INBOX/7", "/7-1", "INBOX/7-0", "%zz/7-1", ""} {
		if answer := a.post(here, a.form("do", "delete", "message", bad)); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("message %q: status %d", bad, answer.StatusCode)
		}
	}
	form := a.form("do", "stop")
	form.Del("csrf")
	if answer := a.post(here, form); answer.StatusCode != http.StatusForbidden && answer.StatusCode != http.StatusBadRequest {
		t.Errorf("without a token: status %d", answer.StatusCode)
	}
}
