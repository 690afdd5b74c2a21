package imapconn_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/klauspost/compress/flate"

	"alphamail/node/imapconn"
	"alphamail/node/imapconn/wire"
)

// TestAnswersBeforeTheirEnds answers commands in order and ends them all later,
// as Dovecot does: each gets what belongs to it.
func TestAnswersBeforeTheirEnds(t *testing.T) {
	conn, err := play(t, plainText, func(s *scripted) {
		s.say("* OK [CAPABILITY IMAP4rev1 ESEARCH] hello")
		var tags []string
		for range 7 {
			tags = append(tags, s.expect(t, "UID "))
		}
		s.say("* 1 FETCH (UID 1 ENVELOPE (NIL \"a\" NIL NIL NIL NIL NIL NIL NIL NIL))")
		s.say("* 2 FETCH (FLAGS (news))")
		s.say("* 2 FETCH (UID 2 ENVELOPE (NIL \"b\" NIL NIL NIL NIL NIL NIL NIL NIL))")
		s.say("* 1 FETCH (UID 1 BODY[1] first)\r\n* 2 FETCH (UID 2 BODY[1] NIL)\r\n* 1 FETCH (UID 1 BODY[2] second)\r\n* 2 FETCH (UID 2 BODY[2] \"\")")
		s.say("* SEARCH 1 2\r\n* SEARCH 3")
		s.say("* ESEARCH (TAG \"%s\") UID ALL 5\r\n* ESEARCH (TAG \"%s\") UID ALL 4", tags[6], tags[5])
		for _, tag := range tags {
			s.say("%s OK done", tag)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	both := imap.UIDSet{{Start: 1, Stop: 2}}
	one, two := &imap.FetchItemBodySection{Part: []int{1}, Peek: true}, &imap.FetchItemBodySection{Part: []int{2}, Peek: true}
	envelopes := &imapconn.Fetch{UIDs: both, Items: &imap.FetchOptions{Envelope: true}}
	firsts := &imapconn.Fetch{UIDs: both, Items: &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{one}}}
	seconds := &imapconn.Fetch{UIDs: both, Items: &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{two}}}
	var searches []imapconn.Command
	for i := range 4 {
		searches = append(searches, &imapconn.Search{Extended: i >= 2, Criteria: &imap.SearchCriteria{}})
	}
	if err := conn.Do(t.Context(), append([]imapconn.Command{envelopes, firsts, seconds}, searches...)...); err != nil {
		t.Fatal(err)
	}
	if len(envelopes.Messages) != 2 || envelopes.Messages[0].Envelope.Subject != "a" || envelopes.Messages[1].Envelope.Subject != "b" {
		t.Errorf("%d envelopes", len(envelopes.Messages))
	}
	for part, fetch := range map[*imap.FetchItemBodySection]*imapconn.Fetch{one: firsts, two: seconds} {
		if want := map[*imap.FetchItemBodySection]string{one: "first", two: "second"}[part]; len(fetch.Messages) != 2 || string(fetch.Messages[0].Section(part)) != want {
			t.Errorf("part %v: %d messages", part.Part, len(fetch.Messages))
		}
	}
	for i, want := range []string{"1:2", "3", "4", "5"} {
		if got := searches[i].(*imapconn.Search).UIDs.String(); got != want {
			t.Errorf("search %d found %s, not %s", i, got, want)
		}
	}
}

// TestNewsOfOtherMailboxes go to the observer, in order and only if no command has
// asked.
func TestNewsOfOtherMailboxes(t *testing.T) {
	conn, err := play(t, plainText, func(s *scripted) {
		s.say("* OK [CAPABILITY IMAP4rev1 NOTIFY IDLE] hello")
		tag := s.expect(t, `NOTIFY SET STATUS (SELECTED-DELAYED (MessageNew MessageExpunge)) (SUBTREE ("Lists" "a b") (MessageNew MessageExpunge MailboxName)) (INBOXES NONE)`)
		s.say("* STATUS Lists (MESSAGES 1)\r\n%s OK done", tag)
		tag = s.expect(t, `STATUS "Work"`)
		s.say("* STATUS Lists (MESSAGES 2)\r\n* STATUS Work (MESSAGES 9)\r\n* LIST () \"/\" new (\"OLDNAME\" (\"old\"))\r\n%s OK done", tag)
		tag = s.expect(t, "IDLE")
		s.say("+ idling\r\n* OK [NOTIFICATIONOVERFLOW] too much")
		s.expect(t, "")
		s.say("%s OK done", tag)
		tag = s.expect(t, "NOTIFY SET (PERSONAL (MessageNew))")
		s.say("%s BAD [BADEVENT (MessageNew)] not alone", tag)
		tag = s.expect(t, "NOTIFY NONE")
		s.say("%s OK done\r\n* STATUS Lists (MESSAGES 3)", tag)
		s.say("%s OK done", s.expect(t, "NOOP"))
	})
	if err != nil {
		t.Fatal(err)
	}
	others := &observed{}
	notify := &imapconn.Notify{Observer: others, Counts: true, Watches: []imapconn.Watch{
		{Scope: imapconn.SelectedDelayed, Events: []imapconn.Event{imapconn.MessageNew, imapconn.MessageExpunge}},
		{Scope: imapconn.Subtree, Mailboxes: []string{"Lists", "a b"}, Events: []imapconn.Event{imapconn.MessageNew, imapconn.MessageExpunge, imapconn.MailboxName}},
		{Scope: imapconn.Inboxes},
	}}
	status := &imapconn.Status{Mailbox: "Work", Options: &imap.StatusOptions{NumMessages: true}}
	if err := conn.Do(t.Context(), notify); err != nil {
		t.Fatal(err)
	}
	if err := conn.Do(t.Context(), status); err != nil || *status.Data.NumMessages != 9 {
		t.Errorf("%+v, %v", status.Data, err)
	}
	if err := conn.Idle(t.Context()); err != nil {
		t.Error(err)
	}
	wrong := &imapconn.Notify{Watches: []imapconn.Watch{{Scope: imapconn.Personal, Events: []imapconn.Event{imapconn.MessageNew}}}}
	if refusal, refused := imapconn.IsRefusal(conn.Do(t.Context(), wrong)); !refused || refusal.Code != "BADEVENT" {
		t.Errorf("%v", refusal)
	}
	if err := conn.Do(t.Context(), &imapconn.Notify{}); err != nil {
		t.Error(err)
	}
	if err := conn.Do(t.Context(), &imapconn.Noop{}); err != nil {
		t.Error(err)
	}
	if want := []string{"Lists has 1", "Lists has 2", "new is listed", "overflow"}; !slices.Equal(others.events, want) {
		t.Errorf("told %q, not %q", others.events, want)
	}
}

// TestChangingTheMailbox tells the one before what is still said of it.
func TestChangingTheMailbox(t *testing.T) {
	conn, err := play(t, plainText, func(s *scripted) {
		s.say("* OK [CAPABILITY IMAP4rev1] hello")
		s.say("* 9 EXISTS\r\n%s OK done", s.expect(t, `SELECT "one"`))
		tag := s.expect(t, `SELECT "two"`)
		s.say("* 3 EXPUNGE\r\n* 4 FETCH (FLAGS (a))\r\n* OK [CLOSED] one\r\n* 2 EXISTS\r\n* 1 FETCH (FLAGS (b))\r\n%s OK done", tag)
	})
	if err != nil {
		t.Fatal(err)
	}
	one, two := &told{}, &told{}
	if err := conn.Do(t.Context(), &imapconn.Select{Name: "one", Mailbox: one}, &imapconn.Select{Name: "two", Mailbox: two}); err != nil {
		t.Fatal(err)
	}
	if one.exists != 9 || !slices.Equal(one.events, []string{"expunged 3", "flagged 4 [a]"}) || two.exists != 2 || !slices.Equal(two.events, []string{"flagged 1 [b]"}) {
		t.Errorf("the first is told %+v, the second %+v", one, two)
	}
}

// TestAFloodEndsTheConnection and is not kept.
func TestAFloodEndsTheConnection(t *testing.T) {
	for name, limits := range map[string]wire.Limits{"responses": {Responses: 1000}, "bytes": {Bytes: 50_000}} {
		t.Run(name, func(t *testing.T) {
			options := plainText
			options.Limits = limits
			conn, err := play(t, options, func(s *scripted) {
				s.say("* OK [CAPABILITY IMAP4rev1] hello")
				s.say("%s OK done", s.expect(t, "NOOP"))
				s.expect(t, "LIST")
				for i := 0; ; i++ {
					if _, err := fmt.Fprintf(s, "* LIST () \"/\" mailbox%d\r\n", i); err != nil {
						return
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			list := &imapconn.List{Pattern: "*"}
			if err := conn.Do(t.Context(), &imapconn.Noop{}); err != nil {
				t.Error(err)
			}
			if err := conn.Do(t.Context(), list); err == nil || conn.Usable() || len(list.Data) > 3000 {
				t.Errorf("%d mailboxes, usable %v, %v", len(list.Data), conn.Usable(), err)
			}
		})
	}
}

// TestWhatIsDoneWithout hides capabilities, and an identity that a server does not
// want is no failure.
func TestWhatIsDoneWithout(t *testing.T) {
	options := plainText
	options.Without = []imap.Cap{imap.CapMove, "AUTH=PLAIN"}
	options.Identity = []string{"x-originating-ip", "198.51.100.7"}
	conn, err := play(t, options, func(s *scripted) {
		s.say("* OK [CAPABILITY IMAP4rev1 IMAP4rev2 AUTH=PLAIN ID MOVE] hello")
		s.say("%s BAD who cares", s.expect(t, `ID ("x-originating-ip" "198.51.100.7")`))
		s.say("%s OK [CAPABILITY IMAP4rev1 MOVE UIDPLUS] in", s.expect(t, "LOGIN "))
	})
	if err != nil {
		t.Fatal(err)
	}
	if conn.Has(imap.CapMove) { // implied by IMAP4rev2 as well
		t.Error("MOVE is not done without")
	}
	if err := conn.Login(t.Context(), "ana", "secret"); err != nil || conn.Has(imap.CapMove) || !conn.Has(imap.CapUIDPlus) {
		t.Errorf("MOVE %v, UIDPLUS %v, %v", conn.Has(imap.CapMove), conn.Has(imap.CapUIDPlus), err)
	}
}

// TestAppendingWaitsForEveryLiteral where the server has to consent, and stops
// where it does not.
func TestAppendingWaitsForEveryLiteral(t *testing.T) {
	conn, err := play(t, plainText, func(s *scripted) {
		s.say("* OK [CAPABILITY IMAP4rev1 MULTIAPPEND CATENATE] hello")
		line := func(want string) {
			if got, _ := s.lines.ReadString('\n'); got != want+"\r\n" {
				t.Errorf("%q, not %q", got, want)
			}
		}
		tag := s.expect(t, `APPEND "Sent" {4}`)
		s.say("+ go")
		line("ab")
		line(` (\Seen) {3}`)
		s.say("+ go")
		line("c")
		line("")
		s.say("%s OK [APPENDUID 7 5,9] done", tag)
		tag = s.expect(t, `APPEND "Sent" CATENATE (URL "/a%20b;UIDVALIDITY=7/;UID=5/;SECTION=1.MIME" TEXT {3}`)
		s.say("%s NO [BADURL \"/a\"] where?", tag)
		s.say("%s OK done", s.expect(t, "NOOP"))
		tag = s.expect(t, `APPEND "Sent" {1}`)
		s.say("+ go")
		line("a {1}")
		s.say("+ go")
		line("b")
		s.say("%s OK [APPENDUID 7 1:4294967295] that many", tag)
	})
	if err != nil {
		t.Fatal(err)
	}
	first, second := appending("", "ab\r\n"), appending("", "c\r\n")
	second.Flags = []imap.Flag{imap.FlagSeen}
	if err := conn.Do(t.Context(), &imapconn.AppendAll{Mailbox: "Sent", Messages: []*imapconn.Append{first, second}}); err != nil || first.UID != 5 || second.UID != 9 {
		t.Errorf("UIDs %d and %d, %v", first.UID, second.UID, err)
	}
	together := &imapconn.Append{Mailbox: "Sent", Parts: []imapconn.Part{{URL: imapconn.MessageURL("a b", 7, 5, "1.MIME")}, {Text: strings.NewReader("abc"), Size: 3}}}
	if refusal, refused := imapconn.IsRefusal(conn.Do(t.Context(), together, &imapconn.Noop{})); !refused || refusal.Code != "BADURL" {
		t.Errorf("%v", refusal)
	}
	first, second = appending("", "a"), appending("", "b")
	if err := conn.Do(t.Context(), &imapconn.AppendAll{Mailbox: "Sent", Messages: []*imapconn.Append{first, second}}); err != nil || first.UID != 0 {
		t.Errorf("UID %d, %v", first.UID, err)
	}
}

// TestCompression gets compressed blocks in every way of cutting them.
func TestCompression(t *testing.T) {
	cutBlock, goOn := make(chan struct{}), make(chan struct{})
	conn, err := play(t, plainText, func(s *scripted) {
		s.say("* OK [CAPABILITY IMAP4rev1 IDLE COMPRESS=DEFLATE] hello")
		s.say("%s NO not yet", s.expect(t, "COMPRESS DEFLATE"))
		tag := s.expect(t, "COMPRESS DEFLATE")
		var said strings.Builder
		blocks, err := flate.NewWriter(&said, 6)
		if err != nil {
			t.Error(err)
			return
		}
		compress := func(format string, args ...any) string {
			fmt.Fprintf(blocks, format+"\r\n", args...)
			blocks.Flush()
			defer said.Reset()
			return said.String()
		}
		// The first block comes together with the answer, before the client inflates.
		fmt.Fprintf(s, "%s OK now\r\n%s", tag, compress("* 1 EXISTS"))
		heard := &scripted{s.Conn, bufio.NewReader(flate.NewReader(s.lines))}
		tag = heard.expect(t, "NOOP")
		for _, char := range []byte(compress("* 2 EXISTS") + compress("%s OK %s", tag, strings.Repeat("x", 100_000))) {
			s.Write([]byte{char})
		}
		tag = heard.expect(t, "IDLE")
		fmt.Fprint(s, compress("+ idling"))
		heard.expect(t, "") // DONE, when the context has ended
		fmt.Fprint(s, compress("%s OK done", tag))
		tag = heard.expect(t, "NOOP")
		answer := compress("* 3 EXISTS\r\n%s OK done", tag)
		fmt.Fprint(s, answer[:len(answer)/2])
		close(cutBlock)
		<-goOn
	})
	if err != nil {
		t.Fatal(err)
	}
	defer close(goOn)
	if err := conn.Compress(t.Context()); err == nil || !conn.Usable() {
		t.Fatalf("refused: usable %v, %v", conn.Usable(), err)
	}
	if err := conn.Compress(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := conn.Do(t.Context(), &imapconn.Noop{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := conn.Idle(ctx); err != nil || !conn.Usable() {
		t.Fatalf("a wait that ends between blocks: usable %v, %v", conn.Usable(), err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	go func() { // ends with the script
		<-cutBlock
		time.Sleep(50 * time.Millisecond)
		cancel()
	}()
	if err := conn.Do(ctx, &imapconn.Noop{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a wait that ends within a block: %v", err)
	}
	if err := conn.Do(t.Context(), &imapconn.Noop{}); err == nil || conn.Usable() {
		t.Errorf("afterwards: usable %v, %v", conn.Usable(), err)
	}
}
