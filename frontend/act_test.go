package frontend_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"alphamail/node/api"
)

// acting is a browser that is logged in, at a frontend with a fake node.
type acting struct {
	t      *testing.T
	base   string
	client *http.Client
	node   *fakeNode
}

func newActing(t *testing.T) *acting {
	ring := twoNodes()
	a := &acting{t: t, base: serve(t, ring, nil, nil), client: browser(t), node: ring.nodes["one"]}
	logIn(t, a.client, a.base)
	return a
}

// form is a form of ours with a fresh token.
func (a *acting) form(fields ...string) url.Values {
	a.t.Helper()
	values := url.Values{"csrf": {token(a.t, get(a.t, a.client, a.base+"/mail/Form"))}}
	for i := 0; i < len(fields); i += 2 {
		values.Add(fields[i], fields[i+1])
	}
	return values
}

func (a *acting) post(path string, form url.Values) reply {
	a.t.Helper()
	return send(a.t, a.client, "POST", a.base+path, form, nil)
}

// follow demands a redirect to a path, and goes there.
func (a *acting) follow(answer reply, path string) reply {
	a.t.Helper()
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != path {
		a.t.Fatalf("status %d, to %q instead of %q\n%s", answer.StatusCode, answer.Header.Get("Location"), path, answer.text)
	}
	return get(a.t, a.client, a.base+path)
}

const list = "/mail/INBOX?order=sender&reverse=1&filter=unread&page=2"

func TestActOnList(t *testing.T) {
	a := newActing(t)
	form := a.form("do", "archive", "validity", "1", "uid", "2", "uid", "7")
	shown := a.follow(a.post(list, form), list)
	question := a.node.question(t, "*api.ActQuestion").(*api.ActQuestion)
	if question.Action != api.ActArchive || question.Mailbox != "INBOX" || question.UIDValidity != 1 || !slices.Equal(question.UIDs, []uint32{2, 7}) || question.To != "" {
		t.Errorf("asked %+v", question)
	}
	if !strings.Contains(shown.text, "2 messages moved to") || !strings.Contains(shown.text, `action="/undo"`) {
		t.Error("the list does not tell what was done")
	}
	if again := get(t, a.client, a.base+list); strings.Contains(again.text, "2 messages moved to") {
		t.Error("the notice is shown twice")
	}
	// The same form sent twice is one operation, another page's form another one.
	a.post(list, form)
	a.post(list, a.form("do", "archive", "validity", "1", "uid", "2", "uid", "7"))
	var operations []string
	for _, call := range a.node.calls() {
		if call.OperationID != "" {
			operations = append(operations, call.OperationID)
		}
	}
	if len(operations) != 3 || operations[0] != operations[1] || operations[1] == operations[2] {
		t.Errorf("operations %q", operations)
	}
}

func TestActOnMessage(t *testing.T) {
	a := newActing(t)
	for _, test := range []struct {
		fields []string
		to     string
	}{
		{[]string{"do", "delete", "page", "3"}, "/mail/INBOX?page=3"},
		{[]string{"do", "delete", "page", "3", "next", "1"}, "/mail/INBOX?page=3"},
		{[]string{"do", "delete", "page", "3", "next", "1", "then", "next"}, "/mail/INBOX/1-1?then=next"},
		{[]string{"do", "move", "to", "Work", "page", "1"}, "/mail/INBOX"},
		{[]string{"do", "move", "to", "", "page", "1"}, "/mail/INBOX/1-2"},
		{[]string{"do", "flag", "page", "x"}, "/mail/INBOX/1-2"},
		{[]string{"do", "unread", "page", "0"}, "/mail/INBOX"},
	} {
		a.follow(a.post("/mail/INBOX/1-2", a.form(test.fields...)), test.to)
	}
	if question := a.node.question(t, "*api.ActQuestion").(*api.ActQuestion); question.Action != api.ActUnread || !slices.Equal(question.UIDs, []uint32{2}) || question.UIDValidity != 1 {
		t.Errorf("asked %+v", question)
	}
}

