package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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

	"github.com/emersion/go-imap/v2"

	"alphamail/bench/load"
	"alphamail/node/imapconn"
)

// reader is somebody in a browser who reads and marks mail. A page has to be there
// within patience, be his own, and show what he was told before.
type reader struct {
	base, name string
	client     *http.Client
	rng        *rand.Rand
	loggedIn   bool
	list       string // the list that he saw last

	// What he knows of his messages, by UID: true when he was told that one is flagged,
	// false that it is not. What he does not know for sure is missing.
	flagged map[string]bool

	mu    sync.Mutex    // guards what follows
	since time.Time     // when something broke; zero when he has clicked since
	first time.Duration // what the first click since then took
	wrong []string      // what must not be, however much breaks
}

// readerPatience is how long a reader waits, as the table says.
const readerPatience = 5 * time.Second

// readers are the users of the chaos test. They stay while one load ends and another
// begins.
type readers []*reader

// Arrive implements load.Population.
func (r readers) Arrive(n uint64) load.User { return r[n%uint64(len(r))] }

func newReaders(t *testing.T, base string, count int) (all readers) {
	for i := range count {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{MaxIdleConnsPerHost: 2}
		t.Cleanup(transport.CloseIdleConnections)
		all = append(all, &reader{
			base: base, name: readerName(i), client: &http.Client{Jar: jar, Transport: transport},
			rng: rand.New(rand.NewPCG(7, uint64(i))), flagged: map[string]bool{},
		})
	}
	return all
}

func readerName(i int) string { return fmt.Sprintf("reader%d", i) }

// Leave implements load.User: he stays at his desk.
func (r *reader) Leave() {}

