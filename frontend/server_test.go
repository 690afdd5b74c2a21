package frontend_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
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
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp/stackless.funcWorker"))
}

// fakeNode is a node with one account, ana@example.edu, password "secret".
type fakeNode struct {
	name string
	fail error // answers everything, when set

	mu    sync.Mutex // guards asked
	asked []api.Call
	last  any
	part  *api.Stream
}

func (n *fakeNode) note(call *api.Call, question any) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, *call)
	n.last = question
	if n.fail != nil {
		return n.fail
	}
	if call.Session.Account != "" && string(call.Session.Seal) != "sealed for "+call.Session.Account+" at "+call.Session.Host {
		return api.NewError(api.CodeAuthExpired, "", nil)
	}
	return nil
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
	return &api.LoginAnswer{Session: api.Session{Account: q.Account, ID: "SESSION1", Host: q.Host, Seal: []byte("sealed for " + q.Account + " at " + q.Host)}, Expires: time.Now().Add(time.Hour)}, nil
}

func (n *fakeNode) Logout(_ context.Context, call *api.Call, q *api.LogoutQuestion) (*api.LogoutAnswer, error) {
	return &api.LogoutAnswer{}, n.note(call, q)
}

var folder = api.Folder{Mailbox: "INBOX", Path: []string{"INBOX"}, Role: api.RoleInbox, Selectable: true}

func (n *fakeNode) Mailbox(_ context.Context, call *api.Call, q *api.MailboxQuestion) (*api.MailboxAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	if q.Mailbox == "Nowhere" {
		return nil, api.NewError(api.CodeNotFound, "", nil)
	}
	return &api.MailboxAnswer{Folders: []api.Folder{folder}, Folder: folder, UIDValidity: 1, Total: 1, Page: q.Page, Pages: 3, PageSize: 50, Rows: []api.Row{{ID: api.MessageID{Mailbox: q.Mailbox, UIDValidity: 1, UID: 2}, Subject: "A subject on " + n.name, Date: time.Now()}}}, nil
}

func (n *fakeNode) Message(_ context.Context, call *api.Call, q *api.MessageQuestion) (*api.MessageAnswer, error) {
	if err := n.note(call, q); err != nil {
		return nil, err
	}
	switch {
	case q.ID.UIDValidity != 1:
		return nil, api.NewError(api.CodeConflict, "", nil)
	case q.ID.UID != 2:
		return nil, api.NewError(api.CodeNotFound, "", nil)
	}
	return &api.MessageAnswer{Folders: []api.Folder{folder}, Folder: folder, ID: q.ID, Subject: "A subject", Date: time.Now(), HasHTML: true, Page: 1}, nil
}

func (n *fakeNode) Body(_ context.Context, call *api.Call, q *api.BodyQuestion) (*api.BodyAnswer, error) {
	return &api.BodyAnswer{HTML: "<p>the body</p>"}, n.note(call, q)
}

func (n *fakeNode) Part(_ context.Context, call *api.Call, q *api.PartQuestion) (*api.Stream, error) {
	return n.part, n.note(call, q)
}

func (n *fakeNode) Raw(_ context.Context, call *api.Call, q *api.RawQuestion) (*api.Stream, error) {
	return n.part, n.note(call, q)
}

func (n *fakeNode) Status(_ context.Context, call *api.Call, q *api.StatusQuestion) (*api.StatusAnswer, error) {
	return &api.StatusAnswer{}, n.note(call, q)
}

// fakeRing has an owner and a successor for everybody.
type fakeRing struct {
	owner, successor string
	nodes            map[string]*fakeNode
}

func (r fakeRing) Owner(string) (string, bool)             { return r.owner, r.owner != "" }
func (r fakeRing) Successor(string, string) (string, bool) { return r.successor, r.successor != "" }
func (r fakeRing) Digest() uint64                          { return 42 }
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

