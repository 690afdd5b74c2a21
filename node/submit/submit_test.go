package submit_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"alphamail/mime/compose"
	"alphamail/node/submit"
)

// dial opens a session without a login.
func dial(t *testing.T, s *scripted) *submit.Session {
	t.Helper()
	session, err := submit.Dial(t.Context(), s.server(), submit.Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

// reset is the end of a transaction that is taken back.
var reset = []turn{{"RSET", ok}}

func TestAnswersToAMessage(t *testing.T) {
	const unknown, full, greylisted = "550 5.1.1 No such user\r\n", "552-5.2.2 The mailbox\r\n552 5.2.2 is full\r\n", "450 4.2.0 Greylisted\r\n"
	type outcome struct {
		kind     submit.Kind
		accepted []string
		refused  []submit.Refusal
	}
	ben := func(code int, enhanced, text string) []submit.Refusal {
		return []submit.Refusal{{Recipient: "ben@example.edu", Code: code, Enhanced: enhanced, Text: text}}
	}
	both, eve := []string{"ben@example.edu", "eve@example.net"}, []string{"eve@example.net"}
	for name, tt := range map[string]struct {
		script  []turn
		partial bool
		want    outcome
	}{
		"all taken": {toDot(turn{".", ok}), false, outcome{accepted: both}},
		"all taken, forwarded and not verified": {opening(turn{"MAIL", ok}, turn{"RCPT", "251 forwarded\r\n"}, turn{"RCPT", "252 perhaps\r\n"}, turn{"DATA", goOn}, turn{".", ok}), false,
			outcome{accepted: both}},
		"one unknown": {opening(append([]turn{{"MAIL", ok}, {"RCPT", unknown}, {"RCPT", ok}}, reset...)...), false,
			outcome{kind: submit.Refused, refused: ben(550, "5.1.1", "No such user")}},
		"one unknown, partial": {opening(turn{"MAIL", ok}, turn{"RCPT", unknown}, turn{"RCPT", ok}, turn{"DATA", goOn}, turn{".", ok}), true,
			outcome{accepted: eve, refused: ben(550, "5.1.1", "No such user")}},
		"several lines": {opening(append([]turn{{"MAIL", ok}, {"RCPT", full}, {"RCPT", ok}}, reset...)...), false,
			outcome{kind: submit.Refused, refused: ben(552, "5.2.2", "The mailbox is full")}},
		"one for now": {opening(append([]turn{{"MAIL", ok}, {"RCPT", greylisted}, {"RCPT", ok}}, reset...)...), false,
			outcome{kind: submit.Busy, refused: ben(450, "4.2.0", "Greylisted")}},
		"one for now, one for ever": {opening(append([]turn{{"MAIL", ok}, {"RCPT", greylisted}, {"RCPT", unknown}}, reset...)...), true,
			outcome{kind: submit.Refused, refused: append(ben(450, "4.2.0", "Greylisted"), submit.Refusal{"eve@example.net", 550, "5.1.1", "No such user"})}},
		"too many": {opening(append([]turn{{"MAIL", ok}, {"RCPT", "452 4.5.3 Too many recipients\r\n"}, {"RCPT", ok}}, reset...)...), false,
			outcome{kind: submit.Refused, refused: ben(452, "4.5.3", "Too many recipients")}},
		"hangs up at the second": {opening(turn{"MAIL", ok}, turn{"RCPT", unknown}, turn{"RCPT", "421 4.7.0 Too many errors\r\n"}), false,
			outcome{kind: submit.Refused, refused: ben(550, "5.1.1", "No such user")}},
		"hangs up at the second, partial": {opening(turn{"MAIL", ok}, turn{"RCPT", unknown}, turn{"RCPT", "421 4.3.2 Going down\r\n"}), true,
			outcome{kind: submit.Busy, refused: ben(550, "5.1.1", "No such user")}},
		"sender refused":        {opening(turn{"MAIL", "553 5.7.1 Not yours\r\n"}), false, outcome{kind: submit.Refused}},
		"login wanted":          {opening(turn{"MAIL", "530 5.7.0 Authentication required\r\n"}), false, outcome{kind: submit.Authentication}},
		"going down":            {opening(turn{"MAIL", "421 4.3.2 Going down\r\n"}), false, outcome{kind: submit.Busy}},
		"DATA refused":          {opening(append([]turn{{"MAIL", ok}, {"RCPT", ok}, {"RCPT", ok}, {"DATA", "451 4.3.0 Later\r\n"}}, reset...)...), false, outcome{kind: submit.Busy}},
		"the text refused":      {toDot(turn{".", "554 5.7.1 Spam\r\n"}), false, outcome{kind: submit.Refused}},
		"the text, for now":     {toDot(turn{".", "451 4.7.1 Later\r\n"}), false, outcome{kind: submit.Busy}},
		"the text, and down":    {toDot(turn{".", "421 4.3.2 Going down\r\n"}), false, outcome{kind: submit.Busy}},
		"dot and then nonsense": {toDot(turn{".", "what?\r\n"}), false, outcome{kind: submit.Unclear, accepted: both}},
		"dot and then go on":    {toDot(turn{".", goOn}), false, outcome{kind: submit.Unclear, accepted: both}},
		"go on instead of ok":   {opening(turn{"MAIL", goOn}), false, outcome{kind: submit.NotSent}},
		"a greeting in between": {opening(turn{"MAIL", ok + "220 hello again\r\n"}), false, outcome{kind: submit.NotSent}},
		"ok before the dot":     {toDot()[:len(toDot())-1], false, outcome{kind: submit.NotSent}},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "ok before the dot" {
				tt.script = append(tt.script, turn{"DATA", goOn + ok})
			}
			s := serve(t, tt.script, -1, -1)
			session := dial(t, s)
			m := message()
			m.Partial = tt.partial
			result, err := session.Send(t.Context(), m)
			got := outcome{submit.KindOf(err), result.Accepted, result.Refused}
			if got.kind != tt.want.kind || !slices.Equal(got.accepted, tt.want.accepted) || !slices.Equal(got.refused, tt.want.refused) {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, tt.want)
			}
			session.Close()
			s.listener.Close()
			<-s.done
			if s.complaint != "" {
				t.Error(s.complaint)
			}
		})
	}
}