// TestListTravels opens a message from a list, and goes on and back in it.
func TestListTravels(t *testing.T) {
	a := newActing(t)
	const query = "?order=sender&reverse=1&filter=unread"
	shown := get(t, a.client, a.base+"/mail/INBOX/1-2"+query)
	if question := a.node.question(t, "*api.MessageQuestion").(*api.MessageQuestion); question.List != (api.ListView{Order: api.OrderSender, Reverse: true, Filter: api.FilterUnread}) {
		t.Errorf("asked %+v", question)
	}
	escaped := strings.ReplaceAll(query, "&", "&amp;")
	for _, link := range []string{`href="/mail/INBOX` + escaped + `"`, `action="/mail/INBOX/1-2` + escaped + `"`, `href="/mail/INBOX/1-2` + escaped + `&amp;view=text"`} {
		if !strings.Contains(shown.text, link) {
			t.Errorf("no %s", link)
		}
	}
	for _, test := range []struct {
		fields []string
		to     string
	}{
		{[]string{"do", "delete", "page", "3"}, "/mail/INBOX" + query + "&page=3"},
		{[]string{"do", "archive", "page", "3", "next", "1", "then", "next"}, "/mail/INBOX/1-1" + query + "&then=next"},
		{[]string{"do", "move", "to", "", "page", "1"}, "/mail/INBOX/1-2" + query},
		{[]string{"do", "flag", "page", "1"}, "/mail/INBOX/1-2" + query},
	} {
		a.follow(a.post("/mail/INBOX/1-2"+query, a.form(test.fields...)), test.to)
	}
	if shown := get(t, a.client, a.base+"/mail/INBOX/1-2?order=colour"); shown.StatusCode != http.StatusBadRequest {
		t.Errorf("a list by colour: status %d", shown.StatusCode)
	}
	if answer := a.post("/mail/INBOX/1-2?filter=x", a.form("do", "flag")); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a form from a list of nothing: status %d", answer.StatusCode)
	}
}

func TestNothingSelected(t *testing.T) {
	a := newActing(t)
	if shown := a.follow(a.post(list, a.form("do", "archive", "validity", "1")), list); !strings.Contains(shown.text, "Select messages first.") {
		t.Error("nothing is said without messages")
	}
	// What was selected stays so.
	shown := a.follow(a.post(list, a.form("do", "move", "validity", "1", "uid", "2", "uid", "7", "to", "")), list+"&select=1-2,7")
	if !strings.Contains(shown.text, "Choose the folder to move") || !strings.Contains(shown.text, " checked") {
		t.Error("nothing is said without a goal, or the selection is lost")
	}
	// Enter in a box.
	if shown := a.follow(a.post("/mail/INBOX", a.form("do", "", "validity", "1", "uid", "2")), "/mail/INBOX?select=1-2"); !strings.Contains(shown.text, " checked") || strings.Contains(shown.text, `role="status"`) {
		t.Error("Enter in a box does something")
	}
	a.follow(a.post("/mail/INBOX/1-2", a.form("do", "", "page", "1")), "/mail/INBOX/1-2")
	if a.node.asks("*api.ActQuestion") > 0 {
		t.Error("the node is asked to do nothing")
	}
}

func TestSelectPage(t *testing.T) {
	a := newActing(t)
	for path, want := range map[string]bool{"/mail/INBOX": false, "/mail/INBOX?select=page": true, "/mail/INBOX?select=none": false, "/mail/INBOX?select=1-2": true, "/mail/INBOX?select=1-3,2": true, "/mail/INBOX?select=2-2": false, "/mail/INBOX?select=1-2,": false, "/mail/INBOX?select=1-02": false} {
		if got := strings.Contains(get(t, a.client, a.base+path).text, " checked"); got != want {
			t.Errorf("%s: boxes are checked: %t", path, got)
		}
	}
}

var handleField = regexp.MustCompile(`name="handle" value="([^"]*)"`)

func TestUndo(t *testing.T) {
	a := newActing(t)
	shown := a.follow(a.post(list, a.form("do", "delete", "validity", "1", "uid", "2")), list)
	handle := handleField.FindStringSubmatch(shown.text)
	if handle == nil {
		t.Fatal("no way back")
	}
	back := a.follow(a.post("/undo", a.form("handle", handle[1], "back", list)), list)
	if question := a.node.question(t, "*api.UndoQuestion").(*api.UndoQuestion); string(question.Handle) != "handle" {
		t.Errorf("asked %+v", question)
	}
	if !strings.Contains(back.text, "Undone: 2 messages are as before.") || strings.Contains(back.text, `action="/undo"`) {
		t.Error("undo is not told")
	}
	for _, where := range []string{"//evil.example/", "https://evil.example/", "/logout", "/undo", "", `/\evil.example`} {
		if answer := a.post("/undo", a.form("handle", handle[1], "back", where)); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("undo leads to %q: status %d, %s", where, answer.StatusCode, answer.Header.Get("Location"))
		}
	}
}

