package main

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// TestEndedSessionsStayEnded copies the cookies of a session that then logs out:
// they are of no use, even after the process was killed and started again. Another
// session of the same user goes on.
func TestEndedSessionsStayEnded(t *testing.T) {
	server := mailServer(t)
	web := freeAddress(t)
	p, path := alone(t, server.IMAPAddr(), "listen: "+web, "admin_listen: "+freeAddress(t))
	base := "http://" + web
	other, owner, thief := newVisitor(t), newVisitor(t), newVisitor(t)
	other.logIn(base, ana, anaPassword)
	inbox := owner.logIn(base, ana, anaPassword)
	thief.client.Jar = copyOfCookies(t, owner, base)
	if page := thief.open(base + "/mail/INBOX"); page.url.Path != "/mail/INBOX" {
		t.Fatalf("before the logout the copy leads to %s: it proves nothing", page.url)
	}
	if page, err := owner.post(inbox, "/logout", url.Values{}); err != nil || page.url.Path != "/login" {
		t.Fatalf("the logout leads to %s, %v", page.url, err)
	}

	stolen := copyOfCookies(t, thief, base)
	refused := func(when string) {
		t.Helper()
		thief.client.Jar = stolen
		stolen = copyOfCookies(t, thief, base) // the refusal takes the cookie out of the other jar
		if page, err := thief.get(base + "/mail/INBOX"); err != nil || page.url.Path != "/login" {
			t.Errorf("%s the copy leads to %s, %v", when, page.url, err)
		}
	}
	refused("after the logout")
	p.kill()
	start(t, "serve again", "serve", "--config", path).waitFor(func(output string) string {
		if strings.Contains(output, "msg=started") {
			return "started"
		}
		return ""
	})
	refused("after a restart")
	if page := other.open(base + "/mail/INBOX"); page.url.Path != "/mail/INBOX" {
		t.Errorf("another session of the same user leads to %s", page.url)
	}
}

// copyOfCookies is a jar with what the site has set so far. What it changes later
// changes one jar alone.
func copyOfCookies(t *testing.T, from *visitor, base string) http.CookieJar {
	t.Helper()
	site, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	cookies := from.client.Jar.Cookies(site)
	if len(cookies) == 0 {
		t.Fatal("there are no cookies to copy")
	}
	jar.SetCookies(site, cookies)
	return jar
}
