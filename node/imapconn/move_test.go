package imapconn_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn"
)

// TestAMoveIsSafe fails at every step on a server without MOVE.
func TestAMoveIsSafe(t *testing.T) {
	for name, tt := range map[string]struct {
		script func(*scripted)
		err    error
	}{
		"the copy fails": {func(s *scripted) {
			s.say("%s NO [OVERQUOTA] full", s.expect(t, "UID COPY 1:2 "))
		}, nil},
		"one message is not copied": {func(s *scripted) {
			s.say("%s OK [COPYUID 1 2 5] copied", s.expect(t, "UID COPY 1:2 "))
			s.say("%s OK stored", s.expect(t, `UID STORE 2 +FLAGS.SILENT (\Deleted)`))
			s.say("%s NO no", s.expect(t, "UID EXPUNGE 2"))
		}, imapconn.ErrLeftBehind},
		"others are said to be copied": {func(s *scripted) {
			s.say("%s OK [COPYUID 1 1:3 5:7] copied", s.expect(t, "UID COPY 1:2 "))
		}, imapconn.ErrLeftBehind},
		"it is not said what was copied": {func(s *scripted) {
			s.say("%s OK copied", s.expect(t, "UID COPY 1:2 "))
		}, imapconn.ErrLeftBehind},
		"marking fails": {func(s *scripted) {
			s.say("%s OK [COPYUID 1 1:2 5:6] copied", s.expect(t, "UID COPY 1:2 "))
			s.say("%s NO no", s.expect(t, `UID STORE 1:2 +FLAGS.SILENT (\Deleted)`))
		}, imapconn.ErrLeftBehind},
		"removing fails": {func(s *scripted) {
			s.say("%s OK [COPYUID 1 1:2 5:6] copied", s.expect(t, "UID COPY 1:2 "))
			s.say("%s OK stored", s.expect(t, "UID STORE 1:2 "))
			s.say("%s NO no", s.expect(t, "UID EXPUNGE 1:2"))
		}, imapconn.ErrLeftBehind},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan struct{})
			conn, err := play(t, plainText, func(s *scripted) {
				defer close(ended)
				s.say("* OK [CAPABILITY IMAP4rev1 UIDPLUS] hello")
				s.say("* 1 FETCH (UID 1 FLAGS ())\r\n* 2 FETCH (UID 2 FLAGS ())\r\n%s OK fetched", s.expect(t, "UID FETCH 1:2 "))
				tt.script(s)
				s.say("%s OK done", s.expect(t, "NOOP")) // and nothing else before
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = conn.Move(t.Context(), imap.UIDSet{{Start: 1, Stop: 2}}, "Archive")
			if err == nil || tt.err != nil && !errors.Is(err, tt.err) || tt.err == nil && errors.Is(err, imapconn.ErrLeftBehind) {
				t.Errorf("%v", err)
			}
			if err := conn.Do(t.Context(), &imapconn.Noop{}); err != nil {
				t.Error(err)
			}
			<-ended
		})
	}
}

// cutter relays connections to a server. The first one is cut at a moment.
type cutter struct {
	net.Listener
	target string
	moment moment
	pumps  sync.WaitGroup // close ends them

	mu    sync.Mutex // guards the fields below
	armed bool
	conns []net.Conn
}

// moment is when to cut: at a command, before the server gets it, while it is at
// work, or after it has answered and before the answer is known.
type moment struct {
	command string
	when    string
}

func startCutter(t *testing.T, target string, at moment) *cutter {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: listener, target: target, moment: at, armed: true}
	c.pumps.Go(c.accept)
	t.Cleanup(c.close)
	return c
}

func (c *cutter) accept() {
	for {
		client, err := c.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", c.target)
		if err != nil {
			client.Close()
			continue
		}
		c.mu.Lock()
		at := moment{}
		if c.armed {
			at, c.armed = c.moment, false
		}
		c.conns = append(c.conns, client, server)
		c.mu.Unlock()
		cut := func() { client.Close(); server.Close() }
		awaited := make(chan string, 1) // the tag of the command
		c.pumps.Go(func() {
			defer cut()
			lines := bufio.NewReader(client)
			for {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				tag, rest, _ := strings.Cut(line, " ")
				hit := at.command != "" && strings.HasPrefix(rest, at.command)
				if hit && at.when == "before" {
					return
				}
				if hit && at.when == "after" {
					awaited <- tag
				}
				if _, err := io.WriteString(server, line); err != nil || hit && at.when == "during" {
					return
				}
			}
		})
		c.pumps.Go(func() {
			defer cut()
			lines, until := bufio.NewReader(server), "nothing"
			for {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				select {
				case until = <-awaited:
				default:
				}
				if strings.HasPrefix(line, until+" ") {
					return
				}
				if _, err := io.WriteString(client, line); err != nil {
					return
				}
			}
		})
	}
}