func TestLoginReadLogout(t *testing.T) {
	ring := twoNodes()
	base, client := serve(t, ring, nil, nil), browser(t)
	if answer := get(t, client, base+"/mail/Work?page=2"); answer.StatusCode != 303 || answer.Header.Get("Location") != "/login?next=%2Fmail%2FWork" {
		t.Fatalf("without session: %d %q", answer.StatusCode, answer.Header.Get("Location"))
	}
	logIn(t, client, base)
	list := get(t, client, base+"/mail/INBOX")
	if list.StatusCode != 200 || !strings.Contains(list.text, "A subject on one") {
		t.Fatalf("the list: %d\n%s", list.StatusCode, list.text)
	}
	if answer := get(t, client, base+"/mail/INBOX/1-2"); answer.StatusCode != 200 || !ring.nodes["one"].last.(*api.MessageQuestion).MarkSeen {
		t.Errorf("a message: %d, asked %+v", answer.StatusCode, ring.nodes["one"].last)
	}
	send(t, client, "GET", base+"/mail/INBOX/1-2", nil, map[string]string{"Sec-Purpose": "prefetch"})
	if ring.nodes["one"].last.(*api.MessageQuestion).MarkSeen {
		t.Error("a prefetch marks the message as seen")
	}
	body := get(t, client, base+"/mail/INBOX/1-2/body")
	if policy := body.Header.Get("Content-Security-Policy"); !strings.Contains(body.text, "the body") || !strings.HasPrefix(policy, "sandbox ") {
		t.Errorf("the body: %q under %q", body.text, policy)
	}
	for _, path := range []string{"/folders", "/mail/INBOX/1-2/print", "/mail/INBOX?page=3", "/mail/INBOX/1-2?view=text&details=1&remote=1"} {
		if answer := get(t, client, base+path); answer.StatusCode != 200 {
			t.Errorf("%s: status %d", path, answer.StatusCode)
		}
	}
	if forged := send(t, client, "POST", base+"/logout", url.Values{"csrf": {"AAAA"}}, nil); forged.StatusCode != 403 {
		t.Errorf("logout with a forged token: %d", forged.StatusCode)
	}
	ended := send(t, client, "POST", base+"/logout", url.Values{"csrf": {token(t, list)}}, nil)
	if ended.StatusCode != 303 || ended.Header.Get("Location") != "/login?problem=logged_out" {
		t.Errorf("logout: %d %q", ended.StatusCode, ended.Header.Get("Location"))
	}
	if answer := get(t, client, base+"/mail/INBOX"); answer.StatusCode != 303 {
		t.Errorf("after logout: %d", answer.StatusCode)
	}
}

func TestTokensDifferInEveryResponse(t *testing.T) {
	base, client := serve(t, twoNodes(), nil, nil), browser(t)
	if first, second := token(t, get(t, client, base+"/login")), token(t, get(t, client, base+"/login")); first == second {
		t.Error("the token is the same in two responses")
	}
}

func TestLoginRefusals(t *testing.T) {
	base := serve(t, twoNodes(), nil, nil)
	fields := func(user, domain, password string) url.Values {
		return url.Values{"user": {user}, "domain": {domain}, "password": {password}}
	}
	for name, test := range map[string]struct {
		form   url.Values
		status int
	}{
		"wrong password":        {fields("ana", "example.edu", "wrong"), 401},
		"unknown user":          {fields("eve", "example.edu", "secret"), 401},
		"another domain":        {fields("ana", "example.net", "secret"), 401},
		"nothing":               {url.Values{}, 400},
		"no password":           {fields("ana", "example.edu", ""), 400},
		"unknown domain":        {fields("ana", "example.org", "secret"), 400},
		"unknown domain typed":  {fields("ana@example.org", "example.edu", "secret"), 400},
		"several, none chosen":  {fields("ana", "", "secret"), 400},
		"space in the name":     {fields("a na", "example.edu", "secret"), 400},
		"newline in the name":   {fields("a\nna", "example.edu", "secret"), 400},
		"a very long name":      {fields(strings.Repeat("a", 1000), "example.edu", "secret"), 400},
		"a name of an address":  {fields("@example.edu", "example.edu", "secret"), 400},
		"bytes that are no UTF": {fields("a\xff", "example.edu", "secret"), 400},
	} {
		client := browser(t)
		test.form.Set("csrf", token(t, get(t, client, base+"/login")))
		answer := send(t, client, "POST", base+"/login", test.form, nil)
		if answer.StatusCode != test.status || !strings.Contains(answer.text, `name="password"`) || strings.Contains(answer.text, "secret") {
			t.Errorf("%s: status %d, want %d and the form again", name, answer.StatusCode, test.status)
		}
		for _, cookie := range answer.Cookies() {
			if cookie.Name == "alphamail" && cookie.Value != "" {
				t.Errorf("%s: a session is set", name)
			}
		}
	}
}

