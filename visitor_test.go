package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// visitor is a browser without JavaScript: it follows redirects, keeps cookies
// and fills in forms.
type visitor struct {
	t      testing.TB
	client *http.Client
}

func newVisitor(t testing.TB) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	return &visitor{t: t, client: &http.Client{Jar: jar, Transport: transport, Timeout: 30 * time.Second}}
}

// seen is a page as it arrived, after redirects.
type seen struct {
	status int
	url    *url.URL
	body   string
	header http.Header
}

func (v *visitor) get(address string) (seen, error) {
	response, err := v.client.Get(address)
	return read(response, err)
}

func read(response *http.Response, err error) (seen, error) {
	if err != nil {
		return seen{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return seen{response.StatusCode, response.Request.URL, string(body), response.Header}, err
}

// open gets a page that must be there.
func (v *visitor) open(address string) seen {
	v.t.Helper()
	page, err := v.get(address)
	if err != nil {
		v.t.Fatal(err)
	}
	if page.status != http.StatusOK {
		v.t.Fatalf("GET %s: status %d\n%s", address, page.status, page.body)
	}
	return page
}

var hiddenToken = regexp.MustCompile(`name="csrf"[^>]*value="([^"]+)"`)

// post fills in the form of a page that carries a token.
func (v *visitor) post(from seen, action string, fields url.Values) (seen, error) {
	v.t.Helper()
	token := hiddenToken.FindStringSubmatch(from.body)
	if token == nil {
		v.t.Fatalf("no form on %s", from.url)
	}
	fields.Set("csrf", token[1])
	address, err := from.url.Parse(action)
	if err != nil {
		v.t.Fatal(err)
	}
	response, err := v.client.PostForm(address.String(), fields)
	return read(response, err)
}

// tryLogIn logs in and returns the page that follows.
func (v *visitor) tryLogIn(base, user, password string) (seen, error) {
	v.t.Helper()
	form, err := v.get(base + "/login")
	if err != nil {
		return form, err
	}
	return v.post(form, "/login", url.Values{"user": {user}, "password": {password}})
}

// logIn logs in; the inbox must follow.
func (v *visitor) logIn(base, user, password string) seen {
	v.t.Helper()
	var inbox seen
	eventually(v.t, "login works at "+base, func() (err error) {
		if inbox, err = v.tryLogIn(base, user, password); err != nil {
			return err
		}
		if inbox.status != http.StatusOK || inbox.url.Path != "/mail/INBOX" {
			return fmt.Errorf("status %d at %s", inbox.status, inbox.url)
		}
		return nil
	})
	return inbox
}

var messageLink = regexp.MustCompile(`href="(/mail/[^"/]+/\d+-\d+)"`)

// messageLinks returns the addresses of the messages that a list page shows.
func messageLinks(page seen) []string {
	var links []string
	known := map[string]bool{}
	for _, match := range messageLink.FindAllStringSubmatch(page.body, -1) {
		link := strings.ReplaceAll(match[1], "&amp;", "&")
		if !known[link] {
			known[link] = true
			links = append(links, link)
		}
	}
	return links
}
