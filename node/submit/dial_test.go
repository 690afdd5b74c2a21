package submit_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"testing"

	"alphamail/bench/testbed"
	"alphamail/node/submit"
)

func TestLogin(t *testing.T) {
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	plain := encode("\x00ana\x00secret")
	long := strings.Repeat("p", 600)
	offer := func(auth string) turn { return turn{"EHLO", "250-mx\r\n250-" + auth + "\r\n250 8BITMIME\r\n"} }
	const welcome = "235 2.7.0 Welcome\r\n"
	for name, tt := range map[string]struct {
		password string
		script   []turn
		want     submit.Kind
		code     int
	}{
		"PLAIN":            {"secret", []turn{offer("AUTH LOGIN PLAIN"), {"AUTH PLAIN " + plain + "\r\n", welcome}}, 0, 0},
		"lower case":       {"secret", []turn{offer("auth plain"), {"AUTH PLAIN " + plain + "\r\n", welcome}}, 0, 0},
		"old notation":     {"secret", []turn{offer("AUTH=PLAIN"), {"AUTH PLAIN " + plain + "\r\n", welcome}}, 0, 0},
		"LOGIN":            {"secret", []turn{offer("AUTH LOGIN"), {"AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n"}, {encode("ana") + "\r\n", "334 UGFzc3dvcmQ6\r\n"}, {encode("secret") + "\r\n", welcome}}, 0, 0},
		"long":             {long, []turn{offer("AUTH PLAIN"), {"AUTH PLAIN\r\n", "334 \r\n"}, {encode("\x00ana\x00"+long) + "\r\n", welcome}}, 0, 0},
		"wrong":            {"secret", []turn{offer("AUTH PLAIN"), {"AUTH PLAIN", "535 5.7.8 secret is wrong " + plain + "\r\n"}}, submit.Authentication, 535},
		"wrong in LOGIN":   {"secret", []turn{offer("AUTH LOGIN"), {"AUTH LOGIN", "334 x\r\n"}, {encode("ana"), "334 x\r\n"}, {encode("secret"), "535 " + encode("secret") + "\r\n"}}, submit.Authentication, 535},
		"not allowed":      {"secret", []turn{offer("AUTH PLAIN"), {"AUTH PLAIN", "504 5.5.4 secret\r\n"}}, submit.Authentication, 504},
		"for now":          {"secret", []turn{offer("AUTH PLAIN"), {"AUTH PLAIN", "454 4.7.0 secret\r\n"}}, submit.Busy, 454},
		"asks on":          {"secret", []turn{offer("AUTH PLAIN"), {"AUTH PLAIN", "334 c2VjcmV0\r\n"}}, submit.NotSent, 334},
		"unknown":          {"secret", []turn{offer("AUTH GSSAPI")}, submit.NotSent, 0},
		"none":             {"secret", []turn{offer("HELP")}, submit.NotSent, 0},
		"NUL":              {"sec\x00ret", []turn{offer("AUTH PLAIN")}, submit.Authentication, 0},
		"endless password": {strings.Repeat("x", 5000), []turn{offer("AUTH PLAIN")}, submit.Authentication, 0},
	} {
		s := serve(t, append([]turn{{"", greeting}}, tt.script...), -1, -1)
		session, err := submit.Dial(t.Context(), s.server(), submit.Credentials{User: "ana", Password: tt.password})
		if submit.KindOf(err) != tt.want {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		var failure *submit.Error
		if errors.As(err, &failure) && (failure.Code != tt.code || failure.Text != "" || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), plain)) {
			t.Errorf("%s: %v, text %q", name, err, failure.Text)
		}
		if session != nil {
			session.Close()
		}
		s.listener.Close()
		if s.said(); s.complaint != "" {
			t.Errorf("%s: %s", name, s.complaint)
		}
	}
}

// TestServersThatAreNone try what can be wrong before the first message.
func TestServersThatAreNone(t *testing.T) {
	endless := strings.Repeat("250-and so on\r\n", 1000)
	for name, tt := range map[string]struct {
		script []turn
		kind   submit.Kind
		cause  error
	}{
		"busy":            {[]turn{{"", "421 4.3.2 Too many connections\r\n"}}, submit.Busy, nil},
		"no service":      {[]turn{{"", "554 5.3.2 No SMTP service here\r\n"}}, submit.Refused, nil},
		"IMAP":            {[]turn{{"", "* OK ready\r\n"}}, submit.NotSent, submit.ErrProtocol},
		"empty line":      {[]turn{{"", "\r\n"}}, submit.NotSent, submit.ErrProtocol},
		"odd code":        {[]turn{{"", "999 hello\r\n"}}, submit.NotSent, submit.ErrProtocol},
		"another code":    {[]turn{{"", "220-hello\r\n250 hello\r\n"}}, submit.NotSent, submit.ErrProtocol},
		"endless line":    {[]turn{{"", "220 " + strings.Repeat("x", 5000)}}, submit.NotSent, submit.ErrTooLong},
		"endless lines":   {[]turn{{"", greeting}, {"EHLO", endless}}, submit.NotSent, submit.ErrTooLong},
		"out of step":     {[]turn{{"", greeting + "250 ok\r\n"}}, submit.NotSent, submit.ErrOutOfStep},
		"EHLO unknown":    {[]turn{{"", greeting}, {"EHLO", "502 5.5.1 what?\r\n"}}, submit.Refused, nil},
		"hangs up":        {[]turn{{"", greeting}, {"EHLO", "250-mx\r\n"}}, 0, nil},
		"greeted by text": {[]turn{{"", "250 ok\r\n"}}, submit.NotSent, submit.ErrOutOfStep},
	} {
		cut := -1
		if name == "hangs up" {
			cut, tt.kind = len(greeting)+3, submit.NotSent
		}
		s := serve(t, tt.script, -1, cut)
		_, err := submit.Dial(t.Context(), s.server(), submit.Credentials{})
		if submit.KindOf(err) != tt.kind || tt.cause != nil && !errors.Is(err, tt.cause) {
			t.Errorf("%s: %v", name, err)
		}
	}
	closed := serve(t, nil, -1, -1)
	closed.listener.Close()
	if _, err := submit.Dial(t.Context(), closed.server(), submit.Credentials{}); submit.KindOf(err) != submit.NotSent {
		t.Errorf("nobody listens: %v", err)
	}
}