// Click implements load.User.
func (r *reader) Click(ctx context.Context) (name string, err error) {
	begin := time.Now()
	switch dice := r.rng.IntN(20); {
	case !r.loggedIn:
		name, err = "login", r.logIn(ctx)
	case r.list == "" || dice < 9:
		name, err = "list", r.look(ctx)
	case dice < 17:
		name, err = "message", r.read(ctx)
	default:
		name, err = "flag", r.flag(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.since.IsZero() && begin.After(r.since) {
		r.since, r.first = time.Time{}, time.Since(begin)
	}
	return name, err
}

// page is one page of the reader's.
func (r *reader) page(ctx context.Context, method, path string, fields url.Values) (string, error) {
	var body io.Reader
	if fields != nil {
		body = strings.NewReader(fields.Encode())
	}
	request, err := http.NewRequestWithContext(ctx, method, r.base+path, body)
	if err != nil {
		return "", err
	}
	if fields != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := r.client.Do(request)
	if err != nil {
		return "", failedPage(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return "", failedPage(err)
	}
	text := string(data)
	if response.StatusCode != http.StatusOK {
		return "", reason(fmt.Sprintf("status %d", response.StatusCode))
	}
	if r.loggedIn && response.Request.URL.Path == "/login" {
		r.loggedIn = false
		return "", reason("logged out")
	}
	if r.loggedIn {
		for _, name := range accountName.FindAllString(text, -1) {
			if name != r.name+"@example.edu" {
				r.note("wrong user: " + name)
				return "", reason("another user's page")
			}
		}
		if !strings.Contains(text, r.name+"@example.edu") {
			return "", reason("a page of nobody")
		}
	}
	return text, nil
}

var accountName = regexp.MustCompile(`reader\d+@example\.edu`)

// reason gives failures few names.
type reason string

func (r reason) Error() string  { return string(r) }
func (r reason) Reason() string { return string(r) }

func failedPage(err error) error {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return reason("no page in time")
	}
	return reason("connection broken")
}

// note keeps what must not be.
func (r *reader) note(wrong string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong = append(r.wrong, r.name+": "+wrong)
}

var tokenOf = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

func (r *reader) logIn(ctx context.Context) error {
	form, err := r.page(ctx, http.MethodGet, "/login", nil)
	if err != nil {
		return err
	}
	token := tokenOf.FindStringSubmatch(form)
	if token == nil {
		return reason("no form")
	}
	r.list, err = r.page(ctx, http.MethodPost, "/login", url.Values{"csrf": {token[1]}, "user": {r.name}, "password": {anaPassword}})
	r.loggedIn = err == nil && strings.Contains(r.list, `name="validity"`)
	if err == nil && !r.loggedIn {
		err = reason("no inbox after the login")
	}
	return err
}

var rowOf = regexp.MustCompile(`(?s)<li class="(row[^"]*)">(.*?)</li>`)

// look loads the list, which must show what is known of each message.
func (r *reader) look(ctx context.Context) (err error) {
	r.list, err = r.page(ctx, http.MethodGet, "/mail/INBOX", nil)
	if err == nil {
		r.compare(r.list)
	}
	return err
}

// compare finds rows that show something else than the reader was told. A list that
// says that it is as of an earlier time may.
func (r *reader) compare(list string) {
	if strings.Contains(list, "as of ") {
		return
	}
	for _, row := range rowOf.FindAllStringSubmatch(list, -1) {
		uid := between(row[2], `name="uid" value="`, `"`)
		if told, known := r.flagged[uid]; known && told != strings.Contains(row[2], "starred") {
			r.note(fmt.Sprintf("stale page: message %s is not shown flagged=%v", uid, told))
			delete(r.flagged, uid)
		}
	}
}

func between(text, before, after string) string {
	_, rest, found := strings.Cut(text, before)
	if !found {
		return ""
	}
	text, _, _ = strings.Cut(rest, after)
	return text
}

var hrefOf = regexp.MustCompile(`href="(/mail/INBOX/\d+-\d+)"`)

// read opens a message of the list.
func (r *reader) read(ctx context.Context) error {
	links := hrefOf.FindAllStringSubmatch(r.list, -1)
	if len(links) == 0 {
		return r.look(ctx)
	}
	_, err := r.page(ctx, http.MethodGet, links[r.rng.IntN(len(links))][1], nil)
	return err
}

// flag sets or takes away a flag. Only when the page says that it was done he knows.
func (r *reader) flag(ctx context.Context) error {
	rows := rowOf.FindAllStringSubmatch(r.list, -1)
	token, validity := tokenOf.FindStringSubmatch(r.list), between(r.list, `name="validity" value="`, `"`)
	if len(rows) == 0 || token == nil || validity == "" {
		return r.look(ctx)
	}
	uid := between(rows[r.rng.IntN(len(rows))][2], `name="uid" value="`, `"`)
	set := !r.flagged[uid]
	do := map[bool]string{true: "flag", false: "unflag"}[set]
	delete(r.flagged, uid)
	list, err := r.page(ctx, http.MethodPost, "/mail/INBOX", url.Values{"csrf": {token[1]}, "validity": {validity}, "uid": {uid}, "do": {do}})
	if err != nil {
		return err
	}
	if strings.Contains(list, `class="notice confirmed"`) {
		r.flagged[uid] = set
	} else {
		return reason("a flag that was not set")
	}
	r.list = list
	r.compare(list)
	return nil
}

// broke tells all readers that something broke just now.
func (r readers) broke() {
	for _, one := range r {
		one.mu.Lock()
		one.since, one.first = time.Now(), 0
		one.mu.Unlock()
	}
}

// firstClicks is the 99th percentile of what the first click since then took, in its
// own time.
func (r readers) firstClicks() time.Duration {
	var all []time.Duration
	for _, one := range r {
		one.mu.Lock()
		if one.first > 0 {
			all = append(all, one.first)
		}
		one.mu.Unlock()
	}
	slices.Sort(all)
	if len(all) == 0 {
		return 0
	}
	return all[len(all)*99/100]
}

// lostFlags compares what the readers were told with what the mail server has.
func (r readers) lostFlags(t *testing.T, server string) (lost []string) {
	t.Helper()
	for _, one := range r {
		if len(one.flagged) == 0 {
			continue
		}
		conn, err := imapconn.Dial(t.Context(), imapconn.Options{Address: server, Security: imapconn.Plain})
		if err == nil {
			err = conn.Login(t.Context(), one.name, anaPassword)
		}
		fetch := &imapconn.Fetch{UIDs: imap.UIDSet{imap.UIDRange{Start: 1}}, Items: &imap.FetchOptions{Flags: true}}
		if err == nil {
			err = conn.Do(t.Context(), &imapconn.Select{Name: "INBOX", ReadOnly: true}, fetch)
			conn.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range fetch.Messages {
			told, known := one.flagged[fmt.Sprint(message.UID)]
			if has := slices.Contains(message.Flags, imap.FlagFlagged); known && has != told {
				lost = append(lost, fmt.Sprintf("%s: message %d is flagged=%v, he was told %v", one.name, message.UID, has, told))
			}
		}
	}
	return lost
}

// wrongs takes what must not be from all readers.
func (r readers) wrongs() (all []string) {
	for _, one := range r {
		one.mu.Lock()
		all, one.wrong = append(all, one.wrong...), nil
		one.mu.Unlock()
	}
	return all
}
