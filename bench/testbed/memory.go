package testbed

import (
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"alphamail/bench/testbed/mailgen"
	"alphamail/bench/testbed/memimap"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-smtp"
)

// User is an account of a test server.
type User struct {
	Name     string // login name: the local part of the address, or, in memory, the address
	Password string
}

// MemoryConfig says what StartMemory starts. Only Users is required.
type MemoryConfig struct {
	Users  []User
	Domain string // of users named by their local part; default example.edu

	// Addresses to listen on, host:port. Default: free ports on 127.0.0.1.
	IMAPAddress, IMAPSAddress, SMTPAddress, SMTPSAddress string

	// Certificate offers STARTTLS on the IMAP and SMTP ports and opens a port
	// with implicit TLS for each. Default: no TLS.
	Certificate *Certificate

	// Caps replaces the capabilities of the IMAP server, to imitate a poorer
	// one. Default: all that memimap knows.
	Caps imap.CapSet

	// SMTPWithoutLogin takes mail from anybody, as a relay does from machines that
	// it trusts.
	SMTPWithoutLogin bool

	// MaxOutgoing bounds how many messages that were sent are kept, the latest
	// ones. Default 1000.
	MaxOutgoing int

	// Elsewhere, if set, is told of every message to other domains. It must not
	// call the server.
	Elsewhere func(Outgoing)

	// Logger gets the servers' errors. Default: none.
	Logger *slog.Logger
}

// Validate reports what is wrong with the configuration.
func (c MemoryConfig) Validate() error {
	if len(c.Users) == 0 {
		return errors.New("no users")
	}
	for _, u := range c.Users {
		if u.Name == "" || strings.Count(u.Name, "@") > 1 || strings.ContainsAny(u.Name, " \r\n") {
			return fmt.Errorf("user name %q is neither an address nor its local part", u.Name)
		}
	}
	if c.MaxOutgoing < 0 {
		return fmt.Errorf("MaxOutgoing is %d", c.MaxOutgoing)
	}
	return nil
}

// MemoryServer is an IMAP and an SMTP server over the same mail in memory.
type MemoryServer struct {
	config  MemoryConfig
	store   *memimap.Store
	imap    *imapserver.Server
	smtp    *smtp.Server
	imapLn  *listener
	imapsLn *listener // nil without TLS
	smtpLn  *listener
	smtpsLn *listener      // nil without TLS
	serving sync.WaitGroup // accept loops; they end with their listeners

	mu       sync.Mutex // guards the fields below
	outgoing []Outgoing // to other domains, oldest first
	accepted []Outgoing // to all, oldest first
	counts   SMTPCounts
	hook     func(SMTPStep, string) error
}

// StartMemory starts the servers. Users log in by address, and by local part
// unless an earlier user has the same in another domain.
func StartMemory(config MemoryConfig) (*MemoryServer, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("in-memory mail server: %w", err)
	}
	if config.Domain == "" {
		config.Domain = "example.edu"
	}
	if config.MaxOutgoing == 0 {
		config.MaxOutgoing = 1000
	}
	if config.Caps == nil {
		config.Caps = memimap.Caps()
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	s := &MemoryServer{config: config, store: memimap.New()}
	for _, u := range config.Users {
		if err := s.AddUser(u); err != nil {
			return nil, fmt.Errorf("in-memory mail server: %w", err)
		}
	}
	if err := s.listen(); err != nil {
		s.closeListeners()
		return nil, fmt.Errorf("in-memory mail server: %w", err)
	}
	s.serve()
	return s, nil
}

func (s *MemoryServer) listen() (err error) {
	if s.imapLn, err = listen(s.config.IMAPAddress); err != nil {
		return err
	}
	if s.config.Certificate != nil {
		if s.imapsLn, err = listen(s.config.IMAPSAddress); err != nil {
			return err
		}
		if s.smtpsLn, err = listen(s.config.SMTPSAddress); err != nil {
			return err
		}
	}
	s.smtpLn, err = listen(s.config.SMTPAddress)
	return err
}

