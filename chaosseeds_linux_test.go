package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"alphamail/bench/testbed"
)

// TestReadersNoticeFaults seeds faults into what a site answers: a reader notices each,
// and nothing on a site without one.
func TestReadersNoticeFaults(t *testing.T) {
	const me, other = "reader1@example.edu", "reader2@example.edu"
	row := func(uid int, starred bool) string {
		star := map[bool]string{true: `<span class="spoken">starred</span>`}[starred]
		return fmt.Sprintf(`<li class="row"><input name="uid" value="%d">%s<a href="/mail/INBOX/1-%d">x</a></li>`, uid, star, uid)
	}
	page := func(account, notice string, starred bool) string {
		return fmt.Sprintf(`<p>%s</p>%s<input name="csrf" value="c"><input name="validity" value="1">%s%s`, account, notice, row(7, starred), row(8, false))
	}
	const done = `<div class="notice confirmed" role="status">`
	for name, test := range map[string]struct {
		answer func(method string) (status int, body string)
		fails  string // reason of the click
		notes  string // what must not be
	}{
		"none": {func(string) (int, string) { return 200, page(me, done, true) }, "", ""},
		"another user's page": {func(method string) (int, string) { return 200, page(other, done, true) },
			"another user's page", "wrong user: " + other},
		"another user's name on the page": {func(string) (int, string) { return 200, page(me+" "+other, done, true) },
			"another user's page", "wrong user: " + other},
		"a page of nobody":       {func(string) (int, string) { return 200, page("", done, true) }, "a page of nobody", ""},
		"a stale page":           {func(string) (int, string) { return 200, page(me, done, false) }, "", "stale page: message 7"},
		"a stale page, and said": {func(string) (int, string) { return 200, page(me, done+"as of 10:15", false) }, "", ""},
		"nothing was done":       {func(string) (int, string) { return 200, page(me, "", true) }, "a flag that was not set", ""},
		"an error page":          {func(string) (int, string) { return 503, page(me, done, true) }, "status 503", ""},
		"a login page":           {func(string) (int, string) { return 302, "/login" }, "logged out", ""},
		"no answer in time":      {func(string) (int, string) { time.Sleep(time.Second); return 200, "" }, "no page in time", ""},
		"a broken connection":    {func(string) (int, string) { panic(http.ErrAbortHandler) }, "connection broken", ""},
	} {
		t.Run(name, func(t *testing.T) {
			site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/login" {
					io.WriteString(w, "log in")
					return
				}
				status, body := test.answer(r.Method)
				if status == http.StatusFound {
					http.Redirect(w, r, body, status)
					return
				}
				w.WriteHeader(status)
				io.WriteString(w, body)
			}))
			defer site.Close()
			all := newReaders(t, site.URL, 2)
			one := all[1]
			one.client.Timeout = 300 * time.Millisecond
			one.loggedIn, one.list = true, page(me, "", false)
			one.list = strings.Replace(one.list, row(8, false), "", 1) // so that it is message 7 that he flags
			err := one.flag(t.Context())
			if got := fmt.Sprint(err); test.fails == "" && err != nil || test.fails != "" && got != test.fails {
				t.Errorf("the click: %v, not %q", err, test.fails)
			}
			if got := strings.Join(all.wrongs(), " "); test.notes == "" && got != "" || !strings.Contains(got, test.notes) {
				t.Errorf("he noted %q, not %q", got, test.notes)
			}
		})
	}
}

// TestLostFlagsAreFound tells readers of flags that the mail server does not have, or
// has.
func TestLostFlagsAreFound(t *testing.T) {
	server, err := testbed.StartMemory(testbed.MemoryConfig{Users: []testbed.User{{Name: readerName(0), Password: anaPassword}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	deliver(t, server.IMAPAddr(), readerName(0), anaPassword, invitation)
	all := newReaders(t, "http://127.0.0.1:1", 1)
	for told, want := range map[string]int{"": 0, "unflagged": 0, "flagged": 1} {
		clear(all[0].flagged)
		if told != "" {
			all[0].flagged["1"] = told == "flagged"
		}
		if lost := all.lostFlags(t, server.IMAPAddr()); len(lost) != want {
			t.Errorf("told %q: lost %v", told, lost)
		}
	}
}
