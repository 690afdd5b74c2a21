package testbed_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	"alphamail/bench/testbed"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"
)

func startProxy(t *testing.T, target string) *testbed.Proxy {
	t.Helper()
	p, err := testbed.StartProxy(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func TestProxyCountsScriptedSession(t *testing.T) {
	s := startMemory(t, testbed.MemoryConfig{})
	p := startProxy(t, s.IMAPAddr())
	check := func(what string, since testbed.Counts, connections, logins, selects, exchanges int, commands map[string]int) testbed.Counts {
		t.Helper()
		all := p.Snapshot()
		got := all.Sub(since)
		if got.Connections != connections || got.Logins != logins || got.Selects != selects || got.Exchanges != exchanges || !maps.Equal(got.Commands, commands) {
			t.Errorf("%s: %+v", what, got)
		}
		return all
	}

	p.Click("login")
	c := dial(t, p.Addr())
	if err := c.Authenticate(sasl.NewPlainClient("", "robin", "secret")); err != nil {
		t.Fatal(err)
	}
	at := check("login", testbed.Counts{}, 1, 1, 0, 1, map[string]int{"AUTHENTICATE": 1})

	// A message that looks like commands, in a literal the client need not
	// wait for and in one for which it must: two exchanges.
	p.Click("append")
	trap := []byte("Subject: trap\r\n\r\na1 SELECT INBOX\r\na2 UID FETCH 1 FLAGS {10}\r\nDONE\r\na3 LOGIN a b\r\n")
	add := c.Append("INBOX", int64(len(trap)), nil)
	add.Write(trap)
	add.Close()
	if _, err := add.Wait(); err != nil {
		t.Fatal(err)
	}
	got := p.Snapshot().Sub(at)
	if !maps.Equal(got.Commands, map[string]int{"APPEND": 1}) || got.Selects != 0 || got.Logins != 0 {
		t.Errorf("append: %+v", got)
	}
	at = p.Snapshot()

	p.Click("open")
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{}}}).Collect(); err != nil {
		t.Fatal(err)
	}
	at = check("open", at, 0, 0, 1, 2, map[string]int{"SELECT": 1, "UID FETCH": 1})

	p.Click("idle")
	idle, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	idle.Close()
	if err := idle.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := c.Noop().Wait(); err != nil {
		t.Fatal(err)
	}
	check("idle", at, 0, 0, 0, 3, map[string]int{"IDLE": 1, "NOOP": 1})

	clicks := p.Clicks()
	if open := clicks["open"]; open.Total() != 2 || open.Selects != 1 || open.BytesDown < int64(len(trap)) {
		t.Errorf("click open: %+v", open)
	}
	total := testbed.Counts{}
	for _, c := range clicks {
		total.Exchanges += c.Exchanges
		total.BytesUp += c.BytesUp
		total.BytesDown += c.BytesDown
	}
	if all := p.Snapshot(); total.Exchanges != all.Exchanges || total.BytesUp != all.BytesUp || total.BytesDown != all.BytesDown {
		t.Errorf("clicks add up to %+v, not to %+v", total, all)
	}
}

// TestProxyFollowsTheDialogue plays both sides, to be exact about literals,
// continuations and refusals that a client library does not produce at will.
func TestProxyFollowsTheDialogue(t *testing.T) {
	for name, tt := range map[string]struct {
		script    string // lines: "C: …" or "S: …"
		want      map[string]int
		exchanges int
	}{
		"synchronising literal": {"C: a APPEND INBOX {13}\nS: + go\nC: b SELECT Foo\n\nC: \nS: a OK", map[string]int{"APPEND": 1}, 2},
		"refused literal":       {"C: a APPEND INBOX {13}\nS: a NO too big\nC: b SELECT Foo\nS: b OK", map[string]int{"APPEND": 1, "SELECT": 1}, 2},
		"literal in a name":     {"C: a SELECT {3}\nS: + go\nC: Foo\nS: a OK\nC: b NOOP\nS: b OK", map[string]int{"SELECT": 1, "NOOP": 1}, 3},
		"two literals":          {"C: a LOGIN {3}\nS: +\nC: foo {6+}\nC: b NOOP\nS: a OK", map[string]int{"LOGIN": 1}, 2},
		"SASL":                  {"C: a AUTHENTICATE LOGIN\nS: + VXNlcg==\nC: bm9vcA==\nS: + UGFzcw==\nC: b NOOP\nS: a NO wrong\nC: c NOOP\nS: c OK", map[string]int{"AUTHENTICATE": 1, "NOOP": 1}, 4},
		"pipeline":              {"C: a SELECT A\nC: b UID FETCH 1 FLAGS\nC: c uid search all\nS: a OK\nS: b OK\nS: c OK", map[string]int{"SELECT": 1, "UID FETCH": 1, "UID SEARCH": 1}, 1},
		"idle refused":          {"C: a IDLE\nS: a BAD no\nC: b NOOP\nS: b OK", map[string]int{"IDLE": 1, "NOOP": 1}, 2},
		"idle":                  {"C: a IDLE\nS: + idling\nS: * 5 EXISTS\nC: done\nS: a OK\nC: b NOOP\nS: b OK", map[string]int{"IDLE": 1, "NOOP": 1}, 3},
		"server literal":        {"C: a FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {7}\nS: + fake\nS: )\nS: a OK\nC: b NOOP\nS: b OK", map[string]int{"FETCH": 1, "NOOP": 1}, 2},
		"text like a literal":   {"C: a NOOP\nS: * OK try {99}\nS: a OK\nC: b AUTHENTICATE X\nS: b OK\nC: c NOOP\nS: c OK", map[string]int{"NOOP": 2, "AUTHENTICATE": 1}, 3},
		"after STARTTLS":        {"C: a STARTTLS\nS: a OK\nC: b SELECT A\nS: b OK", map[string]int{"STARTTLS": 1}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			p := startProxy(t, ln.Addr().String())
			client, err := net.Dial("tcp", p.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			server, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			play(t, tt.script, client, server)
			if got := p.Snapshot(); !maps.Equal(got.Commands, tt.want) || got.Exchanges != tt.exchanges {
				t.Errorf("%v in %d exchanges, want %v in %d", got.Commands, got.Exchanges, tt.want, tt.exchanges)
			}
		})
	}
}