// TestStartTLSIsRequired does not go on without, or with words from before it.
func TestStartTLSIsRequired(t *testing.T) {
	const offer = "250-mx\r\n250 STARTTLS\r\n"
	for name, tt := range map[string]struct {
		script []turn
		want   submit.Kind
		cause  error
	}{
		"not offered": {[]turn{{"", greeting}, {"EHLO", ehlo}}, submit.NotSent, submit.ErrNoTLS},
		"refused":     {[]turn{{"", greeting}, {"EHLO", offer}, {"STARTTLS", "454 4.7.0 not now\r\n"}}, submit.Busy, nil},
		"injected":    {[]turn{{"", greeting}, {"EHLO", offer}, {"STARTTLS", "220 go\r\n250 mx\r\n"}}, submit.NotSent, submit.ErrOutOfStep},
	} {
		s := serve(t, tt.script, -1, -1)
		server := s.server()
		server.Security = submit.StartTLS
		_, err := submit.Dial(t.Context(), server, submit.Credentials{User: "ana", Password: "secret"})
		if submit.KindOf(err) != tt.want || tt.cause != nil && !errors.Is(err, tt.cause) {
			t.Errorf("%s: %v", name, err)
		}
		if said := s.said(); strings.Contains(said, "AUTH") {
			t.Errorf("%s: the password was sent in plain text: %q", name, said)
		}
	}
}

// TestTLS secures connections in both ways and believes only what is said after;
// a certificate that cannot be verified ends it.
func TestTLS(t *testing.T) {
	certificate, err := testbed.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	for _, security := range []submit.Security{submit.ImplicitTLS, submit.StartTLS} {
		for _, trusted := range []bool{true, false} {
			server := serveTLS(t, certificate, security)
			if trusted {
				server.TLS = &tls.Config{RootCAs: certificate.Roots}
			}
			session, err := submit.Dial(t.Context(), server, submit.Credentials{User: "ana", Password: "secret"})
			if !trusted {
				if submit.KindOf(err) != submit.NotSent {
					t.Errorf("security %d: a certificate of nobody: %v", security, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("security %d: %v", security, err)
				continue
			}
			if features := session.Features(); features.SMTPUTF8 || !features.EightBitMIME {
				t.Errorf("security %d: features are those of before TLS: %+v", security, features)
			}
			if err := session.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// serveTLS starts a server for one connection whose features differ before and
// after TLS.
func serveTLS(t *testing.T, certificate *testbed.Certificate, security submit.Security) submit.Server {
	t.Helper()
	s := serve(t, nil, -1, -1)
	server := s.server()
	server.Security = security
	address := s.listener.Addr().String()
	s.listener.Close()
	<-s.done
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { listener.Close(); <-done })
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		speak := func(conn net.Conn, script []turn) bool {
			r := bufio.NewReader(conn)
			for _, turn := range script {
				if turn.want != "" {
					if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, turn.want) {
						return false
					}
				}
				conn.Write([]byte(turn.answer))
			}
			return true
		}
		secured := []turn{{"EHLO", "250-mx\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n"}, {"AUTH", "235 ok\r\n"}, {"QUIT", "221 bye\r\n"}}
		if security == submit.ImplicitTLS {
			secured = append([]turn{{"", greeting}}, secured...)
		} else if !speak(conn, []turn{{"", greeting}, {"EHLO", "250-mx\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 STARTTLS\r\n"}, {"STARTTLS", "220 go\r\n"}}) {
			return
		}
		speak(tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate.TLS}}), secured)
	}()
	return server
}

func TestRoute(t *testing.T) {
	route := submit.Route{Relay: submit.Credentials{User: "relay", Password: "r"}}
	for login, want := range map[submit.Login]submit.Credentials{
		submit.AsUser: {User: "ana", Password: "secret"}, submit.AsRelay: route.Relay, submit.AsNone: {},
	} {
		route.Login = login
		if got := route.Credentials("ana", "secret"); got != want {
			t.Errorf("login %d: %+v", login, got)
		}
	}
}
