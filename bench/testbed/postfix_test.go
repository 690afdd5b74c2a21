package testbed_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"alphamail/bench/testbed"
	"alphamail/bench/testbed/need"
	"alphamail/mime/compose"
	"alphamail/node/submit"

	"github.com/emersion/go-imap/v2"
)

func startPostfix(t *testing.T) (*testbed.Dovecot, *testbed.Postfix) {
	t.Helper()
	need.Postfix(t)
	d := startDovecot(t, testbed.DovecotConfig{ForPostfix: true})
	p, err := testbed.StartPostfix(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.Log())
		}
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	})
	return d, p
}

var robin = submit.Credentials{User: "robin", Password: "secret"}

// inboxOf waits for a message of a user and returns it as it was delivered.
func inboxOf(t *testing.T, d *testbed.Dovecot, user, password string) []byte {
	t.Helper()
	c := login(t, d.IMAPAddr(), user, password)
	deadline := time.Now().Add(20 * time.Second)
	for {
		selected, err := c.Select("INBOX", nil).Wait()
		if err != nil {
			t.Fatal(err)
		}
		if selected.NumMessages > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing arrived for %s", user)
		}
		time.Sleep(10 * time.Millisecond)
	}
	whole := &imap.FetchItemBodySection{Peek: true}
	messages, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	if err != nil || len(messages) != 1 {
		t.Fatal(messages, err)
	}
	return messages[0].FindBodySection(whole)
}

// TestPostfixDelivers sends through Postfix in both ways of TLS and reads the mail
// back from Dovecot, byte for byte.
func TestPostfixDelivers(t *testing.T) {
	d, p := startPostfix(t)
	text := "Message-ID: <1@example.edu>\r\nFrom: robin@example.edu\r\nTo: kim@example.edu\r\nDate: Fri, 20 Nov 2026 15:00:00 +0000\r\nSubject: Hello\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
		"Grüße, 研究室\r\n.\r\n..\r\nFrom here on\r\n" + strings.Repeat("x", 990) + "\r\n"
	for address, security := range map[string]submit.Security{p.SMTPAddr(): submit.StartTLS, p.SMTPSAddr(): submit.ImplicitTLS} {
		recipient, user, password := "kim@example.edu", "kim", "other % horse"
		if security == submit.ImplicitTLS {
			recipient, user, password = "robin@example.net", "robin", "secret"
		}
		session, err := submit.Dial(t.Context(), submissionServer(t, address, security, p.Certificate()), robin)
		if err != nil {
			t.Fatal(err)
		}
		if features := session.Features(); !features.EightBitMIME || !features.SMTPUTF8 || session.Size() != 26214400 {
			t.Errorf("features: %+v, size %d", features, session.Size())
		}
		confirmed := false
		result, err := session.Send(t.Context(), submit.Message{
			From: "robin@example.edu", Recipients: []string{recipient, "far@elsewhere.example"}, Needs: compose.Needs{EightBitMIME: true}, Size: int64(len(text)),
			Write:   func(w io.Writer) error { _, err := io.WriteString(w, text); return err },
			Confirm: func() error { confirmed = true; return nil },
		})
		if err != nil || !confirmed || !slices.Equal(result.Accepted, []string{recipient, "far@elsewhere.example"}) {
			t.Fatalf("%+v, %v", result, err)
		}
		if err := session.Close(); err != nil {
			t.Error(err)
		}
		got := inboxOf(t, d, user, password)
		if !bytes.HasSuffix(got, []byte(text)) {
			t.Errorf("delivered was\n%s", got)
		}
		if !bytes.Contains(got, []byte("Return-Path: <robin@example.edu>")) {
			t.Errorf("the envelope is lost:\n%s", got)
		}
	}
}

// TestPostfixRefuses compares what Postfix says with what Send makes of it.
func TestPostfixRefuses(t *testing.T) {
	_, p := startPostfix(t)
	server := submissionServer(t, p.SMTPAddr(), submit.StartTLS, p.Certificate())
	for _, c := range []submit.Credentials{{User: "robin", Password: "wrong"}, {User: "nobody", Password: "secret"}} {
		if _, err := submit.Dial(t.Context(), server, c); submit.KindOf(err) != submit.Authentication {
			t.Errorf("%s: %v", c.User, err)
		}
	}
	for name, tt := range map[string]struct {
		credentials submit.Credentials
		recipients  []string
		partial     bool
		size        int64
		want        submit.Kind
		refused     []string
	}{
		"no login":            {submit.Credentials{}, []string{"kim@example.edu"}, false, 0, submit.Refused, []string{"kim@example.edu"}},
		"unknown":             {robin, []string{"kim@example.edu", "nobody@example.edu", "none@example.edu"}, false, 0, submit.Refused, []string{"nobody@example.edu", "none@example.edu"}},
		"unknown, partial":    {robin, []string{"kim@example.edu", "nobody@example.edu"}, true, 0, 0, []string{"nobody@example.edu"}},
		"larger than allowed": {robin, []string{"kim@example.edu"}, false, 30 << 20, submit.Refused, nil},
	} {
		session, err := submit.Dial(t.Context(), server, tt.credentials)
		if err != nil {
			t.Fatal(err)
		}
		m := letter(tt.recipients...)
		m.From, m.Partial, m.Size = "robin@example.edu", tt.partial, tt.size
		result, err := session.Send(t.Context(), m)
		var refused []string
		for _, refusal := range result.Refused {
			refused = append(refused, refusal.Recipient)
			if refusal.Code < 500 || refusal.Enhanced == "" || !strings.Contains(refusal.Text, refusal.Recipient) {
				t.Errorf("%s: %+v", name, refusal)
			}
		}
		if submit.KindOf(err) != tt.want || !slices.Equal(refused, tt.refused) {
			t.Errorf("%s: %+v, %v", name, result, err)
		}
		session.Close()
	}
}

// TestPostfixAbort hangs up before the final dot: nothing arrives, and what is sent
// afterwards does.
func TestPostfixAbort(t *testing.T) {
	d, p := startPostfix(t)
	server := submissionServer(t, p.SMTPAddr(), submit.StartTLS, p.Certificate())
	for _, confirm := range []error{io.ErrUnexpectedEOF, nil} {
		session, err := submit.Dial(t.Context(), server, robin)
		if err != nil {
			t.Fatal(err)
		}
		m := letter("kim@example.edu")
		m.From, m.Confirm = "robin@example.edu", func() error { return confirm }
		if _, err := session.Send(t.Context(), m); (err == nil) != (confirm == nil) {
			t.Errorf("confirmed with %v: %v", confirm, err)
		}
		session.Close()
	}
	inboxOf(t, d, "kim", "other % horse")
	c := login(t, d.IMAPAddr(), "kim", "other % horse")
	if selected, err := c.Select("INBOX", nil).Wait(); err != nil || selected.NumMessages != 1 {
		t.Errorf("%+v, %v", selected, err)
	}
}
