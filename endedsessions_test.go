package main

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEndedSessionsStayEnded copies the cookies of a session that then logs out:
// they are of no use, even after the process was killed and started again. Another
// session of the same user goes on.
func TestEndedSessionsStayEnded(t *testing.T) {
	t.Parallel() // it mostly waits
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

	refused(t, thief, base, "after the logout")
	p.kill()
	start(t, "serve again", "serve", "--config", path).waitFor(func(output string) string {
		if strings.Contains(output, "msg=started") {
			return "started"
		}
		return ""
	})
	refused(t, thief, base, "after a restart")
	if page := other.open(base + "/mail/INBOX"); page.url.Path != "/mail/INBOX" {
		t.Errorf("another session of the same user leads to %s", page.url)
	}
}

// refused expects that the cookies of a visitor, who keeps them, are of no use.
func refused(t *testing.T, thief *visitor, base, when string) {
	t.Helper()
	stolen := copyOfCookies(t, thief, base) // the refusal takes the cookie out of the jar
	page, err := thief.get(base + "/mail/INBOX")
	if err != nil || page.url.Path != "/login" {
		t.Errorf("%s the copy leads to %s, %v", when, page.url, err)
	}
	thief.client.Jar = stolen
}

// TestSessionsEndForTheWholeCluster copies the cookies of a session that then logs
// out: no other node accepts them when the owner dies, none after all have died,
// and the owner does not after its disk was lost.
func TestSessionsEndForTheWholeCluster(t *testing.T) {
	t.Parallel() // it mostly waits
	members := cluster(t, mailServer(t).IMAPAddr())
	startAll := func() string {
		for _, one := range members {
			one.start(t)
		}
		return agreedOwner(t, members, 3)
	}
	owner := startAll()
	base := "http://" + members["front-1"].web
	reader, thief := newVisitor(t), newVisitor(t)
	inbox := reader.logIn(base, ana, anaPassword)
	thief.client.Jar = copyOfCookies(t, reader, base)
	if page := thief.open(base + "/mail/INBOX"); page.url.Path != "/mail/INBOX" {
		t.Fatalf("before the logout the copy leads to %s: it proves nothing", page.url)
	}
	if page, err := reader.post(inbox, "/logout", url.Values{}); err != nil || page.url.Path != "/login" {
		t.Fatalf("the logout leads to %s, %v", page.url, err)
	}
	files := filepath.Join(filepath.Dir(members[owner].config), "state", "ended")
	eventually(t, "every node has the ended session on disk", func() error {
		for _, name := range []string{"node-1", "node-2", "node-3"} {
			if data, err := os.ReadFile(filepath.Join(files, name)); err != nil || len(data) == 0 {
				return fmt.Errorf("%s has %d bytes, %v", name, len(data), err)
			}
		}
		return nil
	})

	members[owner].kill()
	refused(t, thief, base, "after the owner died")
	for name, one := range members {
		if name != owner {
			one.kill()
		}
	}
	startAll()
	refused(t, thief, base, "after all have died")
	members[owner].kill()
	if err := os.Remove(filepath.Join(files, owner)); err != nil {
		t.Fatal(err)
	}
	members[owner].start(t)
	if back := agreedOwner(t, members, 3); back != owner {
		t.Fatalf("%s is back, and %s owns the account", owner, back)
	}
	refused(t, thief, base, "after the owner lost its disk")
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