func (s *MemoryServer) serve() {
	logger := slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelWarn)
	var tlsConfig *tls.Config
	if s.config.Certificate != nil {
		tlsConfig = &tls.Config{Certificates: []tls.Certificate{s.config.Certificate.TLS}}
	}
	s.imap = imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return s.store.NewSession(), nil, nil
		},
		Caps:         s.config.Caps,
		Logger:       logger,
		TLSConfig:    tlsConfig,
		InsecureAuth: true, // loopback
	})
	s.smtp = s.newSMTP(tlsConfig, logger)
	s.serving.Go(func() { s.imap.Serve(s.imapLn) })
	if s.imapsLn != nil {
		s.serving.Go(func() { s.imap.Serve(tls.NewListener(s.imapsLn, tlsConfig)) })
	}
	s.serving.Go(func() { s.smtp.Serve(s.smtpLn) })
	if s.smtpsLn != nil {
		s.serving.Go(func() { s.smtp.Serve(tls.NewListener(s.smtpsLn, tlsConfig)) })
	}
}

// IMAPAddr returns host:port of the IMAP server without implicit TLS.
func (s *MemoryServer) IMAPAddr() string { return s.imapLn.Addr().String() }

// IMAPSAddr returns host:port of the IMAP server with implicit TLS, or "".
func (s *MemoryServer) IMAPSAddr() string {
	if s.imapsLn == nil {
		return ""
	}
	return s.imapsLn.Addr().String()
}

// SMTPAddr returns host:port of the SMTP server.
func (s *MemoryServer) SMTPAddr() string { return s.smtpLn.Addr().String() }

// SMTPSAddr returns host:port of the SMTP server with implicit TLS, or "".
func (s *MemoryServer) SMTPSAddr() string {
	if s.smtpsLn == nil {
		return ""
	}
	return s.smtpsLn.Addr().String()
}

// AddUser adds a user with an empty INBOX.
func (s *MemoryServer) AddUser(u User) error {
	local, domain, ok := strings.Cut(u.Name, "@")
	if !ok {
		domain = s.config.Domain
	}
	names := []string{local + "@" + domain}
	if s.store.User(local) == nil {
		names = append(names, local)
	}
	_, err := s.store.AddUser(u.Password, names...)
	return err
}

// CreateMailbox makes a mailbox for a user, its levels separated by "/".
func (s *MemoryServer) CreateMailbox(user, name string, use ...imap.MailboxAttr) error {
	u := s.store.User(user)
	if u == nil {
		return fmt.Errorf("no user %q", user)
	}
	return u.CreateMailbox(name, use...)
}

// Append puts a message into a user's mailbox and returns its UID. Raw must
// not be modified afterwards.
func (s *MemoryServer) Append(user, mailbox string, raw []byte, date time.Time, flags ...imap.Flag) (imap.UID, error) {
	u := s.store.User(user)
	if u == nil {
		return 0, fmt.Errorf("no user %q", user)
	}
	return u.Append(mailbox, memimap.NewMessage(raw, date), flags)
}

// CreateFolders makes the mailboxes that mailgen fills, for a user.
func (s *MemoryServer) CreateFolders(user string) error {
	for _, f := range mailgen.Folders() {
		if err := s.CreateMailbox(user, f.Name, f.Use...); err != nil {
			return fmt.Errorf("mailbox %q: %w", f.Name, err)
		}
	}
	return nil
}

// Fill appends generated mail to the mailboxes of all the users named, which
// share its memory. The mailboxes must exist.
func (s *MemoryServer) Fill(messages iter.Seq[mailgen.Message], users ...string) error {
	for m := range messages {
		msg := memimap.NewMessage(m.Raw, m.Date)
		for _, name := range users {
			u := s.store.User(name)
			if u == nil {
				return fmt.Errorf("no user %q", name)
			}
			if _, err := u.Append(m.Mailbox, msg, m.Flags); err != nil {
				return fmt.Errorf("mailbox %q: %w", m.Mailbox, err)
			}
		}
	}
	return nil
}

// Close ends the servers and cuts all connections. It returns when everything
// has ended.
func (s *MemoryServer) Close() error {
	s.smtp.Close() // so that its accept loop knows the end from a failure
	s.closeListeners()
	s.imap.Close()
	s.serving.Wait()
	return nil
}

func (s *MemoryServer) closeListeners() {
	for _, ln := range []*listener{s.imapLn, s.imapsLn, s.smtpLn, s.smtpsLn} {
		if ln != nil {
			ln.shutdown()
		}
	}
}

// Outgoing is a message that the SMTP server accepted.
type Outgoing struct {
	From string
	To   []string
	Raw  []byte
}

// Outgoing returns the messages accepted for other domains, the oldest first.
func (s *MemoryServer) Outgoing() []Outgoing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.outgoing)
}