// play sends consecutive lines of one side in one write and waits until the
// other side has them.
func play(t *testing.T, script string, client, server net.Conn) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	client.SetDeadline(deadline)
	server.SetDeadline(deadline)
	var batch strings.Builder
	var from, to net.Conn
	flush := func() {
		if batch.Len() == 0 {
			return
		}
		io.WriteString(from, batch.String())
		got := make([]byte, batch.Len())
		if _, err := io.ReadFull(to, got); err != nil || string(got) != batch.String() {
			t.Fatalf("forwarded %q, want %q: %v", got, batch.String(), err)
		}
		batch.Reset()
	}
	for line := range strings.SplitSeq(script, "\n") {
		side, text, ok := strings.Cut(line, ": ")
		if !ok {
			text = line
		} else if next := map[string]net.Conn{"C": client, "S": server}[side]; next != from {
			flush()
			from, to = next, server
			if from == server {
				to = client
			}
		}
		batch.WriteString(text + "\r\n")
	}
	flush()
}

func TestProxyFaults(t *testing.T) {
	s := startMemory(t, testbed.MemoryConfig{})
	p := startProxy(t, s.IMAPAddr())
	open := func() (net.Conn, *bufio.Reader) {
		t.Helper()
		c, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(10 * time.Second))
		return c, bufio.NewReader(c)
	}
	silent := func(c net.Conn, r *bufio.Reader) {
		t.Helper()
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if line, err := r.ReadString('\n'); err == nil {
			t.Errorf("it answered while it hangs: %s", line)
		}
		c.SetDeadline(time.Now().Add(10 * time.Second))
	}
	says := func(r *bufio.Reader, want string) {
		t.Helper()
		if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, want) {
			t.Errorf("%q, %v; want %q", line, err, want)
		}
	}

	c, r := open()
	says(r, "* OK")
	p.Hang()
	fmt.Fprint(c, "a NOOP\r\n")
	silent(c, r)
	fresh, freshR := open()
	silent(fresh, freshR)
	p.Unhang()
	says(r, "a OK")
	says(freshR, "* OK")

	if err := p.Refuse(true); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", p.Addr()); err == nil {
		c.Close()
		t.Error("a connection was accepted while it refuses")
	}
	fmt.Fprint(c, "b NOOP\r\n")
	says(r, "b OK")
	if err := p.Refuse(false); err != nil {
		t.Fatal(err)
	}
	_, r2 := open()
	says(r2, "* OK")

	p.Cut()
	for _, r := range []*bufio.Reader{r, freshR, r2} {
		if line, err := r.ReadString('\n'); err == nil {
			t.Errorf("a cut connection says %q", line)
		}
	}
	_, r3 := open()
	says(r3, "* OK")

	p.Hang() // Close must end it nevertheless
	fmt.Fprint(c, "c NOOP\r\n")
}

func TestProxyServerGone(t *testing.T) {
	s := startMemory(t, testbed.MemoryConfig{})
	p := startProxy(t, s.IMAPAddr())
	c := login(t, p.Addr(), "robin", "secret")
	s.Close()
	if err := c.Noop().Wait(); err == nil {
		t.Error("a command succeeded without a server")
	}
	late, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	late.SetDeadline(time.Now().Add(10 * time.Second))
	if n, err := late.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("a connection was served without a server")
	}
}
