package webuser_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"alphamail/bench/inventory"
	"alphamail/bench/load"
	"alphamail/bench/script"
	"alphamail/bench/webuser"
)

const messages = 70 // two pages

// fakeSite behaves as AlphaMail does, but for one fault at a time.
type fakeSite struct {
	fault    atomic.Value // string
	sessions atomic.Int64
}

func (s *fakeSite) has(fault string) bool { return s.fault.Load() == fault }

func (s *fakeSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	cookie, _ := r.Cookie("session")
	switch {
	case r.URL.Path == "/login" && r.Method == http.MethodGet:
		http.SetCookie(w, &http.Cookie{Name: "before", Value: "1"})
		fmt.Fprint(w, `<form method="post"><input type="hidden" name="csrf" value="a&amp;b"></form>`)
	case r.URL.Path == "/login":
		if r.FormValue("csrf") != "a&b" || r.FormValue("user") != "ana@example.edu" || r.FormValue("domain") != "example.edu" || r.FormValue("password") != "secret" || r.Header.Get("Origin") == "" {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		s.sessions.Add(1)
		http.SetCookie(w, &http.Cookie{Name: "before", MaxAge: -1})
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "open"})
		http.Redirect(w, r, "/mail/INBOX", http.StatusSeeOther)
	case cookie == nil || s.has("logged out"):
		http.Redirect(w, r, "/login?next=x", http.StatusSeeOther)
	case s.has("broken"):
		w.WriteHeader(http.StatusInternalServerError)
	case s.has("hangs up"):
		panic(http.ErrAbortHandler)
	case r.URL.Path == "/mail/INBOX":
		s.list(w, r.FormValue("page"))
	case strings.HasPrefix(r.URL.Path, "/mail/INBOX/7-") && strings.HasSuffix(r.URL.Path, "/body"):
		if s.has("no text") {
			return
		}
		fmt.Fprint(w, "<p>the word is <b>quince</b></p>")
	case strings.HasPrefix(r.URL.Path, "/mail/INBOX/7-"):
		subject := "About " + strings.TrimPrefix(r.URL.Path, "/mail/INBOX/7-") + " things"
		if s.has("another message") {
			subject = "About nothing"
		}
		fmt.Fprintf(w, `<h1>%s</h1><iframe title="x" src="%s/body"></iframe>`, subject, r.URL.Path)
	default:
		http.NotFound(w, r)
	}
}

func (s *fakeSite) list(w http.ResponseWriter, page string) {
	var rows []int
	for uid := messages; uid > 0; uid-- {
		rows = append(rows, uid)
	}
	if page == "2" {
		rows = rows[50:]
	} else {
		rows = rows[:50]
	}
	switch {
	case s.has("row missing"):
		rows = append(rows[:3:3], rows[4:]...)
	case s.has("row of another"):
		rows = append(rows, 1000)
	case s.has("order"):
		rows[3], rows[4] = rows[4], rows[3]
	case s.has("empty"):
		rows = nil
	}
	for _, uid := range rows {
		fmt.Fprintf(w, `<li><a href="/mail/INBOX/7-%d">x</a></li>`, uid)
	}
}

func fakeMailbox() *inventory.Mailbox {
	box := &inventory.Mailbox{Name: "INBOX", UIDValidity: 7}
	for uid := uint32(1); uid <= messages; uid++ {
		box.UIDs = append(box.UIDs, uid)
		box.Messages = append(box.Messages, &inventory.Message{UID: uid, Subject: fmt.Sprintf("About %d things", uid), Word: "quince"})
	}
	return box
}

