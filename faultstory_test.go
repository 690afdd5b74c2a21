package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
	"alphamail/mime"
	"alphamail/mime/compose"
	"alphamail/ring"
)

// writingFaults names the cases that TestWritingWhateverDies tries, as a regular
// expression: "." for all of them, "node killed .* final dot" for one. Empty: one for
// each way and protocol.
var writingFaults = os.Getenv("WRITING_FAULTS")

// faultWay is what breaks at a moment.
type faultWay struct {
	name  string
	after bool
	kills string // "node" for the owner of the account, "frontend" for the one that the author is at; empty cuts the connection
}

var faultWays = []faultWay{
	{name: "connection cut before", after: false},
	{name: "connection cut after", after: true},
	{name: "node killed before", kills: "node"},
	{name: "node killed after", kills: "node", after: true},
	{name: "frontend killed before", kills: "frontend"},
	{name: "frontend killed after", kills: "frontend", after: true},
}

// faultCase is one moment of the story and what breaks then.
type faultCase struct {
	way      faultWay
	protocol string
	number   int    // of the command, from 0
	command  string // as in the run in which nothing broke
}

func (c faultCase) String() string {
	return fmt.Sprintf("%s %s %d %s", c.way.name, c.protocol, c.number+1, c.command)
}

// TestWritingWhateverDies answers a message with a file, saves and sends, while a
// connection is cut or a process killed before and after every command that the mail
// servers are told, each in a story of its own; over a cluster of real processes, a
// real Dovecot and a real Postfix. The author goes on at the other frontend as people
// do.
func TestWritingWhateverDies(t *testing.T) {
	need.Postfix(t)
	pattern, err := regexp.Compile(writingFaults)
	if err != nil {
		t.Fatal(err)
	}
	s := startFaultStage(t)
	calm, seen, _ := s.play(faultCase{})
	stories, tried := []*story{calm}, []faultCase{{way: faultWay{name: "nothing"}}}
	t.Logf("the story takes, by IMAP: %v; by SMTP: %v", seen["IMAP"], seen["SMTP"])
	missed := 0
	for _, one := range chooseFaults(seen, pattern) {
		made, _, struck := s.play(one)
		made.history.Case = fmt.Sprintf("%s: struck at %q", one, struck)
		if struck == "" { // the story was over before
			missed++
		}
		stories, tried = append(stories, made), append(tried, one)
	}
	if 4*missed > len(stories) {
		t.Errorf("in %d of %d cases nothing broke", missed, len(stories))
	}
	s.judge(stories, tried)
}

// chooseFaults chooses the cases that a pattern names; if it is empty, one for each way
// and protocol, the same at every run. Those that kill come last: what dies has to be
// started again.
func chooseFaults(seen map[string][]string, pattern *regexp.Regexp) (chosen []faultCase) {
	rng := rand.New(rand.NewPCG(7, 7))
	for _, way := range faultWays {
		for _, protocol := range []string{"IMAP", "SMTP"} {
			one := rng.IntN(max(1, len(seen[protocol])))
			for number, command := range seen[protocol] {
				made := faultCase{way, protocol, number, command}
				if pattern.String() == "" && number == one || pattern.String() != "" && pattern.MatchString(made.String()) {
					chosen = append(chosen, made)
				}
			}
		}
	}
	return chosen
}

// faultStage is where stories are played: a cluster, its servers, and the proxies
// between them. It is for one goroutine.
type faultStage struct {
	t       testing.TB
	dovecot *testbed.Dovecot
	members map[string]*clusterMember
	proxies map[string]*faultProxy // by protocol
	played  int                    // stories
}

// The people beside the authors: two who are written to, and one who is not.
var (
	faultRecipients = []string{"ben", "cara"}
	faultBystander  = "dora"
)

// maxStories is how many stories can be played: each has an author of its own.
const maxStories = 1000

