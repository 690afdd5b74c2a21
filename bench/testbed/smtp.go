package testbed

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"slices"
	"time"

	"alphamail/bench/testbed/memimap"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// maxSMTPMessage is the largest message the SMTP server accepts, in bytes.
const maxSMTPMessage = 25 << 20

func (s *MemoryServer) newSMTP(tlsConfig *tls.Config, logger *log.Logger) *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) {
		return &submission{server: s, conn: conn, loggedIn: s.config.SMTPWithoutLogin}, nil
	}))
	server.Domain = "localhost"
	server.TLSConfig = tlsConfig
	server.AllowInsecureAuth = true // loopback
	server.MaxMessageBytes = maxSMTPMessage
	server.MaxRecipients = 100
	server.ReadTimeout = time.Minute
	server.WriteTimeout = time.Minute
	server.EnableSMTPUTF8 = true
	server.ErrorLog = logger
	return server
}

// SMTPStep is a step of sending at which a test may interfere.
type SMTPStep string

// The steps.
const (
	SMTPLogin     SMTPStep = "login"     // with a user name
	SMTPSender    SMTPStep = "sender"    // with an address
	SMTPRecipient SMTPStep = "recipient" // with an address
	SMTPText      SMTPStep = "text"      // the whole message has come; nothing is done with it yet
	SMTPAccepted  SMTPStep = "accepted"  // it is delivered; nothing is answered yet
)

// ErrHangUp ends an SMTP connection without an answer.
var ErrHangUp = errors.New("hang up")

// OnSMTP calls a hook at every step of sending from now on; nil ends that. What it
// returns is answered instead of going on: an *smtp.SMTPError as it is, ErrHangUp
// with silence. It may be called from several goroutines, and may take its time.
func (s *MemoryServer) OnSMTP(hook func(step SMTPStep, argument string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

// SMTPCounts are what came to the SMTP server.
type SMTPCounts struct {
	Logins     int // successful
	Messages   int // accepted
	Recipients int // of these
	Refused    int // steps at which a hook interfered
}

// SMTPCounts returns the counts since the start.
func (s *MemoryServer) SMTPCounts() SMTPCounts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Accepted returns all messages that the SMTP server accepted, as far as they are
// kept, the oldest first.
func (s *MemoryServer) Accepted() []Outgoing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.accepted)
}

// submission is one SMTP connection.
type submission struct {
	server   *MemoryServer
	conn     *smtp.Conn
	loggedIn bool
	from     string
	to       []string
}

var _ smtp.AuthSession = (*submission)(nil)

// step asks the hook.
func (c *submission) step(step SMTPStep, argument string) error {
	c.server.mu.Lock()
	hook := c.server.hook
	c.server.mu.Unlock()
	if hook == nil {
		return nil
	}
	err := hook(step, argument)
	if err == nil {
		return nil
	}
	c.server.mu.Lock()
	c.server.counts.Refused++
	c.server.mu.Unlock()
	if errors.Is(err, ErrHangUp) {
		c.conn.Conn().Close()
	}
	return err
}

// AuthMechanisms implements smtp.AuthSession.
func (*submission) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth implements smtp.AuthSession.
func (c *submission) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if err := c.step(SMTPLogin, username); err != nil {
			return err
		}
		if _, err := c.server.store.Login(username, password); err != nil {
			return smtp.ErrAuthFailed
		}
		c.loggedIn = true
		c.server.mu.Lock()
		defer c.server.mu.Unlock()
		c.server.counts.Logins++
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (c *submission) Mail(from string, _ *smtp.MailOptions) error {
	if !c.loggedIn {
		return smtp.ErrAuthRequired
	}
	if err := c.step(SMTPSender, from); err != nil {
		return err
	}
	c.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (c *submission) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := c.step(SMTPRecipient, to); err != nil {
		return err
	}
	c.to = append(c.to, to)
	return nil
}

// Data implements smtp.Session: it delivers to the INBOX of local users and
// keeps what is addressed to anybody else.
func (c *submission) Data(r io.Reader) error {
	var raw bytes.Buffer
	now := time.Now()
	fmt.Fprintf(&raw, "Return-Path: <%s>\r\nReceived: from localhost by localhost with ESMTPA; %s\r\n", c.from, now.Format(time.RFC1123Z))
	trace := raw.Len()
	if _, err := raw.ReadFrom(r); err != nil {
		return err // smtp.ErrDataTooLarge among others
	}
	if err := c.step(SMTPText, ""); err != nil {
		return err
	}
	msg := memimap.NewMessage(raw.Bytes(), now)
	var elsewhere []string
	for _, to := range c.to {
		u := c.server.store.User(to)
		if u == nil {
			elsewhere = append(elsewhere, to)
			continue
		}
		if _, err := u.Append("INBOX", msg, nil); err != nil {
			return fmt.Errorf("delivering: %w", err)
		}
	}
	c.server.keep(Outgoing{From: c.from, To: c.to, Raw: raw.Bytes()[trace:]}, elsewhere)
	return c.step(SMTPAccepted, "")
}

// Reset implements smtp.Session.
func (c *submission) Reset() { c.from, c.to = "", nil }

// Logout implements smtp.Session.
func (*submission) Logout() error { return nil }

// keep counts a message and remembers it, also as one for elsewhere if it is.
func (s *MemoryServer) keep(m Outgoing, elsewhere []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Messages++
	s.counts.Recipients += len(m.To)
	s.accepted = s.latest(append(s.accepted, m))
	if elsewhere == nil {
		return
	}
	m.To = elsewhere
	s.outgoing = s.latest(append(s.outgoing, m))
	if s.config.Elsewhere != nil {
		s.config.Elsewhere(m)
	}
}

// latest drops the oldest messages beyond those that are kept.
func (s *MemoryServer) latest(messages []Outgoing) []Outgoing {
	if extra := len(messages) - s.config.MaxOutgoing; extra > 0 {
		return slices.Clone(messages[extra:])
	}
	return messages
}