// TestWhatIsSaid holds every word of a conversation.
func TestWhatIsSaid(t *testing.T) {
	s := serve(t, toDot(turn{".", ok}), -1, -1)
	session := dial(t, s)
	if got, size := session.Features(), session.Size(); got != (compose.Server{EightBitMIME: true}) || size != 1_000_000 {
		t.Errorf("features: %+v, size %d", got, size)
	}
	m := message()
	m.Needs.EightBitMIME, m.Size = true, 123
	m.Recipients = []string{"ben@bücher.example", `"b. c"@[192.0.2.1]`}
	m.Write = func(w io.Writer) error {
		for _, piece := range []string{"Subject: x\r", "\n\r\n.dot\r\n..two\r\nbare\nlines\rhere\r", "\r\n", ".\n.", "\r\n", "no end"} {
			if _, err := io.WriteString(w, piece); err != nil {
				return err
			}
		}
		return nil
	}
	if _, err := session.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	want := "EHLO client.example\r\n" +
		"MAIL FROM:<ana@example.edu> SIZE=123 BODY=8BITMIME\r\n" +
		"RCPT TO:<ben@xn--bcher-kva.example>\r\nRCPT TO:<\"b. c\"@[192.0.2.1]>\r\nDATA\r\n" +
		"Subject: x\r\n\r\n..dot\r\n...two\r\nbare\r\nlines\r\nhere\r\n\r\n..\r\n..\r\nno end\r\n.\r\nQUIT\r\n"
	if got := s.said(); got != want {
		t.Errorf("said\n%q\nwant\n%q", got, want)
	}
}

// TestSeveralMessages sends over one session, also after a refusal.
func TestSeveralMessages(t *testing.T) {
	script := toDot(turn{".", "554 5.7.1 Spam\r\n"})
	script = append(script, opening(turn{"MAIL", ok}, turn{"RCPT", "550 no\r\n"}, turn{"RCPT", ok}, turn{"RSET", ok})[2:]...)
	script = append(script, toDot(turn{".", ok})[2:]...)
	session := dial(t, serve(t, script, -1, -1))
	for i, want := range []submit.Kind{submit.Refused, submit.Refused, 0} {
		if _, err := session.Send(t.Context(), message()); submit.KindOf(err) != want {
			t.Errorf("message %d: %v, want %v", i, err, want)
		}
	}
}