func TestAddressAsUserName(t *testing.T) {
	ring := twoNodes()
	base, client := serve(t, ring, nil, nil), browser(t)
	form := url.Values{"user": {" Ana@Example.EDU "}, "domain": {"example.net"}, "password": {"secret"}, "csrf": {token(t, get(t, client, base+"/login"))}}
	if answer := send(t, client, "POST", base+"/login", form, nil); answer.StatusCode != 303 {
		t.Errorf("status %d", answer.StatusCode)
	}
}

func TestBrowserWithoutCookies(t *testing.T) {
	base := serve(t, twoNodes(), nil, nil)
	client := browser(t)
	form := get(t, client, base+"/login")
	client.Jar = nil
	answer := send(t, client, "POST", base+"/login", url.Values{"user": {"ana"}, "domain": {"example.edu"}, "password": {"secret"}, "csrf": {token(t, form)}}, nil)
	if answer.StatusCode != 400 || !strings.Contains(strings.ToLower(answer.text), "cookie") {
		t.Errorf("status %d, and the page says nothing of cookies", answer.StatusCode)
	}
}

func TestForgedLogin(t *testing.T) {
	base := serve(t, twoNodes(), nil, nil)
	for name, header := range map[string]map[string]string{
		"another origin": {"Origin": "https://evil.example"},
		"another port":   {"Origin": "http://127.0.0.1:1"},
		"cross-site":     {"Sec-Fetch-Site": "cross-site"},
		"same-site":      {"Sec-Fetch-Site": "same-site"},
	} {
		client := browser(t)
		form := url.Values{"user": {"ana"}, "domain": {"example.edu"}, "password": {"secret"}, "csrf": {token(t, get(t, client, base+"/login"))}}
		if answer := send(t, client, "POST", base+"/login", form, header); answer.StatusCode != 403 {
			t.Errorf("%s: status %d", name, answer.StatusCode)
		}
		header = map[string]string{"Origin": base}
		if answer := send(t, client, "POST", base+"/login", form, header); answer.StatusCode != 303 {
			t.Errorf("%s: our own origin afterwards: status %d", name, answer.StatusCode)
		}
	}
	client := browser(t)
	get(t, client, base+"/login")
	other := get(t, browser(t), base+"/login")
	form := url.Values{"user": {"ana"}, "domain": {"example.edu"}, "password": {"secret"}, "csrf": {token(t, other)}}
	if answer := send(t, client, "POST", base+"/login", form, nil); answer.StatusCode != 400 {
		t.Errorf("another visitor's token: status %d", answer.StatusCode)
	}
}

func TestForgedSessions(t *testing.T) {
	base := serve(t, twoNodes(), nil, nil)
	for name, value := range map[string]string{
		"garbage":         "garbage",
		"empty fields":    "1...",
		"no seal":         "1.YW5h.S.",
		"unsealed":        "1.YW5hQGV4YW1wbGUuZWR1.SESSION1.Zm9yZ2Vk",
		"another account": "1.ZXZlQGV4YW1wbGUuZWR1.SESSION1.c2VhbGVkIGZvciBhbmFAZXhhbXBsZS5lZHUgYXQgMTI3LjAuMC4x",
		"very long":       "1." + strings.Repeat("A", 3000) + ".S.AAAA",
	} {
		answer := send(t, browser(t), "GET", base+"/mail/INBOX", nil, map[string]string{"Cookie": "alphamail=" + value})
		cleared := false
		for _, cookie := range answer.Cookies() {
			cleared = cleared || cookie.Name == "alphamail" && cookie.Value == ""
		}
		if answer.StatusCode != 303 || !strings.HasPrefix(answer.Header.Get("Location"), "/login?problem=expired") || !cleared {
			t.Errorf("%s: status %d to %q, cleared %v", name, answer.StatusCode, answer.Header.Get("Location"), cleared)
		}
	}
}

