package frontend_test

import (
	"net/http"
	"strings"
	"testing"

	"alphamail/node/api"
)

func TestSelectAll(t *testing.T) {
	a := newActing(t)
	a.node.folders = []api.Folder{folder}
	page := get(t, a.client, a.base+"/mail/INBOX?filter=unread&select=page")
	if !strings.Contains(page.text, `href="/mail/INBOX?filter=unread&amp;select=all"`) {
		t.Error("a page whose messages are all selected does not offer those of the other pages")
	}
	if plain := get(t, a.client, a.base+"/mail/INBOX?filter=unread"); strings.Contains(plain.text, "select=all") {
		t.Error("nothing is selected, and all is offered")
	}
	page = get(t, a.client, a.base+"/mail/INBOX?filter=unread&select=all")
	for _, want := range []string{`name="upto" value="2"`, `name="validity" value="1"`, "that match"} {
		if !strings.Contains(page.text, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(page.text, `name="uid"`) {
		t.Error("a message can be left out although all are selected")
	}
	form := a.form("do", "archive", "validity", "1", "upto", "77", "uid", "2")
	shown := a.follow(a.post(list, form), list)
	question := a.node.question(t, "*api.ActAllQuestion").(*api.ActAllQuestion)
	if *question != (api.ActAllQuestion{Action: api.ActArchive, Selection: api.Selection{Mailbox: "INBOX", UIDValidity: 1, Filter: api.FilterUnread, UpTo: 77}}) {
		t.Errorf("asked %+v", question)
	}
	if !strings.Contains(shown.text, "700 messages moved to") || a.node.asks("*api.ActQuestion") > 0 {
		t.Error("it is not told what was done, or something else was asked as well")
	}
	a.node.acted = &api.ActAnswer{Action: api.ActMove, Job: "abc"}
	a.node.jobs = []api.Job{{ID: "abc", State: api.JobRunning, Action: api.ActMove, From: folder, To: folder, Total: 2000, Done: 500}}
	shown = a.follow(a.post(list, a.form("do", "move", "to", "Work", "validity", "1", "upto", "77")), "/jobs/abc")
	if !strings.Contains(shown.text, "500 of 2,000 messages") {
		t.Errorf("the page of the job: %s", shown.text)
	}
	if question := a.node.question(t, "*api.ActAllQuestion").(*api.ActAllQuestion); question.To != "Work" {
		t.Errorf("asked %+v", question)
	}
	a.follow(a.post(list, a.form("do", "move", "to", "", "validity", "1", "upto", "77")), list+"&select=all")
	a.follow(a.post("/mail/INBOX", a.form("do", "", "validity", "1", "upto", "77")), "/mail/INBOX?select=all")
	for _, upTo := range []string{"0", "x", "-1", "4294967296"} {
		if answer := a.post(list, a.form("do", "read", "validity", "1", "upto", upTo)); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("up to %s: status %d", upTo, answer.StatusCode)
		}
	}
}

// The page of a job is loaded again by itself while the job goes on, unless its
// reader does not want that.
func TestJobPage(t *testing.T) {
	a := newActing(t)
	a.node.jobs = []api.Job{
		{ID: "abc", State: api.JobRunning, Action: api.ActMove, From: folder, To: folder, Total: 2000, Done: 500},
		{ID: "end", State: api.JobDone, Action: api.ActMove, From: folder, To: folder, Total: 2000, Done: 2000, Undoable: 2000},
	}
	for path, want := range map[string]struct{ refresh, words string }{
		"/jobs/abc": {"3", "<title>25 % – Move"}, "/jobs/abc?still=1": {"", `value="stop"`}, "/jobs/end": {"", `value="undo"`}, "/jobs": {"", "/jobs/abc"},
	} {
		page := get(t, a.client, a.base+path)
		if page.StatusCode != 200 || page.Header.Get("Refresh") != want.refresh || !strings.Contains(page.text, want.words) {
			t.Errorf("%s: status %d, refresh %q\n%s", path, page.StatusCode, page.Header.Get("Refresh"), page.text)
		}
	}
	if question := a.node.question(t, "*api.JobsQuestion").(*api.JobsQuestion); question.ID != "" && !question.Seen {
		t.Errorf("asked %+v", question)
	}
	send(t, a.client, "GET", a.base+"/jobs/end", nil, map[string]string{"Sec-Purpose": "prefetch"})
	if question := a.node.question(t, "*api.JobsQuestion").(*api.JobsQuestion); question.Seen {
		t.Error("a page that nobody sees yet counts as seen")
	}
	for _, path := range []string{"/mail/INBOX", "/folders"} {
		if page := get(t, a.client, a.base+path); !strings.Contains(page.text, `href="/jobs/abc"`) {
			t.Errorf("%s does not tell of the job", path)
		}
	}
	for path, want := range map[string]int{"/jobs/none": 404, "/jobs/": 404, "/jobs/A": 404, "/jobs/a/b": 404, "/jobs/" + strings.Repeat("a", 65): 404, "/jobs/a%2fb": 404} {
		if page := get(t, a.client, a.base+path); page.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, page.StatusCode, want)
		}
	}
	a.follow(a.post("/jobs/abc", a.form("do", "stop")), "/jobs/abc")
	if question := a.node.question(t, "*api.ChangeJobQuestion").(*api.ChangeJobQuestion); *question != (api.ChangeJobQuestion{ID: "abc", Change: api.JobStop}) {
		t.Errorf("asked %+v", question)
	}
	if answer := a.post("/jobs/end", a.form("do", "undo")); answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/jobs/undo" {
		t.Errorf("undo: status %d, to %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	if answer := a.post("/jobs/abc", a.form("do", "explode")); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown change: status %d", answer.StatusCode)
	}
	if answer := a.post("/jobs", a.form("do", "stop")); answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST /jobs: status %d", answer.StatusCode)
	}
}