func (c *cutter) close() {
	c.Close()
	c.mu.Lock()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.mu.Unlock()
	c.pumps.Wait()
}

// removal is a move of two messages of three between two mailboxes of a server.
type removal struct {
	*session
	from, to    string
	uidValidity uint32
	uids        imap.UIDSet
}

// prepare makes the mailboxes, unless the second is there already, and fills the
// first.
func (s *session) prepare(number int, to string, size int) *removal {
	s.t.Helper()
	r := &removal{session: s, from: fmt.Sprintf("%sFrom%d", s.prefix, number), to: to}
	conn := another(s)
	s.create(conn, r.from)
	if to == "" {
		r.to = fmt.Sprintf("%sTo%d", s.prefix, number)
		s.create(conn, r.to)
	}
	var commands []imapconn.Command
	for i := range 3 {
		commands = append(commands, appending(r.from, fmt.Sprintf("Message-ID: <%d.%d@example.edu>\r\nSubject: x\r\n\r\n%s\r\n", number, i, strings.Repeat("x", size))))
	}
	choice := &imapconn.Select{Name: r.from}
	fetch := &imapconn.Fetch{UIDs: everything, Items: &imap.FetchOptions{Flags: true}}
	if err := conn.Do(s.t.Context(), append(commands, choice, fetch)...); err != nil {
		s.t.Fatal(err)
	}
	if len(fetch.Messages) != 3 {
		s.t.Fatalf("%d messages in a mailbox made for 3", len(fetch.Messages))
	}
	r.uidValidity = choice.Data.UIDValidity
	for _, message := range fetch.Messages[:2] {
		r.uids.AddNum(message.UID)
	}
	return r
}

// create makes a mailbox of a name that is used once. Dovecot says now and then that
// it exists already: a session that was cut finds the new directory and lists it
// before the one that makes it does.
func (s *session) create(conn *imapconn.Conn, mailbox string) {
	s.t.Helper()
	err := conn.Do(s.t.Context(), &imapconn.Manage{Action: imapconn.Create, Mailbox: mailbox})
	var refusal *imap.Error
	if err != nil && !(errors.As(err, &refusal) && refusal.Code == imap.ResponseCodeAlreadyExists) {
		s.t.Fatal(err)
	}
}

// state says where each of the three messages is: "1" in the first mailbox, "d"
// there and marked as deleted, "2" in the second; for instance "d2 d2 1".
func (r *removal) state(number int) string {
	r.t.Helper()
	where := map[string]string{}
	for _, mailbox := range []string{r.from, r.to} {
		section := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Message-ID"}, Peek: true}
		fetch := &imapconn.Fetch{UIDs: everything, Items: &imap.FetchOptions{Flags: true, BodySection: []*imap.FetchItemBodySection{section}}}
		choice := &imapconn.Select{Name: mailbox, ReadOnly: true}
		conn := another(r.session)
		if err := conn.Do(r.t.Context(), choice); err != nil {
			continue // there is no such mailbox
		}
		if err := conn.Do(r.t.Context(), fetch); err != nil {
			r.t.Fatal(err)
		}
		conn.Close()
		for _, message := range fetch.Messages {
			id := strings.Trim(strings.TrimPrefix(strings.ToLower(string(message.Section(section))), "message-id:"), " <>\r\n")
			switch {
			case mailbox == r.to:
				where[id] += "2"
			case slices.Contains(message.Flags, imap.FlagDeleted):
				where[id] += "d"
			default:
				where[id] += "1"
			}
		}
	}
	var states []string
	for i := range 3 {
		states = append(states, where[fmt.Sprintf("%d.%d@example.edu", number, i)])
	}
	return strings.Join(states, " ")
}