func startFaultStage(t testing.TB) *faultStage {
	t.Helper()
	s := &faultStage{t: t}
	var users []testbed.User
	names := append(slices.Clone(faultRecipients), faultBystander)
	for i := range maxStories {
		names = append(names, authorName(i))
	}
	for _, name := range names {
		users = append(users, testbed.User{Name: name, Password: anaPassword})
	}
	var err error
	if s.dovecot, err = testbed.StartDovecot(testbed.DovecotConfig{Users: users, Separator: "/", ForPostfix: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.dovecot.Stop() })
	postfix, err := testbed.StartPostfix(s.dovecot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { postfix.Stop() })
	deliver(t, s.dovecot.IMAPAddr(), authorName(0), anaPassword, invitation)
	if err := s.dovecot.Clone(authorName(0), names[len(faultRecipients)+2:]...); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(postfix.Certificate().CertPEM)
	s.proxies = map[string]*faultProxy{
		"IMAP": startFaultProxy(t, "IMAP", func() (net.Conn, error) { return net.Dial("tcp", s.dovecot.IMAPAddr()) }),
		// Postfix takes passwords by TLS only; what the nodes say has to be read.
		"SMTP": startFaultProxy(t, "SMTP", func() (net.Conn, error) {
			return tls.Dial("tcp", postfix.SMTPSAddr(), &tls.Config{RootCAs: roots})
		}),
	}
	// Without what nodes do of their own accord, the story has the same commands each
	// time.
	s.members = cluster(t, s.proxies["IMAP"].listener.Addr().String(), fmt.Sprintf("smtp_servers: example.edu=smtp+insecure://%s\nwatch: false\nfetch_ahead: false\n", s.proxies["SMTP"].listener.Addr()))
	for _, one := range s.members {
		one.build = quick
		one.start(t)
	}
	return s
}

func authorName(i int) string { return fmt.Sprintf("author%d", i) }

// settled starts what has died again, waits until all members agree, and returns the
// owner of an account.
func (s *faultStage) settled(account string) (owner string) {
	s.t.Helper()
	for _, one := range s.members {
		select {
		case <-one.ended:
			one.start(s.t)
		default:
		}
	}
	eventually(s.t, "all members agree", func() error {
		views := map[string]bool{}
		for _, one := range s.members {
			view, err := one.view(s.t.Context(), account)
			if err != nil {
				return fmt.Errorf("%s: %w", one.name, err)
			}
			active := 0
			for _, known := range view.Members {
				if known.State == ring.StateActive {
					active++
				}
			}
			if active != len(s.members) {
				return fmt.Errorf("%s sees %d active members", one.name, active)
			}
			owner = view.Owner
			views[fmt.Sprint(view.RingDigest, view.Owner)] = true
		}
		if len(views) != 1 {
			return fmt.Errorf("there are several views: %v", slices.Collect(maps.Keys(views)))
		}
		return nil
	})
	return owner
}

// view is how a member sees the cluster.
func (m *clusterMember) view(ctx context.Context, account string) (view memberView, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.admin+"/status?account="+url.QueryEscape(account), nil)
	if err != nil {
		return view, err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return view, err
	}
	defer response.Body.Close()
	return view, json.NewDecoder(response.Body).Decode(&view)
}

// play lets the next author write his message, and tells which commands there were
// and at which one something broke.
func (s *faultStage) play(one faultCase) (made *story, seen map[string][]string, struck string) {
	s.t.Helper()
	if s.played == maxStories {
		s.t.Fatal("there are no more authors")
	}
	a := newStory(s, authorName(s.played))
	s.played++
	owner := s.settled(a.name + "@example.edu")
	a.begin()
	for protocol, proxy := range s.proxies {
		if protocol != one.protocol {
			proxy.arm(nil)
			continue
		}
		proxy.arm(&moment{number: one.number, after: one.way.after, cut: one.way.kills != "frontend", act: func() {
			switch one.way.kills {
			case "node":
				s.members[owner].kill()
			case "frontend":
				a.front.Load().kill()
				time.Sleep(50 * time.Millisecond) // the node has noticed that nobody waits any more
			}
		}})
	}
	a.writes()
	seen = map[string][]string{}
	for protocol, proxy := range s.proxies {
		commands, at := proxy.disarm()
		seen[protocol] = commands
		if protocol == one.protocol {
			struck = at
		}
	}
	a.looksIntoDrafts()
	return a, seen, struck
}

// judge collects what was delivered and filed, lets every history be judged, and
// prints a table.
func (s *faultStage) judge(stories []*story, cases []faultCase) {
	s.t.Helper()
	delivered := s.delivered()
	type row struct {
		cases, defects int
		outcomes       map[string]int
	}
	rows := map[string]*row{}
	for i, made := range stories {
		h := made.history
		made.collects(delivered)
		name := cmp.Or(cases[i].protocol+" ", "") + cases[i].way.name
		if rows[name] == nil {
			rows[name] = &row{outcomes: map[string]int{}}
		}
		rows[name].cases++
		rows[name].outcomes[h.outcome()]++
		if found := h.defects(); len(found) > 0 {
			rows[name].defects++
			s.t.Errorf("%q in %s", found, h)
		}
	}
	var table strings.Builder
	writer := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(writer, "what breaks\tcases\tdefects\toutcomes")
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		one := rows[name]
		var outcomes []string
		for _, outcome := range slices.Sorted(maps.Keys(one.outcomes)) {
			outcomes = append(outcomes, fmt.Sprintf("%d %s", one.outcomes[outcome], outcome))
		}
		fmt.Fprintf(writer, "%s\t%d\t%d\t%s\n", name, one.cases, one.defects, strings.Join(outcomes, " | "))
	}
	writer.Flush()
	s.t.Logf("%d cases\n%s", len(stories), table.String())
}

