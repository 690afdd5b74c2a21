package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/need"
	"alphamail/node/imapconn"
)

// messagesAtSize is how many messages the tests of this file work with: AT_SIZE, or as
// many as take seconds.
func messagesAtSize(t *testing.T) int {
	t.Helper()
	if os.Getenv("AT_SIZE") == "" {
		return 3000
	}
	many, err := strconv.Atoi(os.Getenv("AT_SIZE"))
	if err != nil || many < 1 {
		t.Fatalf("AT_SIZE is %q", os.Getenv("AT_SIZE"))
	}
	return many
}

// sizable is a cluster in front of a Dovecot with a large inbox.
type sizable struct {
	*tidying
	members map[string]*clusterMember
	owner   string
	proxy   *testbed.Proxy
}

func newSizable(t *testing.T, messages int) *sizable {
	t.Helper()
	need.Dovecot(t)
	dovecot, err := testbed.StartDovecot(testbed.DovecotConfig{Users: []testbed.User{{Name: ana, Password: anaPassword}}, Separator: "/"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dovecot.Stop() })
	if err := dovecot.Fill(ana, mailgen.New(1, time.Now()).Inbox(messages)); err != nil {
		t.Fatal(err)
	}
	proxy, err := testbed.StartProxy(dovecot.IMAPAddr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close() })
	s := &sizable{members: cluster(t, proxy.Addr()), proxy: proxy}
	for _, one := range s.members {
		one.build = quick
		one.start(t)
	}
	s.owner = agreedOwner(t, s.members, 3)
	conn, err := imapconn.Dial(t.Context(), imapconn.Options{Address: dovecot.IMAPAddr(), Security: imapconn.Plain})
	if err == nil {
		err = conn.Login(t.Context(), ana, anaPassword)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	s.tidying = &tidying{newVisitor(t), "http://" + s.members["front-1"].web, conn}
	s.logIn(s.base, ana, anaPassword)
	return s
}

// identities are the Message-IDs of a mailbox.
func (s *sizable) identities(mailbox string) (all []string) {
	s.t.Helper()
	chosen := &imapconn.Select{Name: mailbox, ReadOnly: true}
	fetch := &imapconn.Fetch{UIDs: imap.UIDSet{{Start: 1}}, Items: &imap.FetchOptions{Envelope: true}}
	if err := s.other.Do(s.t.Context(), chosen); err != nil {
		s.t.Fatal(err)
	}
	if chosen.Data.NumMessages == 0 {
		return nil
	}
	if err := s.other.Do(s.t.Context(), fetch); err != nil {
		s.t.Fatal(err)
	}
	for _, message := range fetch.Messages {
		all = append(all, message.Envelope.MessageID)
	}
	return all
}

// reading is somebody who reads on in another tab.
type reading struct {
	stop  context.CancelFunc
	done  sync.WaitGroup
	mu    sync.Mutex // guards what follows
	took  []time.Duration
	wrong []string
}

