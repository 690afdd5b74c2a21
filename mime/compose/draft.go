// Package compose writes messages, as a stream: what its author has (RFC 5322,
// RFC 2045 and what belongs to them), and what replies and forwards begin with.
//
// The caller keeps what an attachment is made of; it is opened when it is
// written, perhaps twice, and never held as a whole. Everything that a user or
// another message supplies is made safe for its place: no text can become a
// field, a parameter or a boundary.
package compose

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"io"
	"strings"
	"time"

	"alphamail/mime"
)

// Draft is a message as its author has it.
type Draft struct {
	From mime.Address
	// Sender is who sends on behalf of From; empty when that is the same.
	Sender           mime.Address
	ReplyTo          []mime.Address
	To, Cc, Bcc      []mime.Address
	Subject          string
	Organization     string    // what From belongs to (RFC 5536 section 3.2.9)
	Date             time.Time // the zero time leaves it out, for drafts
	MessageID        string    // without angle brackets; empty leaves it out
	InReplyTo        []string  // without angle brackets, as References
	References       []string
	Text             string // lines end with "\n"
	HTML             string // the content of a body, written as it is; empty for a text message
	Inline           []Attachment
	Attachments      []Attachment
	RequestedReceipt bool // Disposition-Notification-To the author (RFC 8098)
}

// Attachment is a file of a message.
type Attachment struct {
	Name      string
	MediaType string // "application/octet-stream" when empty or no media type
	// ContentID names a picture that HTML shows by "cid:", without angle brackets.
	ContentID string
	// Open gives the content. It is called once or twice when the message is
	// written; what it gives is closed.
	Open func() (io.ReadCloser, error)
}

// Server is what the server that will take the message can do.
type Server struct {
	SMTPUTF8     bool // RFC 6531
	EightBitMIME bool // RFC 6152
}

// Needs is what a written message needs of a server.
type Needs struct{ SMTPUTF8, EightBitMIME bool }

// The errors of Write, besides those of the writer and of attachments.
var (
	// ErrAddress says that an address is none.
	ErrAddress = errors.New("compose: an address is not valid")
	// ErrNeedsSMTPUTF8 says that an address has letters that the server cannot
	// carry. (Those of a domain are no reason: they have an ASCII form.)
	ErrNeedsSMTPUTF8 = errors.New("compose: an address needs SMTPUTF8, which the server does not offer")
)

// NewMessageID makes a Message-ID, without angle brackets. The domain should be
// one of ours; nothing in the rest says who, when or where.
func NewMessageID(domain string) string {
	domain = asciiDomain(domain)
	if domain == "" || !isDomain(domain) {
		domain = "localhost"
	}
	return randomText(16) + "@" + domain
}

// randomText is a name that nobody can guess, of so many bytes of chance.
func randomText(bytes int) string {
	chance := make([]byte, bytes)
	_, _ = rand.Read(chance) // never fails
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(chance))
}