func TestNextStaysHere(t *testing.T) {
	base := serve(t, twoNodes(), nil, nil)
	for next, want := range map[string]string{
		"/mail/INBOX/1-2":          "/mail/INBOX/1-2",
		"/mail/%E7%A0%94?page=2":   "/mail/%E7%A0%94?page=2",
		"/folders":                 "/folders",
		"":                         "/mail/INBOX",
		"//evil.example/mail":      "/mail/INBOX",
		"/\\evil.example":          "/mail/INBOX",
		"\\\\evil.example":         "/mail/INBOX",
		"https://evil.example/":    "/mail/INBOX",
		"/mail/INBOX\r\nX: y":      "/mail/INBOX",
		"javascript:alert(1)":      "/mail/INBOX",
		"mail/INBOX":               "/mail/INBOX",
		"/logout":                  "/mail/INBOX",
		"/login":                   "/mail/INBOX",
		"/%2F%2Fevil.example":      "/mail/INBOX",
		"/\t/evil.example":         "/mail/INBOX",
		"/mail/" + long(3000):      "/mail/INBOX",
		"/.//evil.example":         "/mail/INBOX",
		"/mail/..//evil.example":   "/mail/INBOX",
		"///evil.example/folders":  "/mail/INBOX",
		"http:/mail/INBOX":         "/mail/INBOX",
		"//ana:x@evil.example/":    "/mail/INBOX",
		"/mail/INBOX#//evil":       "/mail/INBOX#//evil",
		"/folders?next=//evil.com": "/folders?next=//evil.com",
	} {
		client := browser(t)
		form := url.Values{"user": {"ana"}, "domain": {"example.edu"}, "password": {"secret"}, "next": {next}, "csrf": {token(t, get(t, client, base+"/login"))}}
		if answer := send(t, client, "POST", base+"/login", form, nil); answer.StatusCode != 303 || answer.Header.Get("Location") != want {
			t.Errorf("next %q leads to %q", next, answer.Header.Get("Location"))
		}
	}
}

func long(n int) string { return strings.Repeat("a", n) }

func TestErrorsBecomePages(t *testing.T) {
	ring := twoNodes()
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	for path, want := range map[string]int{
		"/mail/Nowhere":                   404,
		"/mail/INBOX/1-3":                 404,
		"/mail/INBOX/2-2":                 409,
		"/mail/INBOX/x":                   400,
		"/mail/INBOX/0-0":                 400,
		"/mail/INBOX/1-2/else":            404,
		"/mail/INBOX/1-2/part/":           404,
		"/mail/INBOX/1-2/part/1..2":       404,
		"/mail/INBOX?page=0":              400,
		"/mail/INBOX?page=x":              400,
		"/mail/%ff":                       400,
		"/mail/a~9":                       400,
		"/mail/":                          400,
		"/nothing":                        404,
		"/assets/none.css":                404,
		"/mail/INBOX?q=" + long(9000):     414,
		"/mail/" + long(20000):            431,
		"/favicon.ico":                    404,
		"/mail/a/b/c/d/e/f/g":             404,
		"/robots.txt":                     200,
		"/mail/INBOX/99999999999-1":       400,
		"/mail/INBOX/1-2?view=text&x=%00": 200,
	} {
		answer := get(t, client, base+path)
		if answer.StatusCode != want {
			t.Errorf("%.40s: status %d, want %d", path, answer.StatusCode, want)
		}
		if want >= 400 && (!strings.Contains(answer.text, "<h1") || answer.Header.Get("X-Request-Id") == "" || !strings.Contains(answer.text, answer.Header.Get("X-Request-Id"))) {
			t.Errorf("%.40s: the page does not explain: %.300s", path, answer.text)
		}
	}
	for code, want := range map[api.Code]int{
		api.CodeBackendDown: 502, api.CodeBusy: 503, api.CodeDeadline: 504, api.CodeTooLarge: 413, api.CodeInternal: 500, api.CodeUnsupported: 501, "newer": 500,
	} {
		ring.nodes["one"].fail = &api.Error{Code: code, RetryAfter: 1500 * time.Millisecond, Cause: errors.New("the inside")}
		answer := get(t, client, base+"/mail/INBOX")
		if answer.StatusCode != want || strings.Contains(answer.text, "the inside") || answer.Header.Get("Retry-After") != "2" {
			t.Errorf("%s: status %d, want %d", code, answer.StatusCode, want)
		}
	}
	ring.nodes["one"].fail = nil
	huge := send(t, client, "GET", base+"/login", nil, map[string]string{"X-Huge": long(20000)})
	if huge.StatusCode != 431 {
		t.Errorf("a huge header: status %d", huge.StatusCode)
	}
	for _, test := range []struct{ method, path, allow string }{{"POST", "/mail/INBOX", "GET, HEAD"}, {"GET", "/logout", "POST"}, {"DELETE", "/login", "GET, HEAD, POST"}} {
		if answer := send(t, client, test.method, base+test.path, nil, nil); answer.StatusCode != 405 || answer.Header.Get("Allow") != test.allow {
			t.Errorf("%s %s: status %d, allows %q", test.method, test.path, answer.StatusCode, answer.Header.Get("Allow"))
		}
	}
}