// dial connects through an address, with or without MOVE.
func (s *session) dial(address string, without ...imap.Cap) *imapconn.Conn {
	s.t.Helper()
	conn, err := imapconn.Dial(s.t.Context(), imapconn.Options{Address: address, Security: imapconn.Plain, Without: append(without, s.without...)})
	if err == nil {
		s.t.Cleanup(conn.Close)
		err = conn.Login(s.t.Context(), "ana", "secret")
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// ways are how a server is made to move messages.
func (s *session) ways() map[string][]imap.Cap {
	ways := map[string][]imap.Cap{"COPY": {imap.CapMove}}
	if conn := another(s); conn.Has(imap.CapMove) {
		ways["MOVE"] = nil
	}
	return ways
}

func startSession(t *testing.T, place place) *session {
	t.Helper()
	s := &session{t: t, place: place}
	namespace := &imapconn.Namespace{}
	if conn := another(s); conn.Has(imap.CapNamespace) {
		if err := conn.Do(t.Context(), namespace); err != nil {
			t.Fatal(err)
		}
		s.prefix = namespace.Data.Personal[0].Prefix
	}
	return s
}

// TestNoMoveLosesAMessage lets moves fail on every server, at every command.
func TestNoMoveLosesAMessage(t *testing.T) {
	for _, server := range servers {
		t.Run(server.name, func(t *testing.T) {
			t.Parallel() // servers mostly wait
			s := startSession(t, server.start(t))
			number := 0
			for way, without := range s.ways() {
				number++
				nowhere := s.prepare(number, s.prefix+"Nowhere", 10)
				conn := s.dial(s.address, without...)
				if err := conn.Do(t.Context(), &imapconn.Select{Name: nowhere.from}); err != nil {
					t.Fatal(err)
				}
				_, err := conn.Move(t.Context(), nowhere.uids, nowhere.to)
				if state := nowhere.state(number); err == nil || errors.Is(err, imapconn.ErrLeftBehind) || state != "1 1 1" {
					t.Errorf("%s to nowhere: %s, %v", way, state, err)
				}
				for _, at := range moments(way) {
					number++
					cutMove(s, number, way, without, at)
				}
			}
		})
	}
}

func moments(way string) (all []moment) {
	commands := []string{"UID FETCH", "UID COPY", "UID STORE", "UID EXPUNGE"}
	if way == "MOVE" {
		commands = []string{"UID MOVE"}
	}
	for _, command := range commands {
		for _, when := range []string{"before", "during", "after"} {
			all = append(all, moment{command, when})
		}
	}
	return all
}

// cutMove moves over a connection that is cut, looks where the messages are, and
// resumes the move over another one.
func cutMove(s *session, number int, way string, without []imap.Cap, at moment) {
	t, r := s.t, s.prepare(number, "", 10)
	conn := s.dial(startCutter(t, s.address, at).Addr().String(), without...)
	if err := conn.Do(t.Context(), &imapconn.Select{Name: r.from}); err != nil {
		t.Fatal(err)
	}
	precise := conn.Has(imap.CapUIDPlus)
	if _, err := conn.Move(t.Context(), r.uids, r.to); !precise && at.command == "UID EXPUNGE" {
		if !errors.Is(err, imapconn.ErrLeftBehind) { // it never comes so far
			t.Errorf("%s without UIDPLUS: %v", way, err)
		}
	} else if !precise && at == (moment{"UID STORE", "during"}) && errors.Is(err, imapconn.ErrLeftBehind) {
		// The answer to the last command came just before the cut.
	} else if err == nil || conn.Usable() {
		t.Errorf("%s cut %s %s: usable %v, %v", way, at.when, at.command, conn.Usable(), err)
	}
	if at.when == "during" {
		time.Sleep(200 * time.Millisecond) // the server may be at work on its own
	}
	state := r.state(number)
	for i, where := range strings.Split(state, " ") {
		if places := allowed(at, precise); i < 2 && !slices.Contains(places, where) || i == 2 && where != "1" {
			t.Errorf("%s cut %s %s: %s, not in %q", way, at.when, at.command, state, places)
		}
	}
	err := s.dial(s.address, without...).ResumeMove(t.Context(), r.from, r.uidValidity, r.uids, r.to)
	after, want := r.state(number), "2 2 1"
	if !precise {
		want = "d2 d2 1"
	}
	if after != want || precise && err != nil || !precise && !errors.Is(err, imapconn.ErrLeftBehind) {
		t.Errorf("%s cut %s %s: %s, resumed %s, %v", way, at.when, at.command, state, after, err)
	}
	t.Logf("%s cut %-6s %-11s: %s, resumed: %s", way, at.when, at.command, state, after)
}

// allowed are the places where a message to be moved may be after a cut: in both
// mailboxes only between the copy and the removal.
func allowed(at moment, removed bool) []string {
	if !removed && at.command == "UID EXPUNGE" {
		return []string{"d2"}
	}
	steps := map[string][2]string{ // what holds before a command, and after it
		"UID FETCH": {"1", "1"}, "UID COPY": {"1", "12"}, "UID STORE": {"12", "d2"}, "UID EXPUNGE": {"d2", "2"}, "UID MOVE": {"1", "2"},
	}
	step := steps[at.command]
	switch at.when {
	case "before":
		return step[:1]
	case "after":
		return step[1:]
	}
	return step[:]
}

// TestAFullMailboxTakesNothing moves messages to where there is no room for them.
// The server in memory knows no quotas; Courier's are for all mailboxes together.
func TestAFullMailboxTakesNothing(t *testing.T) {
	for name, start := range map[string]func(*testing.T) (place, int){
		"Dovecot": func(t *testing.T) (place, int) { return startDovecot(t), 10 },
		"Cyrus":   func(t *testing.T) (place, int) { return startCyrus(t), 2000 },
		"Courier": func(t *testing.T) (place, int) {
			return startCourier(t, 200), 60_000
		},
	} {
		t.Run(name, func(t *testing.T) {
			place, size := start(t)
			s := startSession(t, place)
			number := 0
			for way, without := range s.ways() {
				number++
				r := s.prepare(number, place.full, size)
				conn := s.dial(s.address, without...)
				if err := conn.Do(t.Context(), &imapconn.Select{Name: r.from}); err != nil {
					t.Fatal(err)
				}
				_, err := conn.Move(t.Context(), r.uids, r.to)
				state := r.state(number)
				if refusal, refused := imapconn.IsRefusal(err); !refused || refusal.Code == "TRYCREATE" || errors.Is(err, imapconn.ErrLeftBehind) || state != "1 1 1" {
					t.Errorf("%s: %s, %v", way, state, err)
				}
				t.Logf("%s: %s, %v", way, state, err)
			}
		})
	}
}

// TestResumingTakesNoRisk neither where UIDs mean something else now, nor with
// messages that cannot be told from others.
func TestResumingTakesNoRisk(t *testing.T) {
	s := startSession(t, place{address: memory(t, nil)})
	r := s.prepare(1, "", 10)
	conn := another(s)
	if err := conn.ResumeMove(t.Context(), r.from, r.uidValidity+1, r.uids, r.to); !errors.Is(err, imapconn.ErrAnotherMailbox) || r.state(1) != "1 1 1" {
		t.Errorf("another UIDVALIDITY: %s, %v", r.state(1), err)
	}
	err := conn.ResumeMove(t.Context(), r.from, r.uidValidity, r.uids, "Nowhere")
	if _, refused := imapconn.IsRefusal(err); !refused || r.state(1) != "1 1 1" {
		t.Errorf("to nowhere: %s, %v", r.state(1), err)
	}
	// One with the same Message-ID and another text is another message.
	other := appending(r.to, "Message-ID: <1.0@example.edu>\r\nSubject: x\r\n\r\nanother text, which is longer\r\n")
	unnamed, copied := appending(r.from, "Subject: unnamed\r\n\r\nx\r\n"), appending(r.to, "Subject: unnamed\r\n\r\nx\r\n")
	if err := conn.Do(t.Context(), other, unnamed, copied); err != nil {
		t.Fatal(err)
	}
	uids := slices.Clone(r.uids)
	uids.AddNum(unnamed.UID)
	if err := conn.ResumeMove(t.Context(), r.from, r.uidValidity, uids, r.to); err != nil {
		t.Fatal(err)
	}
	if first, second := count(s, r.from), count(s, r.to); first != 1 || second != 5 || r.state(1) != "22 2 1" {
		t.Errorf("%d messages in the first, %d in the second: %s", first, second, r.state(1))
	}
	if err := conn.ResumeMove(t.Context(), r.from, r.uidValidity, uids, r.to); err != nil || count(s, r.to) != 5 {
		t.Errorf("once more: %d messages, %v", count(s, r.to), err)
	}
}
