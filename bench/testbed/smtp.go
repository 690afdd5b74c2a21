package testbed

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"time"

	"alphamail/bench/testbed/memimap"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// maxSMTPMessage is the largest message the SMTP server accepts, in bytes.
const maxSMTPMessage = 25 << 20

func (s *MemoryServer) newSMTP(tlsConfig *tls.Config, logger *log.Logger) *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &submission{server: s}, nil
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

// submission is one SMTP connection.
type submission struct {
	server   *MemoryServer
	loggedIn bool
	from     string
	to       []string
}

var _ smtp.AuthSession = (*submission)(nil)

// AuthMechanisms implements smtp.AuthSession.
func (*submission) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth implements smtp.AuthSession.
func (c *submission) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if _, err := c.server.store.Login(username, password); err != nil {
			return smtp.ErrAuthFailed
		}
		c.loggedIn = true
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (c *submission) Mail(from string, _ *smtp.MailOptions) error {
	if !c.loggedIn {
		return smtp.ErrAuthRequired
	}
	c.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (c *submission) Rcpt(to string, _ *smtp.RcptOptions) error {
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
	if elsewhere != nil {
		c.server.keep(Outgoing{From: c.from, To: elsewhere, Raw: raw.Bytes()[trace:]})
	}
	return nil
}

// Reset implements smtp.Session.
func (c *submission) Reset() { c.from, c.to = "", nil }

// Logout implements smtp.Session.
func (*submission) Logout() error { return nil }

func (s *MemoryServer) keep(m Outgoing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outgoing = append(s.outgoing, m)
	if extra := len(s.outgoing) - s.config.MaxOutgoing; extra > 0 {
		s.outgoing = append([]Outgoing(nil), s.outgoing[extra:]...)
	}
}
