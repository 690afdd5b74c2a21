package frontend_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"go.uber.org/goleak"

	"alphamail/frontend"
	"alphamail/node/api"
)

func TestMain(m *testing.M) {
	// fasthttp keeps these goroutines: some sleep before they notice that they
	// are done, and its compressors stay.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp/stackless.funcWorker"))
}

// fakeNode is a node with one account, ana@example.edu, password "secret".
type fakeNode struct {
	name string
	fail error // answers everything, when set

	refusal error               // answers what shall be saved, when set
	kept    *api.SettingsAnswer // the settings, when set

	renew  time.Time // when sessions want to be renewed
	tooOld error     // what Renew answers, when set

	throttled error // what Attempt answers, when set

	mu       sync.Mutex // guards asked and attempts
	attempts []api.AttemptQuestion
	asked    []api.Call
	last     any

	// What follows is about writing.
	uploads map[string]int64 // bytes, by name
	names   []string         // of the files
	saved   []*api.SaveDraftQuestion
	sends   int
	answer  *api.SendAnswer // what Send answers; sent if nil
	unsaved error           // what SaveDraft answers, when set
	every   []any           // questions, in order
	acted   *api.ActAnswer  // if set, the answer to Act
	// changed, if set, is the answer to Folder.
	changed *api.FolderAnswer
	folders []api.Folder // if set, those that lists come with
	jobs    []api.Job
	// found and searching are what Search answers.
	found     []api.Row
	searching api.SearchState
	part      *api.Stream
	unfound   error // what FindAddresses answers, when set

	// What follows is about tools of a message.
	edit  func(*api.MessageAnswer) // if set, changes the answer to Message
	stays api.UnsubscribeProblem   // the answer to Unsubscribe
}

func (n *fakeNode) note(call *api.Call, question any) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, *call)
	n.last = question
	n.every = append(n.every, question)
	if n.fail != nil {
		return n.fail
	}
	if call.Session.Account != "" && string(call.Session.Seal) != "sealed for "+call.Session.Account+" at "+call.Session.Host {
		return api.NewError(api.CodeAuthExpired, "", nil)
	}
	return nil
}

// question is the last question of a type.
func (n *fakeNode) question(t *testing.T, kind string) any {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, one := range slices.Backward(n.every) {
		if fmt.Sprintf("%T", one) == kind {
			return one
		}
	}
	t.Fatalf("nobody asked a %s", kind)
	return nil
}

// asks counts the questions of a type.
func (n *fakeNode) asks(kind string) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, one := range n.every {
		if fmt.Sprintf("%T", one) == kind {
			count++
		}
	}
	return count
}