func TestPurge(t *testing.T) {
	a := newActing(t)
	if answer := get(t, a.client, a.base+"/mail/INBOX/empty"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("the inbox can be emptied: status %d", answer.StatusCode)
	}
	shown := a.follow(a.post("/mail/Trash/empty", a.form("validity", "1", "upto", "9")), "/mail/Trash")
	if question := a.node.question(t, "*api.EmptyQuestion").(*api.EmptyQuestion); *question != (api.EmptyQuestion{Mailbox: "Trash", UIDValidity: 1, UpTo: 9}) {
		t.Errorf("asked %+v", question)
	}
	if !strings.Contains(shown.text, "3 messages deleted for ever.") {
		t.Error("nothing is told")
	}
}

func TestFolderForms(t *testing.T) {
	a := newActing(t)
	made := a.follow(a.post("/folders", a.form("name", " /研究室/a/ ")), "/folders")
	question := a.node.question(t, "*api.FolderQuestion").(*api.FolderQuestion)
	if question.Action != api.FolderCreate || !slices.Equal(question.Path, []string{"研究室", "a"}) || !strings.Contains(made.text, "was made") {
		t.Errorf("asked %+v\n%s", question, made.text)
	}
	a.node.folders = []api.Folder{folder, {Mailbox: "A", Path: []string{"A"}, Selectable: true, Total: 7, Counted: true}, {Mailbox: "Trash", Path: []string{"Trash"}, Role: api.RoleTrash}}
	if page := get(t, a.client, a.base+"/folders/A"); page.StatusCode != 200 || !strings.Contains(page.text, "7 messages in it go to Trash.") {
		t.Errorf("the page of a folder: status %d\n%s", page.StatusCode, page.text)
	}
	for path, want := range map[string]int{"/folders/Trash": 404, "/folders/INBOX": 404, "/folders/None": 404, "/folders/%ff": 400, "/folders/": 400, "/folders/a/b": 404} {
		if page := get(t, a.client, a.base+path); page.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, page.StatusCode, want)
		}
	}
	renamed := a.follow(a.post("/folders/A", a.form("do", "rename", "name", "B")), "/folders")
	if question := a.node.question(t, "*api.FolderQuestion").(*api.FolderQuestion); question.Action != api.FolderRename || question.Mailbox != "A" || !slices.Equal(question.Path, []string{"B"}) || !strings.Contains(renamed.text, "is called") {
		t.Errorf("asked %+v\n%s", question, renamed.text)
	}
	a.node.changed = &api.FolderAnswer{Problem: api.FolderExists}
	for path, form := range map[string]url.Values{"/folders": a.form("name", `"><b>x`), "/folders/A": a.form("do", "rename", "name", `"><b>x`)} {
		answer := a.post(path, form)
		if answer.StatusCode != http.StatusConflict || !strings.Contains(answer.text, "There is a folder of this name already.") || !strings.Contains(answer.text, `value="&#34;&gt;&lt;b&gt;x"`) {
			t.Errorf("%s: status %d\n%s", path, answer.StatusCode, answer.text)
		}
	}
	a.node.changed = &api.FolderAnswer{Problem: api.FolderChildren}
	if answer := a.post("/folders/A", a.form("do", "delete")); answer.StatusCode != http.StatusConflict || !strings.Contains(answer.text, "Delete those first.") {
		t.Errorf("a folder with others in it: status %d", answer.StatusCode)
	}
	before := a.node.asks("*api.FolderQuestion")
	for _, name := range []string{"", "/", " ", strings.Repeat("a/", 30)} {
		if answer := a.post("/folders", a.form("name", name)); answer.StatusCode != http.StatusConflict {
			t.Errorf("the name %q: status %d", name, answer.StatusCode)
		}
	}
	if answer := a.post("/folders/A", a.form("do", "explode")); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown change: status %d", answer.StatusCode)
	}
	if a.node.asks("*api.FolderQuestion") != before {
		t.Error("the node is asked about names that are none")
	}
}

