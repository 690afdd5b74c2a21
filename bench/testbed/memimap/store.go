package memimap

import (
	"crypto/subtle"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// Delimiter separates the levels of mailbox names.
const Delimiter = '/'

// Store is a set of users. The zero value is not usable; see New.
type Store struct {
	validity uint32 // of the first mailbox of each user

	mu    sync.RWMutex
	users map[string]*User // guarded by mu; by each login name
}

// New returns an empty store.
func New() *Store {
	// A store made later must not reuse the UIDVALIDITY of an earlier one.
	return &Store{validity: uint32(time.Now().Unix()), users: map[string]*User{}}
}

// AddUser adds a user with an empty INBOX who may log in by any of the names,
// in any case. It fails if a name is taken.
func (s *Store) AddUser(password string, names ...string) (*User, error) {
	u := &User{password: password, mailboxes: map[string]*mailbox{}, validity: s.validity}
	if err := u.CreateMailbox("INBOX"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if s.users[strings.ToLower(name)] != nil {
			return nil, fmt.Errorf("user %q exists", name)
		}
	}
	for _, name := range names {
		s.users[strings.ToLower(name)] = u
	}
	return u, nil
}

// User returns the user with a login name, or nil.
func (s *Store) User(name string) *User {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.users[strings.ToLower(name)]
}

// Login returns the user if name and password are right, otherwise
// imapserver.ErrAuthFailed.
func (s *Store) Login(name, password string) (*User, error) {
	u := s.User(name)
	if u == nil || subtle.ConstantTimeCompare([]byte(u.password), []byte(password)) != 1 {
		return nil, imapserver.ErrAuthFailed
	}
	return u, nil
}

// User is one account.
type User struct {
	password string

	mu        sync.Mutex
	mailboxes map[string]*mailbox // guarded by mu
	validity  uint32              // guarded by mu; UIDVALIDITY of the next mailbox
}

// ErrNoMailbox is the answer to a command that names a missing mailbox.
var ErrNoMailbox = &imap.Error{
	Type: imap.StatusResponseTypeNo,
	Code: imap.ResponseCodeNonExistent,
	Text: "No such mailbox",
}

// CreateMailbox makes a mailbox, subscribed, with special uses (RFC 6154).
func (u *User) CreateMailbox(name string, use ...imap.MailboxAttr) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.createLocked(name, use); err != nil {
		return err
	}
	u.mailboxes[name].subscribed = true // nobody else can hold it yet
	return nil
}

func (u *User) createLocked(name string, use []imap.MailboxAttr) error {
	if u.mailboxes[name] != nil {
		return no(imap.ResponseCodeAlreadyExists, "Mailbox already exists")
	}
	for level := range strings.SplitSeq(name, string(Delimiter)) {
		if level == "" {
			return no(imap.ResponseCodeCannot, "A level of the mailbox name is empty")
		}
	}
	// RFC 9051 section 6.3.4: a mailbox made anew under an old name has another
	// UIDVALIDITY.
	u.mailboxes[name] = newMailbox(name, u.validity, use)
	u.validity++
	return nil
}

func (u *User) mailbox(name string) (*mailbox, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if m := u.mailboxes[name]; m != nil {
		return m, nil
	}
	return nil, ErrNoMailbox
}

// Append adds a message to a mailbox and returns its UID, or ErrNoMailbox.
func (u *User) Append(mailbox string, msg *Message, flags []imap.Flag) (imap.UID, error) {
	m, err := u.mailbox(mailbox)
	if err != nil {
		return 0, err
	}
	return m.append(msg, flags), nil
}

func (u *User) deleteMailbox(name string) error {
	if name == "INBOX" {
		return no(imap.ResponseCodeCannot, "INBOX cannot be deleted")
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.mailboxes[name] == nil {
		return ErrNoMailbox
	}
	delete(u.mailboxes, name)
	return nil
}

// renameMailbox renames a mailbox with everything below it. Renaming INBOX
// moves its messages and leaves it empty (RFC 9051 section 6.3.6).
func (u *User) renameMailbox(from, to string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	source := u.mailboxes[from]
	if source == nil {
		return ErrNoMailbox
	}
	below := from + string(Delimiter)
	if strings.HasPrefix(to, below) {
		return no(imap.ResponseCodeCannot, "A mailbox cannot be moved below itself")
	}
	if from == "INBOX" {
		if err := u.createLocked(to, nil); err != nil {
			return err
		}
		entries := source.take(func(entry) bool { return true })
		for _, e := range entries {
			u.mailboxes[to].append(e.msg, e.flags)
		}
		return nil
	}
	moved := map[string]*mailbox{}
	for name, m := range u.mailboxes {
		if name != from && !strings.HasPrefix(name, below) {
			continue
		}
		renamed := to + strings.TrimPrefix(name, from)
		if u.mailboxes[renamed] != nil {
			return no(imap.ResponseCodeAlreadyExists, "Mailbox already exists")
		}
		moved[renamed] = m
	}
	for name, m := range moved {
		delete(u.mailboxes, m.rename(name))
	}
	for name, m := range moved {
		u.mailboxes[name] = m
	}
	return nil
}

func no(code imap.ResponseCode, text string) error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: text}
}
