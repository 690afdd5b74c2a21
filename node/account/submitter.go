package account

import (
	"context"
	"errors"
	"io"

	"alphamail/mime/compose"
)

// Submitter hands messages to a server that sends them (RFC 6409).
type Submitter interface {
	// Dial connects and logs in. Its errors, as those of Submission.Send, are among
	// those that follow; any other means that nothing was sent.
	Dial(ctx context.Context, user, password string) (Submission, error)
}

// Submission is a connection to the server, for one message.
type Submission interface {
	// Features are what a message may need.
	Features() compose.Server
	// Size is the largest message that the server takes, in bytes; 0 when it does
	// not say.
	Size() int64
	// Send sends a message. Recipients that are refused do not keep others from
	// getting it.
	Send(ctx context.Context, message *Outgoing) (*Delivery, error)
	Close()
}

// Outgoing is a message on its way.
type Outgoing struct {
	From       string
	Recipients []string // of the envelope
	Needs      compose.Needs
	Size       int64
	Write      func(io.Writer) error
	// Confirm is called right before the message is final. Its error stops that:
	// nothing is sent then.
	Confirm func() error
}

// Delivery tells who gets the message.
type Delivery struct {
	Accepted []string
	Refused  []RefusedRecipient
}

// RefusedRecipient is one whom the server did not take.
type RefusedRecipient struct {
	Recipient string
	Enhanced  string // RFC 3463
	Text      string
}

// The kinds of failures.
var (
	ErrSubmitUnclear = errors.New("account: nobody knows whether the message was sent")
	ErrSubmitRefused = errors.New("account: the server refuses the message")
	ErrSubmitLogin   = errors.New("account: the server does not take the password")
	ErrSubmitBusy    = errors.New("account: the server asks to come back")
)