func TestLargeForm(t *testing.T) {
	base := serve(t, twoNodes(), func(c *frontend.Config) { c.MaxForm = 1000 }, nil)
	if answer := send(t, browser(t), "POST", base+"/login", url.Values{"user": {long(1500)}}, nil); answer.StatusCode != 413 {
		t.Errorf("status %d", answer.StatusCode)
	}
}

func TestMailboxNamesSurviveTheWay(t *testing.T) {
	ring := twoNodes()
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	for segment, want := range map[string]string{
		"My%20Folder": "My Folder", "a~1b": "a/b", "a~0b": "a~b", "100%25": "100%", "R%26D": "R&D",
		"%E7%A0%94%E7%A9%B6%E5%AE%A4": "研究室", "%F0%9F%93%AC": "📬", "a%3Fb": "a?b", "a%23b": "a#b", "a+b": "a+b", "~2~2": "..", "INBOX.Work": "INBOX.Work",
	} {
		if answer := get(t, client, base+"/mail/"+segment); answer.StatusCode != 200 {
			t.Errorf("%s: status %d", segment, answer.StatusCode)
		}
		if got := ring.nodes["one"].last.(*api.MailboxQuestion).Mailbox; got != want {
			t.Errorf("%s arrives as %q, want %q", segment, got, want)
		}
	}
}

func TestEveryResponseIsSecured(t *testing.T) {
	ring := twoNodes()
	ring.nodes["one"].part = &api.Stream{StreamHead: api.StreamHead{MediaType: "text/html", Name: "x.html", Size: 3}, Content: io.NopCloser(strings.NewReader("<p>"))}
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	for _, path := range []string{"/", "/login", "/mail/INBOX", "/mail/INBOX/1-2", "/mail/INBOX/1-2/body", "/mail/INBOX/1-2/print", "/mail/INBOX/1-2/part/2", "/folders", "/nothing", "/robots.txt", "/mail/" + long(20000)} {
		answer := get(t, client, base+path)
		header := answer.Header
		policy := header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src") ||
			header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "no-referrer" ||
			header.Get("Server") != "" || header.Get("Strict-Transport-Security") != "" || header.Get("X-Request-Id") == "" {
			t.Errorf("%.40s: headers %v", path, header)
		}
	}
}

