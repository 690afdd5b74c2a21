package submit

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"slices"
	"strings"
	"time"
)

// Dial connects to a server, secures the connection and logs in. When the context
// ends, the connection is closed. Errors: *Error.
func Dial(ctx context.Context, server Server, credentials Credentials) (*Session, error) {
	s := &Session{server: server.withDefaults()}
	dialer := net.Dialer{Timeout: s.server.Timeout}
	network, err := dialer.DialContext(ctx, "tcp", server.Address())
	if err != nil {
		return nil, failed("connect", err)
	}
	s.network = network
	s.use(network)
	if err := s.open(ctx, credentials); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// open does everything up to the first message.
func (s *Session) open(ctx context.Context, credentials Credentials) error {
	if s.server.Security == ImplicitTLS {
		if err := s.secure(ctx, "connect"); err != nil {
			return err
		}
	}
	if _, err := s.await(ctx, "greeting", "", 220); err != nil {
		return err
	}
	if err := s.hello(ctx); err != nil {
		return err
	}
	if s.server.Security == StartTLS {
		if _, offered := s.extensions["STARTTLS"]; !offered {
			return failed("STARTTLS", ErrNoTLS)
		}
		if _, err := s.await(ctx, "STARTTLS", "STARTTLS", 220); err != nil {
			return err
		}
		// What a server has said before TLS is forgotten (RFC 3207 section 4.2), and
		// what somebody has put behind its answer is not believed.
		if s.reader.Buffered() > 0 {
			return failed("STARTTLS", ErrOutOfStep)
		}
		if err := s.secure(ctx, "STARTTLS"); err != nil {
			return err
		}
		if err := s.hello(ctx); err != nil {
			return err
		}
	}
	if credentials.User == "" {
		return nil
	}
	return s.login(ctx, credentials)
}

// secure puts TLS on the connection.
func (s *Session) secure(ctx context.Context, step string) error {
	s.network.SetDeadline(time.Now().Add(s.server.Timeout))
	secured := tls.Client(s.network, s.server.tlsConfig())
	if err := secured.HandshakeContext(ctx); err != nil {
		return failed(step, err)
	}
	s.use(secured)
	return nil
}

// use reads from and writes to a stream from now on.
func (s *Session) use(stream net.Conn) {
	s.reader = bufio.NewReaderSize(stream, maxAnswerLine)
	s.writer = bufio.NewWriterSize(blockWriter{stream, s.server.Timeout}, writeBuffer)
}

// writeBuffer is how much of a body is gathered, in bytes: what one TLS record
// holds.
const writeBuffer = 16 << 10

// blockWriter gives every block that is written its own time.
type blockWriter struct {
	stream  net.Conn
	timeout time.Duration
}

// Write implements io.Writer.
func (b blockWriter) Write(block []byte) (int, error) {
	if err := b.stream.SetWriteDeadline(time.Now().Add(b.timeout)); err != nil {
		return 0, err
	}
	return b.stream.Write(block)
}

// hello says EHLO and learns what the server can do.
func (s *Session) hello(ctx context.Context) error {
	name := s.server.Hello
	if name == "" {
		name = addressLiteral(s.network.LocalAddr())
	}
	if strings.ContainsFunc(name, func(char rune) bool { return char <= ' ' || char > '~' }) {
		return failed("EHLO", errors.New("the name of this machine is not one"))
	}
	a, err := s.await(ctx, "EHLO", "EHLO "+name, 250)
	if err != nil {
		return err
	}
	s.extensions = map[string][]string{}
	for _, line := range a.lines[1:] {
		// "AUTH=LOGIN" is how servers said it before there was a standard.
		if words := strings.Fields(strings.ToUpper(strings.Replace(line, "=", " ", 1))); len(words) > 0 {
			s.extensions[words[0]] = append(s.extensions[words[0]], words[1:]...)
		}
	}
	return nil
}

// addressLiteral is an address as EHLO has it (RFC 5321 section 4.1.3).
func addressLiteral(address net.Addr) string {
	host, _, _ := net.SplitHostPort(address.String())
	host, _, _ = strings.Cut(host, "%") // the zone
	if strings.Contains(host, ":") {
		return "[IPv6:" + host + "]"
	}
	return "[" + host + "]"
}

// The bounds of a login in bytes: maxInitial is what RFC 4954 section 4 lets be
// said together with AUTH, in a command line of 512.
const (
	maxCredential = 1024
	maxInitial    = 496
)

// login logs in with PLAIN (RFC 4616), or with LOGIN where that is all there is.
func (s *Session) login(ctx context.Context, c Credentials) error {
	if strings.Contains(c.User+c.Password, "\x00") || len(c.User) > maxCredential || len(c.Password) > maxCredential {
		return &Error{Kind: Authentication, Step: "AUTH", Cause: errNotAllowed}
	}
	encode := base64.StdEncoding.EncodeToString
	offered := s.extensions["AUTH"]
	switch {
	case slices.Contains(offered, "PLAIN"):
		whole := encode([]byte("\x00" + c.User + "\x00" + c.Password))
		if len(whole) <= maxInitial {
			return s.authenticate(ctx, "AUTH PLAIN "+whole)
		}
		return s.authenticate(ctx, "AUTH PLAIN", whole)
	case slices.Contains(offered, "LOGIN"):
		return s.authenticate(ctx, "AUTH LOGIN", encode([]byte(c.User)), encode([]byte(c.Password)))
	default:
		return failed("AUTH", ErrNoLogin)
	}
}

// authenticate sends a command and what the server asks for then. The server's
// words are dropped: it may repeat the password.
func (s *Session) authenticate(ctx context.Context, lines ...string) error {
	for i, line := range lines {
		want := 334
		if i == len(lines)-1 {
			want = 235
		}
		if _, err := s.await(ctx, "AUTH", line, want); err != nil {
			var known *Error
			if errors.As(err, &known) {
				known.Text = ""
				if known.Kind == Refused {
					known.Kind = Authentication
				}
			}
			return err
		}
	}
	return nil
}
