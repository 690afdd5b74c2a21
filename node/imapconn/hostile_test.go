package imapconn_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"alphamail/node/imapconn"
)

// scripted is a server that says what a test tells it to.
type scripted struct {
	net.Conn
	lines *bufio.Reader
}

// expect reads a command and returns its tag; the rest must begin as asked.
func (s *scripted) expect(t *testing.T, begins string) string {
	line, err := s.lines.ReadString('\n')
	if err != nil {
		return ""
	}
	tag, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
	if !strings.HasPrefix(rest, begins) {
		t.Errorf("the client says %q, not %q", rest, begins)
	}
	return tag
}

func (s *scripted) say(format string, args ...any) { fmt.Fprintf(s, format+"\r\n", args...) }

// play starts a server for one connection and connects to it.
func play(t *testing.T, options imapconn.Options, script func(*scripted)) (*imapconn.Conn, error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var playing sync.WaitGroup
	playing.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		script(&scripted{conn, bufio.NewReader(conn)})
	})
	t.Cleanup(func() {
		listener.Close()
		playing.Wait()
	})
	options.Address = listener.Addr().String()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := imapconn.Dial(ctx, options)
	if err == nil {
		t.Cleanup(conn.Close)
	}
	return conn, err
}

var plainText = imapconn.Options{Security: imapconn.Plain}

// TestStrangeThingsAreReportedAndSurvived gets everything at once that ends
// connections of other clients.
func TestStrangeThingsAreReportedAndSurvived(t *testing.T) {
	var strange []string
	options := plainText
	options.Strange = func(what, name string) { strange = append(strange, what+" "+name) }
	conn, err := play(t, options, func(s *scripted) {
		s.say("* OK [CAPABILITY IMAP4rev1] hello {5}")
		tag := s.expect(t, "UID FETCH 1:9 (UID RFC822.SIZE BODYSTRUCTURE)")
		s.say("* XYZZY nothing (happens)")
		s.say("* 1 FETCH (UID 1 RFC822.SIZE 10 X-GM-MSGID 12 BODYSTRUCTURE NIL)")
		s.say("* 2 FETCH (UID 2 RFC822.SIZE -1 BODYSTRUCTURE (((((")
		s.say("* 3 FETCH (UID 3 FLAGS (a]b \\Seen) RFC822.SIZE 30 BODYSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 1))")
		s.say("* LIST () \"/\" \"unterminated")
		s.say("* VANISHED 4")
		s.say("* OK [WHAT a b] is this")
		s.say("Z9 OK an answer to nobody")
		s.say("%s OK done", tag)
		s.say("%s NOOP", s.expect(t, "NOOP")) // no status: the next one is
	})
	if err != nil {
		t.Fatal(err)
	}
	fetch := &imapconn.Fetch{UIDs: imap.UIDSet{{Start: 1, Stop: 9}}, Items: &imap.FetchOptions{RFC822Size: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}}}
	if err := conn.Do(t.Context(), fetch); err != nil {
		t.Fatal(err)
	}
	var sizes []int64
	for _, m := range fetch.Messages {
		sizes = append(sizes, m.Size)
	}
	if !slices.Equal(sizes, []int64{10, 0, 30}) || fetch.Messages[2].Structure == nil || len(fetch.Messages[1].Broken) == 0 {
		t.Errorf("sizes %v, %+v", sizes, fetch.Messages)
	}
	for _, want := range []string{"unknown response XYZZY", "broken response LIST", "answer to no command Z9"} {
		if !slices.Contains(strange, want) {
			t.Errorf("%q is not reported: %q", want, strange)
		}
	}
}