func TestStreams(t *testing.T) {
	ring := twoNodes()
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	for name, test := range map[string]struct {
		head              api.StreamHead
		path              string
		mediaType, starts string
	}{
		"html is saved":      {api.StreamHead{MediaType: "text/html", Name: "x.html", Size: 4}, "part/2", "application/octet-stream", "attachment"},
		"svg is saved":       {api.StreamHead{MediaType: "image/svg+xml", Name: "x.svg", Size: -1}, "part/2", "application/octet-stream", "attachment"},
		"png is shown":       {api.StreamHead{MediaType: "image/png", Name: "x.png", Size: 4}, "part/2", "image/png", "inline"},
		"png on request":     {api.StreamHead{MediaType: "image/png", Name: "x.png", Size: 4}, "part/2?download=1", "application/octet-stream", "attachment"},
		"text is shown":      {api.StreamHead{MediaType: "text/plain", Charset: "koi8-r", Name: "x", Size: -1}, "part/1.2", "text/plain; charset=koi8-r", "inline"},
		"odd charset label":  {api.StreamHead{MediaType: "text/plain", Charset: "x\r\nY: z", Name: "x", Size: 4}, "part/1", "text/plain; charset=utf-8", "inline"},
		"raw is text":        {api.StreamHead{MediaType: "message/rfc822", Name: "m.eml", Size: 4}, "raw", "text/plain; charset=utf-8", "inline"},
		"raw can be saved":   {api.StreamHead{MediaType: "message/rfc822", Name: "m.eml", Size: 4}, "raw?download=1", "message/rfc822", "attachment"},
		"name in any script": {api.StreamHead{MediaType: "image/png", Name: `報"告;.png`, Size: 4}, "part/2", "image/png", "inline; filename*=utf-8''"},
	} {
		ring.nodes["one"].part = &api.Stream{StreamHead: test.head, Content: io.NopCloser(strings.NewReader("data"))}
		answer := get(t, client, base+"/mail/INBOX/1-2/"+test.path)
		if answer.StatusCode != 200 || answer.text != "data" || answer.Header.Get("Content-Type") != test.mediaType ||
			!strings.HasPrefix(answer.Header.Get("Content-Disposition"), test.starts) || !strings.Contains(answer.Header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: status %d, %q, headers %v", name, answer.StatusCode, answer.text, answer.Header)
		}
		if test.head.Size >= 0 && answer.ContentLength != test.head.Size {
			t.Errorf("%s: Content-Length %d", name, answer.ContentLength)
		}
	}
}

func TestBrokenStreamIsNotAShortOne(t *testing.T) {
	ring := twoNodes()
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	broken := io.MultiReader(strings.NewReader("some"), &failing{})
	ring.nodes["one"].part = &api.Stream{StreamHead: api.StreamHead{MediaType: "image/png", Name: "x", Size: -1}, Content: io.NopCloser(broken)}
	response, err := client.Get(base + "/mail/INBOX/1-2/part/1")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err == nil {
		t.Errorf("a stream that broke is read as %q", text)
	}
}

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestHead(t *testing.T) {
	ring := twoNodes()
	base, client := serve(t, ring, nil, nil), browser(t)
	logIn(t, client, base)
	for _, path := range []string{"/login", "/mail/INBOX", "/mail/INBOX/1-2"} {
		if answer := send(t, client, "HEAD", base+path, nil, nil); answer.StatusCode != 200 || answer.text != "" {
			t.Errorf("%s: status %d, %q", path, answer.StatusCode, answer.text)
		}
	}
	if ring.nodes["one"].last.(*api.MessageQuestion).MarkSeen {
		t.Error("HEAD marks the message as seen")
	}
}

func TestRouting(t *testing.T) {
	down := api.NewError(api.CodeNodeDown, "", nil)
	for name, test := range map[string]struct {
		one, two error
		status   int
		asked    string // nodes in order, with hops and suspect
	}{
		"the owner answers":            {nil, nil, 200, "one/0/"},
		"the owner moved":              {&api.Error{Code: api.CodeNotOwner, Owner: "two"}, nil, 200, "one/0/ two/1/"},
		"nobody is the owner":          {&api.Error{Code: api.CodeNotOwner, Owner: "two"}, &api.Error{Code: api.CodeNotOwner, Owner: "one"}, 503, "one/0/ two/1/"},
		"the new owner is gone":        {&api.Error{Code: api.CodeNotOwner, Owner: "two"}, down, 503, "one/0/ two/1/ two/1/ two/1/two"},
		"the owner is gone":            {down, nil, 200, "one/0/ one/0/ two/0/one"},
		"both are gone":                {down, down, 503, "one/0/ one/0/ two/0/one"},
		"slowness is no suspicion":     {api.NewError(api.CodeDeadline, "", nil), nil, 504, "one/0/"},
		"a busy owner is not suspect":  {api.NewError(api.CodeBusy, "", nil), nil, 503, "one/0/"},
		"the owner is an unknown node": {&api.Error{Code: api.CodeNotOwner, Owner: "three"}, nil, 200, "one/0/ two/1/three"},
	} {
		ring := twoNodes()
		base, client := serve(t, ring, nil, nil), browser(t)
		logIn(t, client, base)
		ring.nodes["one"].asked, ring.nodes["one"].fail, ring.nodes["two"].fail = nil, test.one, test.two
		answer := get(t, client, base+"/mail/INBOX")
		var asked []string
		for _, node := range []string{"one", "two"} {
			for _, call := range ring.nodes[node].calls() {
				asked = append(asked, fmt.Sprintf("%s/%d/%s", node, call.Hops, call.Suspect))
				if call.RingDigest != 42 || call.RequestID != answer.Header.Get("X-Request-Id") {
					t.Errorf("%s: call %+v", name, call)
				}
			}
		}
		if got := strings.Join(asked, " "); answer.StatusCode != test.status || got != test.asked {
			t.Errorf("%s: status %d, asked %q, want %d, %q", name, answer.StatusCode, got, test.status, test.asked)
		}
	}
	if answer := get(t, browser(t), serve(t, fakeRing{}, nil, nil)+"/login"); answer.StatusCode != 200 {
		t.Errorf("the login page without any node: %d", answer.StatusCode)
	}
}

