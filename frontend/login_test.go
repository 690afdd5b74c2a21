package frontend_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"alphamail/node/api"
)

func TestLoginReadLogout(t *testing.T) {
	ring := twoNodes()
	base, client := serve(t, ring, nil, nil), browser(t)
	if answer := get(t, client, base+"/mail/Work?page=2"); answer.StatusCode != 303 || answer.Header.Get("Location") != "/login?next=%2Fmail%2FWork%3Fpage%3D2" {
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

// TestFailedLoginsAreCounted asks the owner of the browser's address before a login
// and tells it of a failure; who has to wait is told so, and keeps the form.
func TestFailedLoginsAreCounted(t *testing.T) {
	node := &fakeNode{name: "n1"}
	base, client := serve(t, fakeRing{"n1", "", map[string]*fakeNode{"n1": node}}, nil, nil), browser(t)
	try := func(password string) reply {
		form := get(t, client, base+"/login")
		return send(t, client, "POST", base+"/login", url.Values{"user": {"ana"}, "domain": {"example.edu"}, "password": {password}, "csrf": {token(t, form)}}, nil)
	}
	try("wrong")
	if got, want := fmt.Sprint(node.attempts), "[{127.0.0.1 false} {127.0.0.1 true}]"; got != want {
		t.Errorf("the node was told %s, not %s", got, want)
	}
	throttled := api.NewError(api.CodeThrottled, "", nil)
	throttled.RetryAfter = 3500 * time.Millisecond
	node.throttled = throttled
	asked := node.asks("*api.LoginQuestion")
	answer := try("secret")
	if answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") != "4" || !strings.Contains(answer.text, "Wait 4 seconds") || !strings.Contains(answer.text, `value="ana"`) {
		t.Errorf("status %d, Retry-After %q:\n%s", answer.StatusCode, answer.Header.Get("Retry-After"), answer.text)
	}
	if node.asks("*api.LoginQuestion") != asked {
		t.Error("the password was judged all the same")
	}
	node.throttled = api.NewError(api.CodeNodeDown, "", nil)
	if answer := try("secret"); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("nobody counts, and a login is answered with %d", answer.StatusCode)
	}
}