func (n *fakeNode) calls() []api.Call {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

func (n *fakeNode) Login(_ context.Context, call *api.Call, q *api.LoginQuestion) (*api.LoginAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	if q.Account != "ana@example.edu" || q.Password != "secret" {
		return nil, api.NewError(api.CodeAuthFailed, "", nil)
	}
	return &api.LoginAnswer{Session: api.Session{Account: q.Account, ID: "SESSION1", Host: q.Host, Seal: []byte("sealed for " + q.Account + " at " + q.Host)}, Expires: time.Now().Add(time.Hour), Renew: n.renew}, nil
}

func (n *fakeNode) Attempt(_ context.Context, call *api.Call, q *api.AttemptQuestion) (*api.AttemptAnswer, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.attempts = append(n.attempts, *q)
	return &api.AttemptAnswer{}, n.throttled
}

func (n *fakeNode) Renew(_ context.Context, call *api.Call, q *api.RenewQuestion) (*api.LoginAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	if n.tooOld != nil {
		return nil, n.tooOld
	}
	return &api.LoginAnswer{Session: call.Session, Expires: time.Now().Add(2 * time.Hour), Renew: time.Now().Add(time.Hour)}, nil
}

func (n *fakeNode) Logout(_ context.Context, call *api.Call, q *api.LogoutQuestion) (*api.LogoutAnswer, error) {
	return &api.LogoutAnswer{}, n.note(call, q)
}

// away is the answer about a mailbox that nobody knows while the mail server is
// away.
var away = &api.Error{Code: api.CodeBackendDown, RetryAfter: 20 * time.Second}

var folder = api.Folder{Mailbox: "INBOX", Path: []string{"INBOX"}, Role: api.RoleInbox, Selectable: true}

func (n *fakeNode) Mailbox(_ context.Context, call *api.Call, q *api.MailboxQuestion) (*api.MailboxAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	switch q.Mailbox {
	case "Nowhere":
		return nil, api.NewError(api.CodeNotFound, "", nil)
	case "Away":
		return nil, away
	}
	folders := []api.Folder{folder}
	if n.folders != nil {
		folders = slices.Clone(n.folders)
	}
	return &api.MailboxAnswer{Settings: n.settings(), Folders: folders, Folder: folder, UIDValidity: 1, Total: 1, LastUID: 2, Filter: q.Filter, Jobs: n.jobs, Page: q.Page, Pages: 3, PageSize: 50, Rows: []api.Row{{ID: api.MessageID{Mailbox: q.Mailbox, UIDValidity: 1, UID: 2}, Subject: "A subject on " + n.name, Date: time.Now()}}}, nil
}

func (n *fakeNode) Message(_ context.Context, call *api.Call, q *api.MessageQuestion) (*api.MessageAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	switch {
	case q.ID.Mailbox == "Away":
		return nil, away
	case q.ID.UIDValidity != 1:
		return nil, api.NewError(api.CodeConflict, "", nil)
	case q.ID.UID != 2:
		return nil, api.NewError(api.CodeNotFound, "", nil)
	}
	answer := &api.MessageAnswer{Settings: n.settings(), Folders: []api.Folder{folder}, Folder: folder, ID: q.ID, Subject: "A subject", Date: time.Now(), HasHTML: true, Page: 1}
	if n.edit != nil {
		n.edit(answer)
	}
	return answer, nil
}

func (n *fakeNode) Body(_ context.Context, call *api.Call, q *api.BodyQuestion) (*api.BodyAnswer, error) {
	if q.ID.Mailbox == "Away" {
		return nil, away
	}
	return &api.BodyAnswer{HTML: "<p>the body</p>"}, n.note(call, q)
}

func (n *fakeNode) Part(_ context.Context, call *api.Call, q *api.PartQuestion) (*api.Stream, error) {
	return n.part, n.note(call, q)
}

func (n *fakeNode) Attachments(_ context.Context, call *api.Call, q *api.AttachmentsQuestion) (*api.Stream, error) {
	return n.part, n.note(call, q)
}

func (n *fakeNode) Unsubscribe(_ context.Context, call *api.Call, q *api.UnsubscribeQuestion) (*api.UnsubscribeAnswer, error) {
	return &api.UnsubscribeAnswer{Host: "list.example", Problem: n.stays}, n.note(call, q)
}

func (n *fakeNode) Raw(_ context.Context, call *api.Call, q *api.RawQuestion) (*api.Stream, error) {
	return n.part, n.note(call, q)
}

func (n *fakeNode) Status(_ context.Context, call *api.Call, q *api.StatusQuestion) (*api.StatusAnswer, error) {
	return &api.StatusAnswer{}, n.note(call, q)
}

func draftID(uid uint32) api.MessageID {
	return api.MessageID{Mailbox: "Drafts", UIDValidity: 1, UID: uid}
}

func (n *fakeNode) Compose(_ context.Context, call *api.Call, q *api.ComposeQuestion) (*api.Draft, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	draft := &api.Draft{
		Folders: []api.Folder{folder}, OperationID: "operation@example.edu", Fields: q.Fields, MaxSize: 25 << 20, CanSend: true,
		Identities: []api.Identity{{ID: "default", Name: "Ana", Address: "ana@example.edu"}},
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case q.Kind == api.ComposeDraft && len(n.saved) > 0:
		last := n.saved[len(n.saved)-1]
		draft.Fields, draft.ID, draft.OperationID, draft.Origin = last.Fields, &q.ID, last.OperationID, last.Origin
	case q.Kind != api.ComposeNew:
		draft.Origin = &api.Origin{Kind: q.Kind, ID: q.ID}
	}
	return draft, nil
}

func (n *fakeNode) Upload(_ context.Context, call *api.Call, q *api.UploadQuestion) (*api.UploadAnswer, error) {
	if err := n.note(call, nil); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.uploads == nil {
		n.uploads = map[string]int64{}
	}
	size := n.uploads[q.Upload]
	if q.Offset != size {
		return nil, api.NewError(api.CodeNotFound, "", nil)
	}
	if q.Offset == 0 {
		n.names = append(n.names, q.Name)
	}
	if size += int64(len(q.Data)); size > 25<<20 {
		return nil, api.NewError(api.CodeTooLarge, "", nil)
	}
	n.uploads[q.Upload] = size
	return &api.UploadAnswer{Size: size}, nil
}

func (n *fakeNode) SaveDraft(_ context.Context, call *api.Call, q *api.SaveDraftQuestion) (*api.SaveDraftAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.unsaved != nil {
		return nil, n.unsaved
	}
	n.saved = append(n.saved, q)
	return &api.SaveDraftAnswer{ID: draftID(uint32(len(n.saved))), OperationID: q.OperationID}, nil
}

func (n *fakeNode) Send(_ context.Context, call *api.Call, q *api.SendQuestion) (*api.SendAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sends++
	if n.answer != nil {
		return n.answer, nil
	}
	return &api.SendAnswer{State: api.SendSent, Copied: true}, nil
}

func (n *fakeNode) Discard(_ context.Context, call *api.Call, q *api.DiscardQuestion) (*api.DiscardAnswer, error) {
	return &api.DiscardAnswer{}, n.note(call, q)
}

func (n *fakeNode) Settle(_ context.Context, call *api.Call, q *api.SettleQuestion) (*api.SettleAnswer, error) {
	if q.Sent {
		return &api.SettleAnswer{}, n.note(call, q)
	}
	return &api.SettleAnswer{ID: &q.ID}, n.note(call, q)
}

func (n *fakeNode) Settings(_ context.Context, call *api.Call, q *api.SettingsQuestion) (*api.SettingsAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	if n.kept == nil {
		return &api.SettingsAnswer{Identities: []api.Identity{{ID: api.OwnIdentity, Address: "ana@example.edu"}}, Senders: []string{api.OwnSender}}, nil
	}
	return n.kept, nil
}

func (n *fakeNode) settings() *api.Settings {
	if n.kept == nil {
		return nil
	}
	return &n.kept.Settings
}

func (n *fakeNode) Save(_ context.Context, call *api.Call, q *api.SaveQuestion) (*api.SaveAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	return &api.SaveAnswer{IDs: make([]string, len(q.Changes))}, n.refusal
}

func (n *fakeNode) Contacts(_ context.Context, call *api.Call, q *api.ContactsQuestion) (*api.ContactsAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	answer := &api.ContactsAnswer{Total: 1, All: 1, Page: 1, Pages: 1}
	switch {
	case q.ID == "" || q.ID == "ben":
		answer.Contacts = []api.Contact{{ID: "ben", Name: "Ben", Addresses: []string{"ben@example.edu"}}}
	case q.ID == "team":
		answer.Lists = []api.ContactList{{ID: "team", Name: "Team", Members: []string{"ben@example.edu"}}}
	default:
		return nil, api.NewError(api.CodeNotFound, "", nil)
	}
	return answer, nil
}

func (n *fakeNode) ImportContacts(_ context.Context, call *api.Call, q *api.ImportContactsQuestion) (*api.ImportContactsAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	return &api.ImportContactsAnswer{Added: 3, Known: 2, Unusable: 1}, n.refusal
}

func (n *fakeNode) FindAddresses(_ context.Context, call *api.Call, q *api.FindAddressesQuestion) (*api.FindAddressesAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	if n.unfound != nil {
		return nil, n.unfound
	}
	if len(q.Add) > 0 {
		return &api.FindAddressesAnswer{Text: q.Text + "+" + strings.Join(q.Add, "+")}, nil
	}
	return &api.FindAddressesAnswer{Text: q.Text, Words: q.Text, Found: []api.FoundAddress{{ID: "ben@example.edu", Name: "Ben", Address: "ben@example.edu"}, {ID: "team", Name: "Team", Members: 2}}, More: 1}, nil
}

func (n *fakeNode) ExportContacts(_ context.Context, call *api.Call, q *api.ExportContactsQuestion) (*api.Stream, error) {
	return n.part, n.note(call, q)
}

func (n *fakeNode) Act(_ context.Context, call *api.Call, q *api.ActQuestion) (*api.ActAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	if n.acted != nil {
		return n.acted, nil
	}
	return &api.ActAnswer{Action: q.Action, Done: len(q.UIDs), Undo: []byte("handle")}, nil
}

func (n *fakeNode) ActAll(_ context.Context, call *api.Call, q *api.ActAllQuestion) (*api.ActAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	if n.acted != nil {
		return n.acted, nil
	}
	return &api.ActAnswer{Action: q.Action, Done: 700, Undo: []byte("handle")}, nil
}

func (n *fakeNode) Usage(_ context.Context, call *api.Call, q *api.UsageQuestion) (*api.UsageAnswer, error) {
	answer := &api.UsageAnswer{Quotas: []api.Quota{{Resource: api.QuotaStorage, Used: 3e9, Limit: 4e9}}}
	if q.Sizes {
		answer.Sizes = []api.FolderSize{{Mailbox: "INBOX", Bytes: 2e9}, {Mailbox: "Work", Bytes: 1e6}}
	}
	return answer, n.note(call, q)
}

func (n *fakeNode) Search(_ context.Context, call *api.Call, q *api.SearchQuestion) (*api.SearchAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	answer := &api.SearchAnswer{Folders: n.folders, Search: q.Search, State: n.searching, Page: q.Page, Pages: 3, PageSize: 50, Found: 120, Rows: n.found, Settings: n.settings()}
	if q.Search.Query == "" {
		answer.Problem, answer.Rows = &api.SearchProblem{Kind: api.SearchEmpty}, nil
	}
	return answer, nil
}

func (n *fakeNode) Jobs(_ context.Context, call *api.Call, q *api.JobsQuestion) (*api.JobsAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	answer := &api.JobsAnswer{Settings: n.settings(), Jobs: n.jobs}
	if q.ID != "" {
		answer.Jobs = nil
		for _, one := range n.jobs {
			if one.ID == q.ID {
				answer.Jobs = []api.Job{one}
			}
		}
		if answer.Jobs == nil {
			return nil, api.NewError(api.CodeNotFound, "", nil)
		}
	}
	return answer, nil
}

func (n *fakeNode) ChangeJob(_ context.Context, call *api.Call, q *api.ChangeJobQuestion) (*api.ChangeJobAnswer, error) {
	id := q.ID
	if q.Change == api.JobUndo {
		id = "undo"
	}
	return &api.ChangeJobAnswer{Job: api.Job{ID: id}}, n.note(call, q)
}

func (n *fakeNode) Undo(_ context.Context, call *api.Call, q *api.UndoQuestion) (*api.UndoAnswer, error) {
	return &api.UndoAnswer{Action: api.ActMove, Folder: folder, Done: 2}, n.note(call, q)
}

func (n *fakeNode) Empty(_ context.Context, call *api.Call, q *api.EmptyQuestion) (*api.ActAnswer, error) {
	return &api.ActAnswer{Action: api.ActErase, Done: 3}, n.note(call, q)
}

func (n *fakeNode) Folder(_ context.Context, call *api.Call, q *api.FolderQuestion) (*api.FolderAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	if n.changed != nil {
		return n.changed, nil
	}
	return &api.FolderAnswer{Folders: []api.Folder{folder}, Folder: api.Folder{Mailbox: "New", Path: []string{"New"}, Selectable: true}}, nil
}

// fakeRing has an owner and a successor for everybody.
type fakeRing struct {
	owner, successor string
	nodes            map[string]*fakeNode
}

func (r fakeRing) Owner(string) (string, bool) { return r.owner, r.owner != "" }
func (r fakeRing) Successor(_ string, suspects ...string) (string, bool) {
	return r.successor, r.successor != "" && !slices.Contains(suspects, r.successor)
}
func (r fakeRing) Digest() uint64    { return 42 }
func (r fakeRing) Members() []string { return slices.Sorted(maps.Keys(r.nodes)) }
func (r fakeRing) Service(name string) (api.Service, bool) {
	node, ok := r.nodes[name]
	return node, ok
}

func twoNodes() fakeRing {
	return fakeRing{"one", "two", map[string]*fakeNode{"one": {name: "one"}, "two": {name: "two"}}}
}

// serve starts a frontend on loopback and returns its base URL.
func serve(t *testing.T, ring fakeRing, edit func(*frontend.Config), secured *tls.Config) string {
	t.Helper()
	config := frontend.Config{Domains: []frontend.Domain{{Name: "example.edu"}, {Name: "example.net"}}, Location: time.UTC}
	if edit != nil {
		edit(&config)
	}
	server, err := frontend.New(config, ring, ring, slog.New(slog.DiscardHandler), metrics.NewSet())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(listener, secured); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
	return "http://" + listener.Addr().String()
}

// browser is a client without automatic redirects.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{
		Jar:           jar,
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type reply struct {
	*http.Response
	text string
}

func send(t *testing.T, client *http.Client, method, address string, form url.Values, header map[string]string) reply {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range header {
		if name == "Host" {
			request.Host = value
		} else {
			request.Header.Set(name, value)
		}
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response, string(text)}
}

func get(t *testing.T, client *http.Client, address string) reply {
	t.Helper()
	return send(t, client, "GET", address, nil, nil)
}

var tokenField = regexp.MustCompile(`name="csrf"[^>]*value="([^"]+)"`)

func token(t *testing.T, page reply) string {
	t.Helper()
	found := tokenField.FindStringSubmatch(page.text)
	if found == nil {
		t.Fatalf("no token in %s", page.text)
	}
	return found[1]
}

func logIn(t *testing.T, client *http.Client, base string) {
	t.Helper()
	form := get(t, client, base+"/login")
	answer := send(t, client, "POST", base+"/login", url.Values{"user": {"ana"}, "domain": {"example.edu"}, "password": {"secret"}, "csrf": {token(t, form)}}, nil)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/mail/INBOX" {
		t.Fatalf("login: status %d, to %q\n%s", answer.StatusCode, answer.Header.Get("Location"), answer.text)
	}
}