// reads begins to read on: the pages, one after the other, four times a second.
func (s *sizable) reads(pages ...string) *reading {
	ctx, stop := context.WithCancel(s.t.Context())
	r := &reading{stop: stop}
	tab := newVisitor(s.t)
	tab.client.Jar = s.client.Jar
	r.done.Go(func() { // ends with the context
		for n := 0; ctx.Err() == nil; n++ {
			begun := time.Now()
			page, err := tab.get(s.base + pages[n%len(pages)])
			r.mu.Lock()
			if err != nil || page.status != http.StatusOK {
				r.wrong = append(r.wrong, fmt.Sprintf("%s: status %d, %v", pages[n%len(pages)], page.status, err))
			} else {
				r.took = append(r.took, time.Since(begun))
			}
			r.mu.Unlock()
			select {
			case <-time.After(250 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	})
	return r
}

// ends ends the reading, and says how long its clicks took.
func (r *reading) ends(t *testing.T) string {
	t.Helper()
	r.stop()
	r.done.Wait()
	if len(r.took) == 0 {
		t.Fatalf("nothing was read: %v", r.wrong)
	}
	slices.Sort(r.took)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return fmt.Sprintf("%d clicks, p50 %.1f ms, p99 %.1f ms, worst %.1f ms, %d wrong", len(r.took),
		ms(r.took[len(r.took)/2]), ms(r.took[len(r.took)*99/100]), ms(r.took[len(r.took)-1]), len(r.wrong))
}

var jobDone = regexp.MustCompile(`([\d,]+) of ([\d,]+) messages?`)

// follows follows a job until it has ended, and returns its page; half, if not nil, is
// called once, when half of it is done.
func (s *sizable) follows(address string, half func()) seen {
	s.t.Helper()
	for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		page, err := s.get(address)
		switch {
		case time.Since(begun) > 15*time.Minute:
			s.t.Fatalf("the job does not end: %s", page.body)
		case err != nil || page.status != http.StatusOK:
			continue // the node has just died
		case strings.Contains(page.body, `value="undo"`) || !strings.Contains(page.body, `value="stop"`):
			return page
		}
		number := func(text string) int {
			n, _ := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
			return n
		}
		if found := jobDone.FindStringSubmatch(page.body); half != nil && found != nil && 2*number(found[1]) >= number(found[2]) {
			half()
			half = nil
		}
	}
}

// TestAtSize searches a large inbox and then moves it. AT_SIZE says how large it is.
func TestAtSize(t *testing.T) {
	many := messagesAtSize(t)
	s := newSizable(t, many)
	t.Run("search", func(t *testing.T) { s.searches(t) })
	t.Run("move", func(t *testing.T) { s.moves(t, many) })
}

// moves moves the whole inbox by a job while its owner reads on, and back, with the node
// that does it killed halfway. Each message is in one place.
func (s *sizable) moves(t *testing.T, many int) {
	before := s.identities("INBOX")
	slices.Sort(before)
	s.submit(s.open(s.base+"/folders"), "/folders", url.Values{"name": {"Shelf"}})
	page := s.open(s.base + "/mail/INBOX")
	tab := s.reads("/mail/Shelf", messageLinks(page)[0], "/mail/Drafts", "/mail/Shelf?page=2", "/folders")
	move := func(from, to string, half func()) {
		t.Helper()
		counts, begun := s.proxy.Snapshot(), time.Now()
		page := s.submit(s.open(s.base+"/mail/"+from+"?select=all"), "/mail/"+from, url.Values{"do": {"move"}, "to": {to}})
		if !strings.HasPrefix(page.url.Path, "/jobs/") {
			t.Fatalf("no job, but %s", page.url)
		}
		page = s.follows(page.url.String(), half)
		took := time.Since(begun)
		used := s.proxy.Snapshot().Sub(counts)
		t.Logf("%s to %s: %d messages in %v, IMAP %d commands: %v", from, to, many, took.Round(10*time.Millisecond), used.Total(), used.Commands)
		if !strings.Contains(page.body, "messages moved to") {
			t.Errorf("%s", tags.ReplaceAllString(page.body, " "))
		}
		after := append(s.identities("INBOX"), s.identities("Shelf")...)
		slices.Sort(after)
		if !slices.Equal(before, after) || len(s.identities(from)) != 0 {
			t.Errorf("%s to %s: there are %d messages, %d of them left behind; there were %d", from, to, len(after), len(s.identities(from)), len(before))
		}
	}
	move("INBOX", "Shelf", nil)
	t.Logf("meanwhile: %s", tab.ends(t))
	if len(tab.wrong) > 1 { // the first message may be gone under the reader's hands
		for _, one := range tab.wrong {
			if !strings.Contains(one, "/mail/INBOX/") {
				t.Error(one)
			}
		}
	}
	move("Shelf", "INBOX", func() {
		t.Logf("%s is killed", s.owner)
		s.members[s.owner].kill()
		delete(s.members, s.owner)
	})
}

// searches searches the whole inbox, also its texts, of which the server has no index,
// while its owner reads on in another tab.
func (s *sizable) searches(t *testing.T) {
	inbox := s.open(s.base + "/mail/INBOX")
	quiet := s.reads("/mail/INBOX", messageLinks(inbox)[0], "/mail/INBOX?page=2", messageLinks(inbox)[1])
	time.Sleep(3 * time.Second)
	t.Logf("before: %s", quiet.ends(t))
	for _, query := range []string{"meeting", "body:xyzzy-nowhere", "subject:meeting", "has:attachment is:unread"} {
		tab := s.reads("/mail/INBOX", messageLinks(inbox)[0], "/mail/INBOX?page=2", messageLinks(inbox)[1])
		counts, begun := s.proxy.Snapshot(), time.Now()
		address := s.base + "/search?in=INBOX&q=" + url.QueryEscape(query)
		var first, first50 time.Duration
		var page seen
		for page = s.open(address); ; page = s.open(address) {
			rows := strings.Count(page.body, `<li class="row`)
			if rows > 0 && first == 0 {
				first = time.Since(begun)
			}
			if rows >= 50 && first50 == 0 {
				first50 = time.Since(begun)
			}
			if !strings.Contains(page.body, `value="stop"`) {
				break
			}
			if time.Since(begun) > 10*time.Minute {
				t.Fatalf("%s does not end", query)
			}
			time.Sleep(100 * time.Millisecond)
		}
		took := time.Since(begun)
		used := s.proxy.Snapshot().Sub(counts)
		state := regexp.MustCompile(`(?s)<p role="status">(.*?)</p>`).FindStringSubmatch(page.body)
		t.Logf("%s: first results after %v, a page of them after %v, the end after %v: %s IMAP: %v", query,
			first.Round(time.Millisecond), first50.Round(time.Millisecond), took.Round(time.Millisecond), strings.TrimSpace(state[1]), used.Commands)
		t.Logf("meanwhile: %s", tab.ends(t))
		for _, one := range tab.wrong {
			t.Error(one)
		}
		if strings.Contains(query, "nowhere") != (first == 0) {
			t.Errorf("%s: first results after %v", query, first)
		}
	}
}