func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	return &tls.Config{Certificates: server.TLS.Certificates}
}

func TestCanonicalHost(t *testing.T) {
	public, err := url.Parse("https://mail.example.edu")
	if err != nil {
		t.Fatal(err)
	}
	withURL := func(c *frontend.Config) { c.PublicURL = public }
	proxied := func(c *frontend.Config) {
		c.PublicURL = public
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	secured := selfSigned(t)
	for name, test := range map[string]struct {
		edit     func(*frontend.Config)
		tls      *tls.Config
		scheme   string
		method   string
		header   map[string]string
		status   int
		location string
	}{
		"loopback by number":              {nil, nil, "http", "GET", nil, 200, ""},
		"loopback by name":                {nil, nil, "http", "GET", map[string]string{"Host": "localhost:8080"}, 200, ""},
		"another name on loopback":        {nil, nil, "http", "GET", map[string]string{"Host": "evil.example"}, 421, ""},
		"canonical":                       {withURL, secured, "https", "GET", map[string]string{"Host": "mail.example.edu"}, 200, ""},
		"canonical with port":             {withURL, secured, "https", "GET", map[string]string{"Host": "mail.example.edu:443"}, 200, ""},
		"another name":                    {withURL, secured, "https", "GET", map[string]string{"Host": "www.example.edu"}, 308, "https://mail.example.edu/login?next=%2Ffolders"},
		"another name, form":              {withURL, secured, "https", "POST", map[string]string{"Host": "www.example.edu"}, 303, "https://mail.example.edu/login"},
		"plain on the HTTPS port":         {withURL, secured, "http", "GET", map[string]string{"Host": "mail.example.edu"}, 308, "https://mail.example.edu/login?next=%2Ffolders"},
		"plain on the HTTPS port, no URL": {nil, secured, "http", "GET", map[string]string{"Host": "h.example:8443"}, 308, "https://h.example:8443/login?next=%2Ffolders"},
		"HTTPS without URL":               {nil, secured, "https", "GET", map[string]string{"Host": "h.example"}, 200, ""},
		"plain where HTTPS is promised":   {withURL, nil, "http", "GET", map[string]string{"Host": "mail.example.edu"}, 308, "https://mail.example.edu/login?next=%2Ffolders"},
		"a proxy that tells":              {proxied, nil, "http", "GET", map[string]string{"Host": "mail.example.edu", "X-Forwarded-Proto": "https"}, 200, ""},
		"a proxy that tells plain":        {proxied, nil, "http", "GET", map[string]string{"Host": "mail.example.edu", "X-Forwarded-Proto": "http"}, 308, "https://mail.example.edu/login?next=%2Ffolders"},
		"a proxy that tells nothing":      {proxied, nil, "http", "GET", map[string]string{"Host": "mail.example.edu"}, 200, ""},
		"a proxy under another name":      {proxied, nil, "http", "GET", map[string]string{"Host": "backend:8080", "X-Forwarded-Host": "mail.example.edu", "X-Forwarded-Proto": "https"}, 200, ""},
		"a liar":                          {withURL, nil, "http", "GET", map[string]string{"Host": "mail.example.edu", "X-Forwarded-Proto": "https"}, 308, "https://mail.example.edu/login?next=%2Ffolders"},
	} {
		base := strings.Replace(serve(t, twoNodes(), test.edit, test.tls), "http:", test.scheme+":", 1)
		var form url.Values
		if test.method == "POST" {
			form = url.Values{"user": {"ana"}}
		}
		answer := send(t, browser(t), test.method, base+"/login?next=%2Ffolders", form, test.header)
		if answer.StatusCode != test.status || answer.Header.Get("Location") != test.location {
			t.Errorf("%s: status %d to %q", name, answer.StatusCode, answer.Header.Get("Location"))
		}
		if test.status != 200 && len(answer.Cookies()) > 0 {
			t.Errorf("%s: a cookie is set under the wrong name", name)
		}
		for _, cookie := range answer.Cookies() {
			https := test.scheme == "https" || test.edit != nil
			if cookie.Secure != https || strings.HasPrefix(cookie.Name, "__Host-") != https || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" {
				t.Errorf("%s: cookie %v", name, cookie)
			}
		}
		if hsts := answer.Header.Get("Strict-Transport-Security") != ""; test.status == 200 && hsts != (test.scheme == "https" || test.edit != nil) {
			t.Errorf("%s: HSTS %v", name, hsts)
		}
	}
}

