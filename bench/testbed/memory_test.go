package testbed_test

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/mailgen"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

func startMemory(t *testing.T, config testbed.MemoryConfig) *testbed.MemoryServer {
	t.Helper()
	config.Users = append(config.Users, testbed.User{Name: "robin", Password: "secret"}, testbed.User{Name: "kim", Password: "other"})
	s, err := testbed.StartMemory(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestMemoryLogin(t *testing.T) {
	s := startMemory(t, testbed.MemoryConfig{Users: []testbed.User{{Name: "yuki@example.net", Password: "net"}, {Name: "yuki@example.org", Password: "org"}}})
	for _, tt := range []struct {
		name, password string
		ok             bool
	}{
		{"robin", "secret", true},
		{"robin@example.edu", "secret", true},
		{"Robin@Example.EDU", "secret", true},
		{"robin", "other", false},
		{"robin@example.net", "secret", false},
		{"nobody", "", false},
		{"yuki@example.net", "net", true},
		{"yuki@example.org", "org", true},
		{"yuki@example.org", "net", false},
		{"yuki", "net", true},
	} {
		c := dial(t, s.IMAPAddr())
		if err := c.Login(tt.name, tt.password).Wait(); (err == nil) != tt.ok {
			t.Errorf("login as %s: %v", tt.name, err)
		}
	}
}

func TestMemoryTLS(t *testing.T) {
	cert := must(testbed.NewCertificate())(t)
	s := startMemory(t, testbed.MemoryConfig{Certificate: cert})
	for name, connect := range map[string]func() (*imapclient.Client, error){
		"STARTTLS": func() (*imapclient.Client, error) {
			return imapclient.DialStartTLS(s.IMAPAddr(), &imapclient.Options{TLSConfig: clientTLS(cert)})
		},
		"implicit": func() (*imapclient.Client, error) {
			return imapclient.DialTLS(s.IMAPSAddr(), &imapclient.Options{TLSConfig: clientTLS(cert)})
		},
	} {
		c, err := connect()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := c.Login("robin", "secret").Wait(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
}

// TestMemoryServesAllGeneratedMail fetches everything about every message,
// malformed ones included, as a mail program would.
func TestMemoryServesAllGeneratedMail(t *testing.T) {
	s := startMemory(t, testbed.MemoryConfig{})
	if err := s.CreateFolders("robin"); err != nil {
		t.Fatal(err)
	}
	byBox := map[string][]mailgen.Message{}
	for m := range mailgen.New(9, now).Account(400) {
		byBox[m.Mailbox] = append(byBox[m.Mailbox], m)
	}
	if err := s.Fill(mailgen.New(9, now).Account(400), "robin"); err != nil {
		t.Fatal(err)
	}
	c := login(t, s.IMAPAddr(), "robin", "secret")
	boxes := mailboxes(t, c)
	for _, f := range mailgen.Folders() {
		if boxes[f.Name] == nil || len(f.Use) > 0 && !slices.Contains(boxes[f.Name].Attrs, f.Use[0]) {
			t.Errorf("mailbox %q is listed as %+v", f.Name, boxes[f.Name])
		}
	}
	if !slices.Contains(boxes["Courses/CS 101"].Attrs, imap.MailboxAttrHasChildren) {
		t.Errorf("Courses/CS 101 has attributes %v", boxes["Courses/CS 101"].Attrs)
	}
	for name, want := range byBox {
		if got := *boxes[name].Status.NumMessages; int(got) != len(want) {
			t.Errorf("%s has %d messages, want %d", name, got, len(want))
		}
		checkMailbox(t, c, name, want)
	}
}

func checkMailbox(t *testing.T, c *imapclient.Client, name string, want []mailgen.Message) {
	t.Helper()
	if _, err := c.Select(name, nil).Wait(); err != nil {
		t.Fatal(err)
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	first := &imap.FetchItemBodySection{Peek: true, Part: []int{1}}
	got, err := c.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{
		UID: true, Flags: true, InternalDate: true, RFC822Size: true, Envelope: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
		BodySection:   []*imap.FetchItemBodySection{whole, first},
	}).Collect()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d messages, want %d", name, len(got), len(want))
	}
	for i, m := range got {
		w := want[i]
		if !bytes.Equal(m.FindBodySection(whole), w.Raw) {
			t.Errorf("%s: message %d has other bytes", name, i)
		}
		if !m.InternalDate.Equal(w.Date) || m.RFC822Size != int64(len(w.Raw)) {
			t.Errorf("%s: message %d: date %v, size %d", name, i, m.InternalDate, m.RFC822Size)
		}
		slices.Sort(m.Flags)
		if flags := slices.Sorted(slices.Values(w.Flags)); !slices.Equal(m.Flags, flags) {
			t.Errorf("%s: message %d has flags %v, want %v", name, i, m.Flags, flags)
		}
		if m.BodyStructure == nil || len(m.FindBodySection(first)) == 0 {
			t.Errorf("%s: message %d has no structure or no first part:\n%.300s", name, i, w.Raw)
		}
		if len(m.Envelope.From) == 0 || m.Envelope.From[0].Host == "" {
			t.Errorf("%s: message %d has no sender:\n%.300s", name, i, w.Raw)
		}
		if !w.Malformed && (m.Envelope.Subject == "" || m.Envelope.MessageID == "" || m.Envelope.Date.IsZero()) {
			t.Errorf("%s: message %d has envelope %+v", name, i, m.Envelope)
		}
	}
}

func TestMemoryMoveExpungesOnce(t *testing.T) {
	s := startMemory(t, testbed.MemoryConfig{})
	s.CreateMailbox("robin", "Archive")
	for i := range 5 {
		s.Append("robin", "INBOX", fmt.Appendf(nil, "Subject: %d\r\n\r\ntext\r\n", i), now)
	}
	var expunged []uint32
	done := make(chan struct{}, 10)
	c, err := imapclient.DialInsecure(s.IMAPAddr(), &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Expunge: func(seq uint32) { expunged = append(expunged, seq); done <- struct{}{} },
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Login("robin", "secret").Wait()
	c.Select("INBOX", nil).Wait()
	data, err := c.Move(imap.UIDSetNum(2, 4), "Archive").Wait()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Noop().Wait(); err != nil {
		t.Fatal(err)
	}
	<-done
	<-done
	if len(done) != 0 || !slices.Equal(expunged, []uint32{2, 3}) {
		t.Errorf("expunged %v, want [2 3]", expunged)
	}
	if data.SourceUIDs.String() != "2,4" || data.DestUIDs.String() != "1:2" {
		t.Errorf("COPYUID %v %v", data.SourceUIDs, data.DestUIDs)
	}
	boxes := mailboxes(t, c)
	if in, archive := *boxes["INBOX"].Status.NumMessages, *boxes["Archive"].Status.NumMessages; in != 3 || archive != 2 {
		t.Errorf("INBOX has %d, Archive %d messages", in, archive)
	}
}

func TestMemorySearch(t *testing.T) {
	s := startMemory(t, testbed.MemoryConfig{})
	s.Append("robin", "INBOX", []byte("From: a@example.net\r\nSubject: =?koi8-r?B?8NLJ18XU?=\r\nContent-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n5M/C0tnKIMTFztg=\r\n"), now.Add(-48*time.Hour), imap.FlagSeen)
	s.Append("robin", "INBOX", []byte("From: b@example.net\r\nSubject: plain\r\n\r\nNothing Here\r\n"), now)
	c := login(t, s.IMAPAddr(), "robin", "secret")
	c.Select("INBOX", nil).Wait()
	for name, tt := range map[string]struct {
		criteria imap.SearchCriteria
		want     []imap.UID
	}{
		"all":            {imap.SearchCriteria{}, []imap.UID{1, 2}},
		"unseen":         {imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, []imap.UID{2}},
		"subject":        {imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "ПРИВЕТ"}}}, []imap.UID{1}},
		"body":           {imap.SearchCriteria{Body: []string{"добрый"}}, []imap.UID{1}},
		"text in header": {imap.SearchCriteria{Text: []string{"b@EXAMPLE"}}, []imap.UID{2}},
		"body only":      {imap.SearchCriteria{Body: []string{"b@example"}}, nil},
		"since":          {imap.SearchCriteria{Since: now}, []imap.UID{2}},
		"before":         {imap.SearchCriteria{Before: now}, []imap.UID{1}},
		"not":            {imap.SearchCriteria{Not: []imap.SearchCriteria{{Body: []string{"nothing"}}}}, []imap.UID{1}},
		"or":             {imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{{Body: []string{"nothing"}}, {Flag: []imap.Flag{imap.FlagSeen}}}}}, []imap.UID{1, 2}},
		"uid":            {imap.SearchCriteria{UID: []imap.UIDSet{{{Start: 2, Stop: 0}}}}, []imap.UID{2}},
	} {
		data, err := c.UIDSearch(&tt.criteria, nil).Wait()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := data.AllUIDs(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestMemoryIdle(t *testing.T) {
	s := startMemory(t, testbed.MemoryConfig{})
	told := make(chan uint32, 10)
	c, err := imapclient.DialInsecure(s.IMAPAddr(), &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				told <- *data.NumMessages
			}
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Login("robin", "secret").Wait()
	c.Select("INBOX", nil).Wait()
	for i := range 20 { // each races with the beginning of IDLE
		idle, err := c.Idle()
		if err != nil {
			t.Fatal(err)
		}
		go s.Append("robin", "INBOX", []byte("Subject: new\r\n\r\n"), now)
		for n := range told {
			if n == uint32(i+1) {
				break
			}
		}
		idle.Close()
		if err := idle.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMemoryMailboxes(t *testing.T) {
	s := startMemory(t, testbed.MemoryConfig{})
	c := login(t, s.IMAPAddr(), "robin", "secret")
	create := func(name string) {
		t.Helper()
		if err := c.Create(name, nil).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	create("A/B/C & D")
	create("研究室 100%")
	if a := mailboxes(t, c)["A/B"]; a == nil || !slices.Contains(a.Attrs, imap.MailboxAttrNonExistent) {
		t.Errorf("A/B is listed as %+v", a)
	}
	if err := c.Rename("A/B", "X", nil).Wait(); err == nil {
		t.Error("a mailbox that does not exist was renamed")
	}
	create("A")
	if err := c.Rename("A", "X", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	boxes := mailboxes(t, c)
	if boxes["X/B/C & D"] == nil || boxes["A"] != nil || boxes["研究室 100%"] == nil {
		t.Errorf("after the rename: %v", boxes)
	}
	if err := c.Delete("INBOX").Wait(); err == nil {
		t.Error("INBOX was deleted")
	}
	if err := c.Create("A//B", nil).Wait(); err == nil {
		t.Error("a mailbox with an empty level was created")
	}
	if _, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		t.Fatal(err)
	}
	s.Append("robin", "INBOX", []byte("Subject: x\r\n\r\n"), now)
	if err := c.Store(imap.UIDSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close(); err == nil {
		t.Error("a flag was stored in a mailbox opened read-only")
	}
}

func TestMemorySMTP(t *testing.T) {
	s := startMemory(t, testbed.MemoryConfig{MaxOutgoing: 2})
	send := func(login bool, to ...string) error {
		c, err := smtp.Dial(s.SMTPAddr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if login {
			if err := c.Auth(sasl.NewPlainClient("", "kim@example.edu", "other")); err != nil {
				t.Fatal(err)
			}
		}
		return c.SendMail("kim@example.edu", to, strings.NewReader("Subject: Hello\r\n\r\nText\r\n"))
	}
	if err := send(false, "robin@example.edu"); err == nil {
		t.Error("mail was accepted without a login")
	}
	for i := range 3 {
		if err := send(true, "robin@example.edu", fmt.Sprintf("far%d@example.net", i)); err != nil {
			t.Fatal(err)
		}
	}
	out := s.Outgoing()
	if len(out) != 2 || out[0].To[0] != "far1@example.net" || out[0].From != "kim@example.edu" || !bytes.HasPrefix(out[1].Raw, []byte("Subject: Hello")) {
		t.Errorf("outgoing mail: %+v", out)
	}
	c := login(t, s.IMAPAddr(), "robin", "secret")
	if n := *mailboxes(t, c)["INBOX"].Status.NumMessages; n != 3 {
		t.Errorf("%d messages were delivered, want 3", n)
	}
}

func TestMemoryClose(t *testing.T) {
	s, err := testbed.StartMemory(testbed.MemoryConfig{Users: []testbed.User{{Name: "a", Password: "b"}}})
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	for range 20 {
		for _, addr := range []string{s.IMAPAddr(), s.SMTPAddr()} {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			conns = append(conns, c)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range conns {
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		for {
			if _, err := c.Read(make([]byte, 1000)); err != nil {
				if ne, ok := err.(net.Error); ok && ne.Timeout() {
					t.Fatal("a connection outlived its server")
				}
				break
			}
		}
	}
}

func TestMemoryConfig(t *testing.T) {
	for _, config := range []testbed.MemoryConfig{
		{},
		{Users: []testbed.User{{Name: "a@b@c", Password: "x"}}},
		{Users: []testbed.User{{Name: "a"}, {Name: "A"}}},
		{Users: []testbed.User{{Name: "a"}}, MaxOutgoing: -1},
		{Users: []testbed.User{{Name: "a"}}, IMAPAddress: "256.0.0.1:1"},
	} {
		if s, err := testbed.StartMemory(config); err == nil {
			s.Close()
			t.Errorf("%+v was accepted", config)
		}
	}
}

// TestMemorySharedMail fills two accounts with the same mail: what one does to
// its copy must not show in the other.
func TestMemorySharedMail(t *testing.T) {
	s := startMemory(t, testbed.MemoryConfig{})
	if err := s.Fill(mailgen.New(1, now).Folder("INBOX", 20), "robin", "kim"); err != nil {
		t.Fatal(err)
	}
	robin, kim := login(t, s.IMAPAddr(), "robin", "secret"), login(t, s.IMAPAddr(), "kim", "other")
	for _, c := range []*imapclient.Client{robin, kim} {
		if _, err := c.Select("INBOX", nil).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	all := imap.UIDSet{{Start: 1, Stop: 0}}
	if err := robin.Store(all, &imap.StoreFlags{Op: imap.StoreFlagsSet, Silent: true, Flags: []imap.Flag{imap.FlagDeleted, "Project"}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if err := robin.Expunge().Close(); err != nil {
		t.Fatal(err)
	}
	got, err := kim.Fetch(all, &imap.FetchOptions{UID: true, Flags: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}}).Collect()
	if err != nil || len(got) != 20 {
		t.Fatalf("%d messages: %v", len(got), err)
	}
	for _, m := range got {
		if slices.Contains(m.Flags, imap.FlagDeleted) || len(m.BodySection) == 0 {
			t.Errorf("message %d has flags %v", m.UID, m.Flags)
		}
	}
}

// TestMemoryConcurrentSessions lets sessions of one account disturb each other.
func TestMemoryConcurrentSessions(t *testing.T) {
	s := startMemory(t, testbed.MemoryConfig{})
	s.CreateMailbox("robin", "Archive")
	var clients sync.WaitGroup
	for i := range 4 {
		c := login(t, s.IMAPAddr(), "robin", "secret")
		clients.Go(func() {
			check := func(what string, err error) {
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			_, err := c.Select([]string{"INBOX", "Archive"}[i%2], nil).Wait()
			check("select", err)
			for n := range 50 {
				all := imap.UIDSet{{Start: 1, Stop: 0}}
				_, err := s.Append("robin", "INBOX", fmt.Appendf(nil, "Subject: %d\r\n\r\ntext\r\n", n), now)
				check("append", err)
				_, err = c.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{Envelope: true, Flags: true}).Collect()
				check("fetch", err)
				switch (i + n) % 3 {
				case 0:
					check("store", c.Store(all, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Close())
				case 1:
					_, err = c.Move(imap.UIDSet{{Start: imap.UID(n), Stop: imap.UID(n + 3)}}, []string{"Archive", "INBOX"}[i%2]).Wait()
					check("move", err)
				case 2:
					_, err = c.UIDSearch(&imap.SearchCriteria{Text: []string{"text"}}, nil).Wait()
					check("search", err)
				}
			}
		})
	}
	clients.Wait()
	c := login(t, s.IMAPAddr(), "robin", "secret")
	boxes := mailboxes(t, c)
	if total := *boxes["INBOX"].Status.NumMessages + *boxes["Archive"].Status.NumMessages; total != 200 {
		t.Errorf("%d of 200 messages are there", total)
	}
}
