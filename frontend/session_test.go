package frontend_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"alphamail/node/api"
)

// due is a node whose sessions want to be renewed at once.
func due() *fakeNode { return &fakeNode{name: "n1", renew: time.Now().Add(-time.Second)} }

const renewing = "*api.RenewQuestion"

func setsSession(answer reply) bool {
	for _, cookie := range answer.Cookies() {
		if cookie.Name == "alphamail" {
			return true
		}
	}
	return false
}

func TestSessionsInUseAreRenewed(t *testing.T) {
	node := due()
	base, client := serve(t, fakeRing{"n1", "", map[string]*fakeNode{"n1": node}}, nil, nil), browser(t)
	logIn(t, client, base)
	for name, headers := range map[string]map[string]string{
		"loaded again by itself": {"Sec-Fetch-Mode": "navigate"},
		"fetched in advance":     {"Sec-Purpose": "prefetch", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-User": "?1"},
		"a part of a page":       {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
	} {
		if answer := send(t, client, "GET", base+"/mail/INBOX", nil, headers); setsSession(answer) || node.asks(renewing) != 0 {
			t.Errorf("a page that is %s renews the session", name)
		}
	}
	form := get(t, client, base+"/mail/INBOX")
	if !setsSession(form) || node.asks(renewing) != 1 {
		t.Fatalf("a page that the user asks for: %d renewals", node.asks(renewing))
	}
	if again := send(t, client, "GET", base+"/mail/INBOX", nil, map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-User": "?1"}); setsSession(again) {
		t.Error("it is renewed before it is time")
	}
}

// TestFormsOutliveARenewal sends a form of a page from before the session was
// renewed.
func TestFormsOutliveARenewal(t *testing.T) {
	node := due()
	base, client := serve(t, fakeRing{"n1", "", map[string]*fakeNode{"n1": node}}, nil, nil), browser(t)
	logIn(t, client, base)
	open := send(t, client, "GET", base+"/mail/INBOX", nil, map[string]string{"Sec-Fetch-Mode": "navigate"})
	if !setsSession(get(t, client, base+"/folders")) {
		t.Fatal("the session was not renewed")
	}
	answer := send(t, client, "POST", base+"/folders", url.Values{"csrf": {token(t, open)}, "name": {"New"}}, nil)
	if answer.StatusCode == http.StatusForbidden || node.asks("*api.FolderQuestion") != 1 {
		t.Errorf("the form is answered with %d", answer.StatusCode)
	}
}

func TestARenewalThatFailsIsNotNoticed(t *testing.T) {
	node := due()
	node.tooOld = api.NewError(api.CodeNodeDown, "", nil)
	base, client := serve(t, fakeRing{"n1", "", map[string]*fakeNode{"n1": node}}, nil, nil), browser(t)
	logIn(t, client, base)
	for range 2 {
		if answer := get(t, client, base+"/mail/INBOX"); answer.StatusCode != http.StatusOK || setsSession(answer) {
			t.Errorf("status %d, sets a session: %v", answer.StatusCode, setsSession(answer))
		}
	}
	if node.asks(renewing) < 2 {
		t.Error("nobody tries again")
	}
}

func TestLogoutIsNotUndoneByARenewal(t *testing.T) {
	node := due()
	base, client := serve(t, fakeRing{"n1", "", map[string]*fakeNode{"n1": node}}, nil, nil), browser(t)
	logIn(t, client, base)
	form := send(t, client, "GET", base+"/mail/INBOX", nil, map[string]string{"Sec-Fetch-Mode": "navigate"})
	send(t, client, "POST", base+"/logout", url.Values{"csrf": {token(t, form)}}, nil)
	if node.asks(renewing) != 0 {
		t.Error("a session that was ended is renewed")
	}
	if after := get(t, client, base+"/mail/INBOX"); after.Request.URL.Path == "/mail/INBOX" && after.StatusCode == http.StatusOK {
		t.Error("the browser still has the session")
	}
}