// TestAPageThatIsNotWhatWasAskedForIsAnError shows for every fault that the
// click counts as the error that it is, and that without a fault there is none.
func TestAPageThatIsNotWhatWasAskedForIsAnError(t *testing.T) {
	site := &fakeSite{}
	site.fault.Store("")
	server := httptest.NewServer(site)
	defer server.Close()
	account := script.NewAccount(inventory.Account{User: "ana@example.edu", Password: "secret"}, fakeMailbox())
	users := newUsers(t, webuser.Config{Driver: "alphamail", URL: server.URL, Accounts: []*script.Account{account}})
	list, open := "a list", "a message"
	for _, tt := range []struct{ fault, click, reason string }{
		{"row missing", list, "a list without a row it must hold"},
		{"row of another", list, "a list with rows it must not hold"},
		{"order", list, "a list without a row it must hold"},
		{"empty", list, "a list without a row it must hold"},
		{"another message", open, "a message without its subject"},
		{"no text", open, "a message without its text"},
		{"broken", list, "status 500"},
		{"broken", open, "status 500"},
		{"hangs up", open, "connection closed without an answer"},
		{"logged out", list, "the session was over"},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			user := users.Arrive(0)
			defer user.Leave()
			for range 12 {
				click(t, user)
			}
			site.fault.Store(tt.fault)
			defer site.fault.Store("")
			for range 50 {
				name, err := tryClick(t, user)
				if (tt.click == list) != strings.HasPrefix(name, "list") {
					continue
				}
				if reason(err) != tt.reason {
					t.Errorf("%s: %v, want %q", name, err, tt.reason)
				}
				if over := errors.Is(err, load.ErrOver); over != (tt.fault == "logged out") {
					t.Errorf("the session goes on: %v", !over)
				}
				return
			}
			t.Error("no such click in 50")
		})
	}
}

func TestALoginThatIsRefusedEndsTheSession(t *testing.T) {
	site := &fakeSite{}
	site.fault.Store("")
	server := httptest.NewServer(site)
	defer server.Close()
	account := script.NewAccount(inventory.Account{User: "ana@example.edu", Password: "guessed"}, nil)
	users := newUsers(t, webuser.Config{Driver: "alphamail", URL: server.URL, Accounts: []*script.Account{account}})
	user := users.Arrive(0)
	defer user.Leave()
	if _, err := tryClick(t, user); reason(err) != "the login was refused" || !errors.Is(err, load.ErrOver) {
		t.Errorf("a wrong password: %v", err)
	}
}

// TestAConnectionThatWasClosedWhileIdleIsNoError is what browsers do: they ask
// again, on a new connection.
func TestAConnectionThatWasClosedWhileIdleIsNoError(t *testing.T) {
	site := &fakeSite{}
	site.fault.Store("")
	server := httptest.NewServer(site)
	defer server.Close()
	account := script.NewAccount(inventory.Account{User: "ana@example.edu", Password: "secret"}, fakeMailbox())
	users := newUsers(t, webuser.Config{Driver: "alphamail", URL: server.URL, Accounts: []*script.Account{account}})
	user := users.Arrive(0)
	defer user.Leave()
	for range 5 {
		click(t, user)
		server.CloseClientConnections()
	}
	if site.sessions.Load() != 1 {
		t.Errorf("%d logins", site.sessions.Load())
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	account := script.NewAccount(inventory.Account{User: "ana@example.edu", Password: "secret"}, fakeMailbox())
	users := newUsers(t, webuser.Config{Driver: "alphamail", URL: server.URL, Accounts: []*script.Account{account}})
	user := users.Arrive(0)
	defer user.Leave()
	if _, err := tryClick(t, user); reason(err) != "connection refused" {
		t.Errorf("%v", err)
	}
}

func TestWhatCannotBeAskedOf(t *testing.T) {
	for _, config := range []webuser.Config{
		{Driver: "squirrelmail", URL: "http://127.0.0.1:1"},
		{Driver: "alphamail", URL: "127.0.0.1:1"},
		{Driver: "alphamail", URL: "ftp://127.0.0.1"},
		{Driver: "alphamail", URL: "http://127.0.0.1:1"}, // no accounts
	} {
		config.Profile = clickList(t)
		if _, err := webuser.New(config); err == nil {
			t.Errorf("%s at %s was accepted", config.Driver, config.URL)
		}
	}
}