// TestNothingIsWritten tries what must not reach the server at all.
func TestNothingIsWritten(t *testing.T) {
	long := strings.Repeat("a", 65) + "@example.edu"
	for name, change := range map[string]func(*submit.Message){
		"no sender":         func(m *submit.Message) { m.From = "" },
		"CR in the sender":  func(m *submit.Message) { m.From = "ana@example.edu>\r\nRCPT TO:<x@example.org" },
		"unicode sender":    func(m *submit.Message) { m.From = "änne@example.edu" },
		"nobody":            func(m *submit.Message) { m.Recipients = nil },
		"very many":         func(m *submit.Message) { m.Recipients = slices.Repeat(m.Recipients, 5001) },
		"too large":         func(m *submit.Message) { m.Size = 1_000_001 },
		"needs SMTPUTF8":    func(m *submit.Message) { m.Needs.SMTPUTF8 = true },
		"LF":                func(m *submit.Message) { m.Recipients[0] = "ben@example.edu\nDATA" },
		"CR":                func(m *submit.Message) { m.Recipients[0] = "ben\r@example.edu" },
		"NUL":               func(m *submit.Message) { m.Recipients[0] = "ben\x00@example.edu" },
		"quoted CR":         func(m *submit.Message) { m.Recipients[0] = "\"ben\\\r\"@example.edu" },
		"space":             func(m *submit.Message) { m.Recipients[0] = "ben @example.edu" },
		"parameter":         func(m *submit.Message) { m.Recipients[0] = "ben@example.edu> NOTIFY=NEVER" },
		"end of quotes":     func(m *submit.Message) { m.Recipients[0] = `"ben"x"@example.edu` },
		"no domain":         func(m *submit.Message) { m.Recipients[0] = "ben" },
		"empty domain":      func(m *submit.Message) { m.Recipients[0] = "ben@" },
		"empty local part":  func(m *submit.Message) { m.Recipients[0] = "@example.edu" },
		"empty label":       func(m *submit.Message) { m.Recipients[0] = "ben@example..edu" },
		"long local part":   func(m *submit.Message) { m.Recipients[0] = long },
		"long domain":       func(m *submit.Message) { m.Recipients[0] = "ben@" + strings.Repeat("example.", 40) + "edu" },
		"long label":        func(m *submit.Message) { m.Recipients[0] = "ben@" + long[:64] + ".edu" },
		"unicode recipient": func(m *submit.Message) { m.Recipients[0] = "bön@example.edu" },
		"override":          func(m *submit.Message) { m.Recipients[0] = "b\u202en@example.edu" },
		"not UTF-8":         func(m *submit.Message) { m.Recipients[0] = "b\xffn@example.edu" },
		"bad IDN":           func(m *submit.Message) { m.Recipients[0] = "ben@b\u200dü cher.example" },
		"source route":      func(m *submit.Message) { m.Recipients[0] = "@relay.example:ben@example.edu" },
	} {
		s := serve(t, opening(), -1, -1)
		session := dial(t, s)
		m := message()
		change(&m)
		m.Write = func(io.Writer) error { t.Errorf("%s: the text is asked for", name); return nil }
		result, err := session.Send(t.Context(), m)
		if submit.KindOf(err) != submit.Refused || result.Accepted != nil {
			t.Errorf("%s: %+v, %v", name, result, err)
		}
		if m.From == message().From && len(m.Recipients) == 2 && m.Recipients[0] != message().Recipients[0] && (len(result.Refused) != 1 || result.Refused[0].Recipient != m.Recipients[0]) {
			t.Errorf("%s: refused are %+v", name, result.Refused)
		}
		session.Close()
		if got := s.said(); got != "EHLO client.example\r\nQUIT\r\n" {
			t.Errorf("%s: said %q", name, got)
		}
	}
}