// collects notes what the mail servers have of the author's message in the end.
func (a *story) collects(delivered map[string]map[string][]letter) {
	a.t.Helper()
	h := a.history
	h.Delivered = delivered[a.name]
	copies, _ := mailboxOf(a.t, a.dovecot.IMAPAddr(), a.name, anaPassword, "Sent")
	for _, raw := range copies {
		h.Sent = append(h.Sent, letterOf(raw))
	}
	_, flags := mailboxOf(a.t, a.dovecot.IMAPAddr(), a.name, anaPassword, "INBOX")
	h.Answered = len(flags) == 1 && slices.Contains(flags[0], imap.FlagAnswered)
}

// delivered is what arrived in the end, by author and recipient: nothing has for
// some time.
func (s *faultStage) delivered() map[string]map[string][]letter {
	s.t.Helper()
	const silence = 3 * time.Second
	var all map[string]map[string][]letter
	count, since := -1, time.Now()
	for time.Since(since) < silence {
		all = map[string]map[string][]letter{}
		now := 0
		for _, user := range append(slices.Clone(faultRecipients), faultBystander) {
			arrived, _ := mailboxOf(s.t, s.dovecot.IMAPAddr(), user, anaPassword, "INBOX")
			for _, raw := range arrived {
				from := mime.Parse([]byte(raw)).Header.Addresses("From")
				if len(from) != 1 {
					s.t.Fatalf("a message from %v", from)
				}
				author, _, _ := strings.Cut(from[0].Email, "@")
				if all[author] == nil {
					all[author] = map[string][]letter{}
				}
				all[author][user] = append(all[author][user], letterOf(raw))
			}
			now += len(arrived)
		}
		if now != count {
			count, since = now, time.Now()
		}
		time.Sleep(200 * time.Millisecond)
	}
	return all
}

func letterOf(raw string) letter {
	message := mime.Parse([]byte(raw))
	one := letter{Text: plainly(compose.Read(message).Text)}
	if parts := mime.Render(message).Parts; len(parts) > 0 {
		content, _ := io.ReadAll(parts[0].Decode())
		one.File = fileDigest(content)
	}
	return one
}

// plainly is a text without what mail may change: blanks at ends of lines.
func plainly(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

func fileDigest(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content))[:16] }

// story is an author who writes one message.
type story struct {
	*faultStage
	name    string
	browser *visitor
	front   atomic.Pointer[clusterMember] // where he is now
	inbox   seen
	file    []byte
	history *history
}

func newStory(s *faultStage, name string) *story {
	a := &story{faultStage: s, name: name, browser: newVisitor(s.t), file: make([]byte, 3000)}
	a.browser.client.Timeout = time.Minute
	rand.NewChaCha8(sha256.Sum256([]byte(name))).Read(a.file)
	a.history = &history{Case: "nothing breaks", File: fileDigest(a.file), To: faultRecipients}
	a.front.Store(s.members[fmt.Sprintf("front-%d", s.played%2+1)])
	return a
}

func (a *story) base() string { return "http://" + a.front.Load().web }

// turns goes to the other frontend.
func (a *story) turns() {
	other := map[string]string{"front-1": "front-2", "front-2": "front-1"}
	a.front.Store(a.members[other[a.front.Load().name]])
}

// maxPresses is how often somebody presses a button, pressPause how soon again.
const (
	maxPresses = 10
	pressPause = 300 * time.Millisecond
)

// begin logs in and looks at the message that is to be answered.
func (a *story) begin() {
	a.inbox = a.browser.logIn(a.base(), a.name, anaPassword)
	a.browser.open(a.base() + messageLinks(a.inbox)[0])
}

