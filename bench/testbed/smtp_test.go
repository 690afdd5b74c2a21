package testbed_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"alphamail/bench/testbed"
	"alphamail/node/submit"

	"github.com/emersion/go-smtp"
)

// submissionServer is an address as package submit has it.
func submissionServer(t *testing.T, address string, security submit.Security, cert *testbed.Certificate) submit.Server {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	number, _ := strconv.Atoi(port)
	server := submit.Server{Host: host, Port: number, Security: security}
	if cert != nil {
		server.TLS = &tls.Config{RootCAs: cert.Roots}
	}
	return server
}

var kim = submit.Credentials{User: "kim@example.edu", Password: "other"}

func letter(to ...string) submit.Message {
	return submit.Message{From: "kim@example.edu", Recipients: to, Write: func(w io.Writer) error {
		_, err := io.WriteString(w, "Subject: Hello\r\n\r\nText\r\n")
		return err
	}}
}

// sendLetter sends a message over a session of its own.
func sendLetter(t *testing.T, server submit.Server, m submit.Message) (submit.Result, error) {
	t.Helper()
	session, err := submit.Dial(t.Context(), server, kim)
	if err != nil {
		return submit.Result{}, err
	}
	defer session.Close()
	return session.Send(t.Context(), m)
}

func TestMemorySMTPWithTLS(t *testing.T) {
	cert := must(testbed.NewCertificate())(t)
	s := startMemory(t, testbed.MemoryConfig{Certificate: cert})
	for address, security := range map[string]submit.Security{s.SMTPAddr(): submit.StartTLS, s.SMTPSAddr(): submit.ImplicitTLS} {
		if _, err := sendLetter(t, submissionServer(t, address, security, cert), letter("robin@example.edu", "far@example.net")); err != nil {
			t.Errorf("security %d: %v", security, err)
		}
	}
	if got := s.SMTPCounts(); got != (testbed.SMTPCounts{Logins: 2, Messages: 2, Recipients: 4}) {
		t.Errorf("counts: %+v", got)
	}
	if got := s.Accepted(); len(got) != 2 || len(got[1].To) != 2 || string(got[1].Raw) != "Subject: Hello\r\n\r\nText\r\n" {
		t.Errorf("accepted: %+v", got)
	}
}

func TestMemorySMTPInterferes(t *testing.T) {
	s := startMemory(t, testbed.MemoryConfig{})
	server := submissionServer(t, s.SMTPAddr(), submit.Plain, nil)
	refusal := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user"}
	later := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Later"}
	for _, tt := range []struct {
		step     testbed.SMTPStep
		argument string
		err      error
		want     submit.Kind
		accepted int
	}{
		{testbed.SMTPLogin, "kim@example.edu", smtp.ErrAuthFailed, submit.Authentication, 0},
		{testbed.SMTPSender, "kim@example.edu", later, submit.Busy, 0},
		{testbed.SMTPRecipient, "robin@example.edu", refusal, submit.Refused, 0},
		{testbed.SMTPRecipient, "nobody else", refusal, 0, 1},
		{testbed.SMTPRecipient, "robin@example.edu", testbed.ErrHangUp, submit.NotSent, 0},
		{testbed.SMTPText, "", refusal, submit.Refused, 0},
		{testbed.SMTPText, "", testbed.ErrHangUp, submit.Unclear, 0},
		{testbed.SMTPAccepted, "", testbed.ErrHangUp, submit.Unclear, 1},
	} {
		before := s.SMTPCounts()
		s.OnSMTP(func(step testbed.SMTPStep, argument string) error {
			if step == tt.step && argument == tt.argument {
				return tt.err
			}
			return nil
		})
		result, err := sendLetter(t, server, letter("robin@example.edu", "far@example.net"))
		if got := s.SMTPCounts(); submit.KindOf(err) != tt.want || got.Messages-before.Messages != tt.accepted {
			t.Errorf("%s, %v: %+v, %v; %+v, before %+v", tt.step, tt.err, result, err, got, before)
		}
		var refused *smtp.SMTPError
		if tt.step == testbed.SMTPRecipient && tt.want == submit.Refused && errors.As(tt.err, &refused) &&
			(len(result.Refused) != 1 || result.Refused[0] != submit.Refusal{Recipient: tt.argument, Code: 550, Enhanced: "5.1.1", Text: "No such user"}) {
			t.Errorf("refused: %+v", result.Refused)
		}
	}
	s.OnSMTP(nil)
	if _, err := sendLetter(t, server, letter("robin@example.edu")); err != nil {
		t.Error(err)
	}
}

func TestMemorySMTPWithoutLogin(t *testing.T) {
	var elsewhere []string
	s := startMemory(t, testbed.MemoryConfig{SMTPWithoutLogin: true, Elsewhere: func(m testbed.Outgoing) { elsewhere = append(elsewhere, strings.Join(m.To, " ")) }})
	session, err := submit.Dial(t.Context(), submissionServer(t, s.SMTPAddr(), submit.Plain, nil), submit.Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for range 2 {
		if _, err := session.Send(t.Context(), letter("robin@example.edu", "far@example.net")); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	if len(elsewhere) != 2 || elsewhere[0] != "far@example.net" {
		t.Errorf("told of %q", elsewhere)
	}
}