// TestPartialLeavesOutWhatIsNoAddress goes on with the others.
func TestPartialLeavesOutWhatIsNoAddress(t *testing.T) {
	session := dial(t, serve(t, opening(turn{"MAIL", ok}, turn{"RCPT TO:<eve@", ok}, turn{"DATA", goOn}, turn{".", ok}), -1, -1))
	m := message()
	m.Recipients[0], m.Partial = "nonsense", true
	result, err := session.Send(t.Context(), m)
	if err != nil || len(result.Accepted) != 1 || len(result.Refused) != 1 || result.Refused[0].Code != 553 {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestUnicodeAddresses(t *testing.T) {
	const unicode = "250-mx\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
	s := serve(t, []turn{{"", greeting}, {"EHLO", unicode}, {"MAIL FROM:<ana@example.edu> BODY=8BITMIME SMTPUTF8\r\n", ok},
		{"RCPT TO:<bön@xn--bcher-kva.example>\r\n", ok}, {"DATA", goOn}, {".", ok}}, -1, -1)
	session := dial(t, s)
	if !session.Features().SMTPUTF8 {
		t.Error("SMTPUTF8 is offered")
	}
	m := message()
	m.Needs.EightBitMIME, m.Recipients = true, []string{"bön@bücher.example"}
	if _, err := session.Send(t.Context(), m); err != nil {
		t.Error(err, s.complaint)
	}
}

// TestManyRefusals stops asking before the server takes us for an attacker.
func TestManyRefusals(t *testing.T) {
	script := opening(turn{"MAIL", ok})
	for range 10 {
		script = append(script, turn{"RCPT", "550 5.1.1 no\r\n"})
	}
	session := dial(t, serve(t, append(script, reset...), -1, -1))
	m := message()
	m.Recipients = slices.Repeat(m.Recipients, 20)
	result, err := session.Send(t.Context(), m)
	if submit.KindOf(err) != submit.Refused || len(result.Refused) != 10 {
		t.Errorf("%d refused, %v", len(result.Refused), err)
	}
}

// TestTheCallerAborts ends what Write and Confirm do not want, before the dot.
func TestTheCallerAborts(t *testing.T) {
	wanted := errors.New("no")
	for name, change := range map[string]func(*submit.Message){
		"write": func(m *submit.Message) {
			m.Write = func(w io.Writer) error { io.WriteString(w, "half"); return wanted }
		},
		"confirm": func(m *submit.Message) { m.Confirm = func() error { return wanted } },
	} {
		s := serve(t, toDot(turn{".", ok}), -1, -1)
		session := dial(t, s)
		m := message()
		change(&m)
		result, err := session.Send(t.Context(), m)
		if submit.KindOf(err) != submit.NotSent || !errors.Is(err, wanted) || result.Accepted != nil {
			t.Errorf("%s: %+v, %v", name, result, err)
		}
		if said := s.said(); strings.Contains(said, "\r\n.\r\n") {
			t.Errorf("%s: the dot was sent: %q", name, said)
		}
		if _, err := session.Send(t.Context(), message()); !errors.Is(err, submit.ErrNotUsable) {
			t.Errorf("%s: the session goes on: %v", name, err)
		}
	}
}

// TestConfirmIsLast is called when everything but the dot is on its way.
func TestConfirmIsLast(t *testing.T) {
	s := serve(t, toDot(turn{".", ok}), -1, -1)
	session := dial(t, s)
	m := message()
	calls := 0
	m.Confirm = func() error {
		calls++
		for range 5000 {
			s.mu.Lock()
			heard := s.heard.String()
			s.mu.Unlock()
			if strings.HasSuffix(heard, secretText) {
				return nil
			}
			time.Sleep(time.Millisecond)
		}
		return errors.New("the body is not on its way")
	}
	if _, err := session.Send(t.Context(), m); err != nil || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

// TestTheServerRefusesInTheMiddle of a body that it does not want to see to its
// end, and hangs up or waits: its reason is told.
func TestTheServerRefusesInTheMiddle(t *testing.T) {
	const tooLarge = "552 5.3.4 Too large\r\n"
	for name, lines := range map[string]int{"hangs up": 1_000_000, "waits": 1} {
		script := toDot(turn{"Subject", tooLarge})
		cut := -1
		if name == "hangs up" {
			cut = 0
			for _, turn := range script {
				cut += len(turn.answer)
			}
		}
		session := dial(t, serve(t, script, -1, cut))
		m := message()
		m.Write = func(w io.Writer) error {
			for range lines {
				if _, err := io.WriteString(w, "Subject: large\r\n"); err != nil {
					return err
				}
			}
			return nil
		}
		var failure *submit.Error
		if _, err := session.Send(t.Context(), m); !errors.As(err, &failure) || failure.Kind != submit.Refused || failure.Code != 552 || failure.Text != "Too large" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCancelled ends the context while the server is silent at each step.
func TestCancelled(t *testing.T) {
	script := conversation()
	for i := range len(script) - 1 {
		silent := slices.Clone(script[:i+1])
		silent[i].answer = ""
		s := serve(t, silent, -1, -1)
		ctx, cancel := context.WithCancel(t.Context())
		s.atEnd(cancel)
		server := s.server()
		server.Grace = time.Millisecond
		session, err := submit.Dial(ctx, server, submit.Credentials{User: "ana", Password: "secret"})
		if err == nil {
			_, err = session.Send(ctx, message())
			session.Close()
		}
		want, cause := submit.NotSent, context.Canceled
		if silent[i].want == "." {
			want, cause = submit.Unclear, nil
		}
		if submit.KindOf(err) != want || cause != nil && !errors.Is(err, cause) {
			t.Errorf("silent after %q: %v", silent[i].want, err)
		}
		s.listener.Close()
		<-s.done
	}
}

// TestSilentServer waits no longer than it was told.
func TestSilentServer(t *testing.T) {
	s := serve(t, opening(turn{"MAIL", ""}), -1, -1)
	server := s.server()
	server.Timeout = 20 * time.Millisecond
	session, err := submit.Dial(t.Context(), server, submit.Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.Send(t.Context(), message()); submit.KindOf(err) != submit.NotSent || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

// TestDrippingServer gives a whole answer the time of one, in however many drops it
// comes.
func TestDrippingServer(t *testing.T) {
	s := serve(t, nil, -1, -1)
	server := s.server()
	s.listener.Close()
	listener, err := net.Listen("tcp", server.Address())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for i := 0; err == nil; i++ {
			_, err = io.WriteString(conn, "220-wait\r\n"[i%10:][:1])
			time.Sleep(5 * time.Millisecond)
		}
	}()
	server.Timeout = 50 * time.Millisecond
	if _, err := submit.Dial(t.Context(), server, submit.Credentials{}); submit.KindOf(err) != submit.NotSent || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	listener.Close()
	<-done
}

// TestErrorsRepeatNothing of what a server repeats, which may be anything.
func TestErrorsRepeatNothing(t *testing.T) {
	secret := strings.TrimSpace(secretText)
	for name, script := range map[string][]turn{
		"recipient": opening(append([]turn{{"MAIL", ok}, {"RCPT", "550 5.1.1 " + secret + "\r\n"}, {"RCPT", ok}}, reset...)...),
		"text":      toDot(turn{".", "554 5.7.1 " + secret + "\r\n"}),
	} {
		session := dial(t, serve(t, script, -1, -1))
		_, err := session.Send(t.Context(), message())
		var failure *submit.Error
		if !errors.As(err, &failure) || strings.Contains(err.Error(), secret) || failure.Text != secret {
			t.Errorf("%s: %v, text %q", name, err, failure.Text)
		}
	}
}

// TestHello refuses a name that would be a second command.
func TestHello(t *testing.T) {
	s := serve(t, opening(), -1, -1)
	server := s.server()
	server.Hello = "client.example\r\nMAIL FROM:<x@example.org>"
	if _, err := submit.Dial(t.Context(), server, submit.Credentials{}); submit.KindOf(err) != submit.NotSent {
		t.Error(err)
	}
	if said := s.said(); said != "" {
		t.Errorf("said %q", said)
	}
}

// TestGrace reads the answer to the dot although the context has ended.
func TestGrace(t *testing.T) {
	s := serve(t, toDot(turn{".", ok}), -1, -1)
	session := dial(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	s.atEnd(cancel)
	if _, err := session.Send(ctx, message()); err != nil || ctx.Err() == nil {
		t.Error(err, ctx.Err())
	}
}