// opens gets a page, at the other frontend if need be.
func (a *story) opens(path string) seen {
	a.t.Helper()
	var page seen
	eventually(a.t, path+" opens", func() (err error) {
		page, err = a.browser.get(a.base() + path)
		switch {
		case err == nil && page.url.Path == "/login":
			a.browser.logIn(a.base(), a.name, anaPassword)
			err = fmt.Errorf("logged in again")
		case err == nil && page.status != http.StatusOK:
			err = fmt.Errorf("status %d at %s", page.status, page.url)
		}
		if err != nil {
			a.turns()
			time.Sleep(pressPause)
		}
		return err
	})
	return page
}

// writes answers, saves with a file, writes on, and sends.
func (a *story) writes() {
	a.t.Helper()
	reference := strings.TrimPrefix(messageLinks(a.inbox)[0], "/mail/")
	form := formOf(a.t, a.opens("/compose?reply="+url.QueryEscape(reference)), "text")
	form.set("to", strings.Join(faultRecipients, "@example.edu, ")+"@example.edu")
	form.set("text", "Two it is. Ναι.\n"+form.value("text"))
	if form = a.presses(form, "save", true); form == nil {
		return
	}
	form.set("text", "From "+a.name+": "+form.value("text"))
	a.presses(form, "send", false)
}

var saidWords = map[word]string{
	saidSent: "Your message was sent.", saidNotCopied: "Its copy could not be put away yet", saidPutAway: "This message was sent. Only putting it away failed.",
	saidUnclear: "This message may have been sent", saidSending: "The message was sent meanwhile, or perhaps was.", saidNotSent: "This message was not sent.",
	saidElsewhere: "This draft was changed elsewhere meanwhile.", saidSaved: "Saved in Drafts", saidUnsaved: "Your text is not saved yet.", saidNoFile: "A file was not taken",
}

// wordsOf are those that a page says.
func wordsOf(page seen) (said []word) {
	for _, one := range slices.Sorted(maps.Keys(saidWords)) {
		if strings.Contains(page.body, saidWords[one]) {
			said = append(said, one)
		}
	}
	return said
}

// presses presses a button until a page says what became of the message, and returns
// the form to write on in; nil when there is nothing more to do.
func (a *story) presses(form *filledForm, button string, withFile bool) *filledForm {
	a.t.Helper()
	h := a.history
	for range maxPresses {
		files := map[string][]byte{}
		if withFile {
			files["recorders.bin"] = a.file
		}
		h.Text = plainly(form.value("text"))
		page, err := a.browser.press(seen{url: mustParse(a.base())}, form, button, files)
		said := func(one word) bool { return slices.Contains(h.Pages[len(h.Pages)-1], one) }
		shown := findForm(page, "text")
		if err != nil {
			h.Pages, h.InHand = append(h.Pages, nil), true // he loads the page again
		} else {
			h.Pages = append(h.Pages, wordsOf(page))
			h.InHand = len(wordsOf(page)) == 0 || shown != nil && plainly(shown.value("text")) == h.Text
		}
		expired := err == nil && (page.url.Path == "/login" || strings.Contains(page.body, "Your session has ended."))
		switch {
		case said(saidSent), said(saidPutAway), said(saidUnclear), said(saidSending):
			return nil
		case expired:
			a.browser.logIn(a.base(), a.name, anaPassword)
		case said(saidSaved) && button == "save" && !said(saidNoFile):
			return shown
		case err != nil, shown == nil:
			a.turns()
		}
		if shown != nil {
			withFile = said(saidNoFile) || said(saidUnsaved) && withFile && shown.value("keep") == ""
			form = shown
		}
		time.Sleep(pressPause)
	}
	return nil
}

func mustParse(address string) *url.URL {
	parsed, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	return parsed
}

var draftLink = regexp.MustCompile(`href="/compose\?draft=([^"&]+)"`)

// looksIntoDrafts notes the drafts that the author finds afterwards.
func (a *story) looksIntoDrafts() {
	a.t.Helper()
	known := map[string]bool{}
	for _, match := range draftLink.FindAllStringSubmatch(a.opens("/mail/Drafts").body, -1) {
		if known[match[1]] {
			continue
		}
		known[match[1]] = true
		page := a.opens("/compose?draft=" + match[1])
		reference, err := url.QueryUnescape(match[1])
		if err != nil {
			a.t.Fatal(err)
		}
		one := keptDraft{letter: letterOf(a.opens("/mail/" + reference + "/raw").body)}
		for _, said := range wordsOf(page) {
			if said == saidPutAway || said == saidUnclear {
				one.Says = said
			}
		}
		if shown := formOf(a.t, page, "text"); plainly(shown.value("text")) != one.Text {
			a.t.Errorf("%s: a draft shows another text than it has", a.name)
		}
		a.history.Drafts = append(a.history.Drafts, one)
	}
}