func TestClientAddress(t *testing.T) {
	ring := twoNodes()
	base := serve(t, ring, func(c *frontend.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	}, nil)
	client := browser(t)
	logIn(t, client, base)
	for forwarded, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "198.51.100.1, 192.0.2.7, 10.1.1.1": "192.0.2.7", "": "127.0.0.1", "nonsense": "127.0.0.1", "2001:db8::1": "2001:db8::1",
	} {
		send(t, client, "GET", base+"/mail/INBOX", nil, map[string]string{"X-Forwarded-For": forwarded})
		calls := ring.nodes["one"].calls()
		if got := calls[len(calls)-1].ClientAddress; got != want {
			t.Errorf("%q is understood as %s, not %s", forwarded, got, want)
		}
	}
}

func TestCompression(t *testing.T) {
	base, client := serve(t, twoNodes(), nil, nil), browser(t)
	client.Transport.(*http.Transport).DisableCompression = true
	plain := get(t, client, base+"/login")
	style := regexp.MustCompile(`/assets/style\.[0-9a-f]+\.css`).FindString(plain.text)
	if style == "" {
		t.Fatal("the page names no style")
	}
	for _, path := range []string{"/login", style} {
		plain := get(t, client, base+path)
		for _, encoding := range []string{"zstd", "br", "gzip"} {
			answer := send(t, client, "GET", base+path, nil, map[string]string{"Accept-Encoding": encoding})
			if answer.Header.Get("Content-Encoding") != encoding || len(answer.text) >= len(plain.text) || !strings.Contains(answer.Header.Get("Vary"), "Accept-Encoding") {
				t.Errorf("%s as %s: %d bytes of %d, headers %v", path, encoding, len(answer.text), len(plain.text), answer.Header)
			}
		}
	}
	if cache := get(t, client, base+style).Header.Get("Cache-Control"); !strings.Contains(cache, "immutable") {
		t.Errorf("the style is kept as %q", cache)
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	var log bytes.Buffer
	ring := twoNodes()
	server, err := frontend.New(frontend.Config{Domains: []frontend.Domain{{Name: "example.edu"}}}, ring, ring, slog.New(slog.NewTextHandler(&log, nil)), metrics.NewSet())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(listener, nil) })
	base, client := "http://"+listener.Addr().String(), browser(t)
	logIn(t, client, base)
	get(t, client, base+"/mail/Private%20Matters")
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	serving.Wait()
	if text := log.String(); strings.Contains(text, "secret") || strings.Contains(text, "Private") || strings.Contains(text, "sealed for") || !strings.Contains(text, "ana@example.edu") {
		t.Errorf("the log says:\n%s", text)
	}
}