// TestEventsComeInOrder pairs expunges with flags of the message that moved up:
// in any other order they would be about other messages.
func TestEventsComeInOrder(t *testing.T) {
	const pairs = 200
	conn, err := play(t, plainText, func(s *scripted) {
		s.say("* OK [CAPABILITY IMAP4rev1] hello")
		tag := s.expect(t, "SELECT INBOX")
		s.say("* %d EXISTS\r\n%s OK selected", pairs+1, tag)
		tag = s.expect(t, "NOOP")
		for i := range pairs {
			s.say("* 1 EXPUNGE\r\n* 1 FETCH (FLAGS (k%d))", i)
		}
		s.say("%s OK done", tag)
	})
	if err != nil {
		t.Fatal(err)
	}
	box := &told{}
	if err := conn.Do(t.Context(), &imapconn.Select{Name: "INBOX", Mailbox: box}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Do(t.Context(), &imapconn.Noop{}); err != nil {
		t.Fatal(err)
	}
	if len(box.events) != 2*pairs {
		t.Fatalf("%d events", len(box.events))
	}
	for i := range pairs {
		if box.events[2*i] != "expunged 1" || box.events[2*i+1] != fmt.Sprintf("flagged 1 [k%d]", i) {
			t.Fatalf("events %d: %q", i, box.events[2*i:2*i+2])
		}
	}
}

// TestACancelledCommandLeavesTheConnection drops what still comes for it.
func TestACancelledCommandLeavesTheConnection(t *testing.T) {
	cancelled := make(chan struct{})
	conn, err := play(t, plainText, func(s *scripted) {
		s.say("* OK [CAPABILITY IMAP4rev1] hello")
		tag := s.expect(t, "LIST")
		fmt.Fprint(s, "* LIST () \"/\" {7}\r\nhal")
		<-cancelled
		s.say("f-way) \r\n* LIST () \"/\" other\r\n%s OK done", tag)
		tag = s.expect(t, "STATUS")
		s.say("* STATUS a (MESSAGES 4)\r\n%s OK done", tag)
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := conn.Do(ctx, &imapconn.List{Pattern: "*"}); !errors.Is(err, context.Canceled) || !conn.Usable() {
		t.Fatalf("cancelled: usable %v, %v", conn.Usable(), err)
	}
	close(cancelled)
	status := &imapconn.Status{Mailbox: "a", Options: &imap.StatusOptions{NumMessages: true}}
	if err := conn.Do(t.Context(), status); err != nil || status.Data == nil || *status.Data.NumMessages != 4 {
		t.Errorf("the next command: %+v, %v", status.Data, err)
	}
}

func TestALateServerIsNotWaitedForTwice(t *testing.T) {
	conn, err := play(t, plainText, func(s *scripted) {
		s.say("* OK [CAPABILITY IMAP4rev1] hello")
		s.expect(t, "NOOP")
		s.lines.ReadString('\n') // until the client has gone
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := conn.Do(ctx, &imapconn.Noop{}); !errors.Is(err, context.DeadlineExceeded) || conn.Usable() {
		t.Errorf("usable %v, %v", conn.Usable(), err)
	}
	if err := conn.Do(t.Context(), &imapconn.Noop{}); !errors.Is(err, imapconn.ErrClosed) {
		t.Errorf("afterwards: %v", err)
	}
}

// TestALiteralWaitsForConsent and is not sent when it is refused.
func TestALiteralWaitsForConsent(t *testing.T) {
	conn, err := play(t, plainText, func(s *scripted) {
		s.say("* OK [CAPABILITY IMAP4rev1] hello")
		tag := s.expect(t, `UID SEARCH SUBJECT {4}`)
		s.say("+ go")
		if rest, _ := s.lines.ReadString('\n'); rest != "a\r\n" {
			t.Errorf("first line of the literal: %q", rest)
		}
		if rest, _ := s.lines.ReadString('\n'); rest != "b SEEN\r\n" {
			t.Errorf("rest: %q", rest)
		}
		s.say("%s OK done", tag)

		tag = s.expect(t, `APPEND "Sent" {3}`)
		s.say("%s NO [OVERQUOTA] full", tag)
		s.say("%s OK done", s.expect(t, "NOOP"))

		tag = s.expect(t, `APPEND "Sent" (\Seen) {5}`)
		s.say("+ go")
		if rest, _ := s.lines.ReadString('\n'); rest != "abc\r\n" {
			t.Errorf("message: %q", rest)
		}
		s.lines.ReadString('\n') // the end of the command
		s.say("%s OK [APPENDUID 7 19] done", tag)
	})
	if err != nil {
		t.Fatal(err)
	}
	search := &imapconn.Search{Criteria: &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "a\r\nb"}}, Flag: []imap.Flag{imap.FlagSeen}}}
	if err := conn.Do(t.Context(), search); err != nil {
		t.Error(err)
	}
	full := &imapconn.Append{Mailbox: "Sent", Message: strings.NewReader("abc"), Size: 3}
	err = conn.Do(t.Context(), full, &imapconn.Noop{})
	if refusal, refused := imapconn.IsRefusal(err); !refused || refusal.Code != "OVERQUOTA" || !conn.Usable() {
		t.Errorf("over quota: %v", err)
	}
	put := &imapconn.Append{Mailbox: "Sent", Flags: []imap.Flag{imap.FlagSeen}, Message: strings.NewReader("abc\r\n"), Size: 5}
	if err := conn.Do(t.Context(), put); err != nil || put.UID != 19 || put.UIDValidity != 7 {
		t.Errorf("UID %d, UIDVALIDITY %d, %v", put.UID, put.UIDValidity, err)
	}
	short := &imapconn.Append{Mailbox: "Sent", Message: strings.NewReader("ab"), Size: 3}
	if err := conn.Do(t.Context(), short); err == nil || conn.Usable() {
		t.Errorf("a message shorter than announced: usable %v, %v", conn.Usable(), err)
	}
}

func TestIdle(t *testing.T) {
	idling := make(chan struct{}, 2)
	conn, err := play(t, plainText, func(s *scripted) {
		s.say("* OK [CAPABILITY IMAP4rev1 IDLE] hello")
		s.say("* 1 EXISTS\r\n%s OK selected", s.expect(t, "SELECT INBOX"))
		tag := s.expect(t, "IDLE")
		s.say("+ idling")
		s.say("* OK still here")
		s.say("* 2 EXISTS")
		s.expect(t, "") // DONE
		s.say("%s OK done", tag)
		tag = s.expect(t, "IDLE")
		s.say("+ idling")
		idling <- struct{}{}
		s.expect(t, "")
		s.say("* 3 EXISTS\r\n%s OK done", tag)
		s.say("%s OK done", s.expect(t, "NOOP"))
	})
	if err != nil {
		t.Fatal(err)
	}
	box := &told{}
	if err := conn.Do(t.Context(), &imapconn.Select{Name: "INBOX", Mailbox: box}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Idle(t.Context()); err != nil || box.exists != 2 {
		t.Fatalf("%d messages, %v", box.exists, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // ends with the script
		<-idling
		cancel()
	}()
	if err := conn.Idle(ctx); err != nil || box.exists != 3 {
		t.Errorf("cancelled: %d messages, %v", box.exists, err)
	}
	if err := conn.Do(t.Context(), &imapconn.Noop{}); err != nil {
		t.Error(err)
	}
}

// TestNothingBeforeTLSIsBelieved is the injection of commands or answers by
// whoever sits in between (RFC 9051 section 11.1, CVE-2011-0411).
func TestNothingBeforeTLSIsBelieved(t *testing.T) {
	options := imapconn.Options{Security: imapconn.StartTLS, TLS: &tls.Config{InsecureSkipVerify: true}}
	if _, err := play(t, options, func(s *scripted) {
		s.say("* OK [CAPABILITY IMAP4rev1 STARTTLS] hello")
		s.say("%s OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=EVIL", s.expect(t, "STARTTLS"))
		s.lines.ReadByte()
	}); err == nil {
		t.Error("bytes behind STARTTLS were accepted")
	}
	if _, err := play(t, plainText, func(s *scripted) {
		s.say("* PREAUTH [CAPABILITY IMAP4rev1] welcome, whoever you are")
	}); err == nil {
		t.Error("PREAUTH was accepted")
	}
}

func TestAServerThatSaysGoodbye(t *testing.T) {
	conn, err := play(t, plainText, func(s *scripted) {
		s.say("* OK [CAPABILITY IMAP4rev1] hello")
		s.expect(t, "NOOP")
		s.say("* BYE [UNAVAILABLE] shutting down")
	})
	if err != nil {
		t.Fatal(err)
	}
	err = conn.Do(t.Context(), &imapconn.Noop{})
	if err == nil || conn.Usable() || !strings.Contains(err.Error(), "shutting down") {
		t.Errorf("usable %v, %v", conn.Usable(), err)
	}
	if _, refused := imapconn.IsRefusal(err); refused {
		t.Error("BYE is no refusal")
	}
}

// TestPasswordsAnyhow logs in by every way a server may want.
func TestPasswordsAnyhow(t *testing.T) {
	for name, tt := range map[string]struct {
		caps   string
		script func(*scripted)
	}{
		"LOGIN": {"IMAP4rev1", func(s *scripted) {
			s.say("%s OK [CAPABILITY IMAP4rev1] in", s.expect(t, `LOGIN "ana" "a\"b"`))
		}},
		"PLAIN with initial response": {"IMAP4rev1 AUTH=PLAIN SASL-IR", func(s *scripted) {
			s.say("%s OK [CAPABILITY IMAP4rev1] in", s.expect(t, "AUTHENTICATE PLAIN AGFuYQBhImI="))
		}},
		"PLAIN": {"IMAP4rev1 AUTH=PLAIN", func(s *scripted) {
			tag := s.expect(t, "AUTHENTICATE PLAIN")
			s.say("+ ")
			s.expect(t, "") // AGFuYQBhImI=
			s.say("* CAPABILITY IMAP4rev1\r\n%s OK in", tag)
		}},
		"ENABLE": {"IMAP4rev1", func(s *scripted) {
			s.say("%s OK in", s.expect(t, "LOGIN "))
			s.say("* CAPABILITY IMAP4rev1 IMAP4rev2 ENABLE CONDSTORE LITERAL-\r\n%s OK that", s.expect(t, "CAPABILITY"))
			s.say("* ENABLED CONDSTORE\r\n%s OK enabled", s.expect(t, "ENABLE CONDSTORE"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := play(t, plainText, func(s *scripted) {
				s.say("* OK [CAPABILITY %s] hello", tt.caps)
				tt.script(s)
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.Login(t.Context(), "ana", `a"b`); err != nil {
				t.Error(err)
			}
			if name == "ENABLE" && (!conn.Enabled(imap.CapCondStore) || conn.Enabled(imap.CapIMAP4rev2)) {
				t.Error("CONDSTORE, and only that, was enabled")
			}
		})
	}
	conn, err := play(t, plainText, func(s *scripted) {
		s.say("* OK [CAPABILITY IMAP4rev1 LOGINDISABLED STARTTLS] hello")
		s.lines.ReadByte()
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Login(t.Context(), "ana", "secret"); err == nil {
		t.Error("a password went to a server that takes none")
	}
}