// forms are all forms that change something, with what they need.
var forms = map[string][]string{
	list: {"do", "archive", "validity", "1", "uid", "2"}, "/mail/INBOX/1-2": {"do", "delete"}, "/undo": {"handle", "aGFuZGxl", "back", "/mail/INBOX"},
	"/mail/Trash/empty": {"validity", "1", "upto", "9"}, "/folders": {"name", "A"}, "/folders/A": {"do", "delete"},
	"/mail/Other": {"do", "archive", "validity", "1", "upto", "9"}, "/jobs/abc": {"do", "stop"},
}

// Nothing is done by a form without its token, with another session's, from another
// site, or without a session.
func TestForgedActions(t *testing.T) {
	a := newActing(t)
	stranger := browser(t)
	logIn(t, stranger, a.base)
	outside := browser(t)
	before := len(a.node.calls())
	for path, fields := range forms {
		good := a.form(fields...)
		without, bent, empty := url.Values{}, url.Values{}, url.Values{}
		for name, values := range good {
			without[name], bent[name], empty[name] = values, values, values
		}
		without.Del("csrf")
		bent.Set("csrf", strings.Repeat("A", len(good.Get("csrf"))))
		empty.Set("csrf", "")
		for name, form := range map[string]url.Values{"without token": without, "with another token": bent, "with an empty token": empty} {
			if answer := a.post(path, form); answer.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s: status %d", path, name, answer.StatusCode)
			}
		}
		for name, header := range map[string]map[string]string{
			"of another origin": {"Origin": "https://evil.example"}, "from another site": {"Sec-Fetch-Site": "cross-site"}, "from a neighbour": {"Sec-Fetch-Site": "same-site"},
		} {
			if answer := send(t, a.client, "POST", a.base+path, good, header); answer.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s: status %d", path, name, answer.StatusCode)
			}
		}
		if answer := send(t, outside, "POST", a.base+path, good, nil); answer.StatusCode != http.StatusSeeOther || !strings.HasPrefix(answer.Header.Get("Location"), "/login") {
			t.Errorf("%s without a session: status %d", path, answer.StatusCode)
		}
	}
	for _, call := range a.node.calls()[before:] {
		if call.OperationID != "" {
			t.Errorf("a forged form reached the node: %+v", call)
		}
	}
	if answer := get(t, a.client, a.base+"/undo"); answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "POST" {
		t.Errorf("GET /undo: status %d", answer.StatusCode)
	}
}

// A form that is broken, or too long, is refused and does nothing.
func TestBrokenForms(t *testing.T) {
	a := newActing(t)
	for name, form := range map[string]url.Values{
		"no number": a.form("do", "archive", "validity", "1", "uid", "two"),
		"a zero":    a.form("do", "archive", "validity", "1", "uid", "0"),
		"too large": a.form("do", "archive", "validity", "1", "uid", "4294967296"),
	} {
		if answer := a.post(list, form); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, answer.StatusCode)
		}
	}
	for path, form := range map[string]url.Values{"/mail/INBOX?order=colour": a.form("do", "archive"), "/undo": a.form("handle", "!", "back", "/mail/INBOX")} {
		if answer := a.post(path, form); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", path, answer.StatusCode)
		}
	}
	huge := a.form("do", "archive", "validity", "1")
	for range 20_000 {
		huge.Add("uid", "12345")
	}
	if answer := a.post(list, huge); answer.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a huge form: status %d", answer.StatusCode)
	}
	if a.node.asks("*api.ActQuestion")+a.node.asks("*api.UndoQuestion") > 0 {
		t.Error("a broken form reaches the node")
	}
	a.node.fail = api.NewError(api.CodeConflict, "", nil)
	if answer := send(t, a.client, "POST", a.base+list, url.Values{"csrf": {"x"}}, nil); answer.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", answer.StatusCode)
	}
}

// A stale page, whose folder was replaced, says so.
func TestStaleForm(t *testing.T) {
	a := newActing(t)
	form := a.form("do", "archive", "validity", "9", "uid", "2")
	for code, want := range map[api.Code]int{api.CodeConflict: 409, api.CodeNotFound: 404, api.CodeBackendDown: 502} {
		a.node.fail = api.NewError(code, "", nil)
		if answer := a.post(list, form); answer.StatusCode != want || !strings.Contains(answer.text, "<h1") {
			t.Errorf("%s: status %d", code, answer.StatusCode)
		}
	}
}

// A notice that was not made for this session, or this page, is not shown; nor is
// one that somebody changed. What a folder is called cannot break out of it.
func TestNoticesAreGenuine(t *testing.T) {
	a := newActing(t)
	a.node.acted = &api.ActAnswer{Action: api.ActMove, Done: 1, To: api.Folder{Path: []string{`<script>alert(1)</script>`}}, Undo: []byte(`"><b>`)}
	answer := a.post(list, a.form("do", "move", "to", "x", "validity", "1", "uid", "2"))
	value := ""
	for _, cookie := range answer.Cookies() {
		if cookie.Name == "alphamail-notice" {
			value = cookie.Value
			if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode {
				t.Errorf("the cookie is %+v", cookie)
			}
		}
	}
	if value == "" {
		t.Fatal("no notice")
	}
	const said = "1 message moved to"
	if shown := get(t, a.client, a.base+"/mail/INBOX"); strings.Contains(shown.text, said) {
		t.Error("the notice is on another page")
	}
	prefetched := send(t, a.client, "GET", a.base+list, nil, map[string]string{"Sec-Purpose": "prefetch"})
	if strings.Contains(prefetched.text, said) {
		t.Error("the notice is spent on a page that nobody sees yet")
	}
	shown := get(t, a.client, a.base+list)
	if !strings.Contains(shown.text, said) || strings.Contains(shown.text, "<script>") || strings.Contains(shown.text, `"><b>`) {
		t.Error("the notice is not shown, or harms")
	}
	text, tag, _ := strings.Cut(value, ".")
	for _, forged := range []string{value + "A", text, text + ".", "." + tag, text[:len(text)-2] + "." + tag, "e30." + tag, strings.Repeat("A", 3900), "%", ""} {
		header := map[string]string{"Cookie": sessionOf(t, a) + "; alphamail-notice=" + forged}
		if shown := send(t, browser(t), "GET", a.base+list, nil, header); shown.StatusCode != 200 || strings.Contains(shown.text, said) {
			t.Errorf("%.40q: status %d", forged, shown.StatusCode)
		}
	}
	if shown := send(t, browser(t), "GET", a.base+list, nil, map[string]string{"Cookie": sessionOf(t, a) + "; alphamail-notice=" + value}); !strings.Contains(shown.text, said) {
		t.Error("the check itself finds nothing")
	}
}

// sessionOf is the session's cookie as a header.
func sessionOf(t *testing.T, a *acting) string {
	t.Helper()
	address, err := url.Parse(a.base)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range a.client.Jar.Cookies(address) {
		if cookie.Name == "alphamail" {
			return "alphamail=" + cookie.Value
		}
	}
	t.Fatal("no session")
	return ""
}

// A handle that no cookie can hold is left out, and the rest is told.
func TestLargeHandle(t *testing.T) {
	a := newActing(t)
	a.node.acted = &api.ActAnswer{Action: api.ActRead, Done: 200, Undo: make([]byte, 4000)}
	shown := a.follow(a.post(list, a.form("do", "read", "validity", "1", "uid", "2")), list)
	if !strings.Contains(shown.text, "200 messages are marked as read.") || strings.Contains(shown.text, `action="/undo"`) {
		t.Error("the notice is another one")
	}
}

// The node that does it goes away before it answers: its successor is told that the
// question is a repeated one.
func TestRepeatedQuestionSaysSo(t *testing.T) {
	ring := twoNodes()
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	form := url.Values{"csrf": {token(t, get(t, client, base+"/mail/INBOX"))}, "do": {"archive"}, "validity": {"1"}, "uid": {"2"}}
	ring.nodes["one"].fail = api.NewError(api.CodeNodeDown, "", nil)
	before := len(ring.nodes["one"].calls())
	if answer := send(t, client, "POST", base+"/mail/INBOX", form, nil); answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("status %d", answer.StatusCode)
	}
	first, second := ring.nodes["one"].calls()[before:], ring.nodes["two"].calls()
	if len(first) != 2 || first[0].Repeated || !first[1].Repeated || len(second) != 1 || !second[0].Repeated || second[0].OperationID != first[0].OperationID {
		t.Errorf("%+v, then %+v", first, second)
	}
}
