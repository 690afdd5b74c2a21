package submit

import (
	"errors"
	"strconv"
)

// Kind is what a failure means for the message.
type Kind int

// The kinds of failures. With all but Unclear, the message was certainly not sent.
const (
	// NotSent: the server could not be asked, or the caller ended it. It may be
	// tried again.
	NotSent Kind = iota + 1
	// Refused: the server does not take it, now or later.
	Refused
	// Authentication: the server wants other credentials, or some at all.
	Authentication
	// Busy: the server does not take it at the moment.
	Busy
	// Unclear: the connection broke after the final dot began and before its answer
	// was read. The message may have been sent.
	Unclear
)

var kindNames = map[Kind]string{
	NotSent: "not sent", Refused: "refused", Authentication: "login refused", Busy: "refused for now", Unclear: "may have been sent",
}

// String names the kind.
func (k Kind) String() string { return kindNames[k] }

// Error is the failure of Dial or Send.
type Error struct {
	Kind Kind
	// Step is where it failed: "connect", "greeting", the name of a command, "body",
	// "confirm" or "final dot".
	Step string
	// Code and Enhanced are the server's answer: its code, such as 550, 0 when there
	// was none; and its enhanced code (RFC 3463), such as "5.1.1", if it gave one.
	Code     int
	Enhanced string
	// Text is what the server said, on one line, bounded and safe to show.
	Text string
	// Cause is why there is no answer.
	Cause error
}

// Error tells all but the server's words, which may repeat anything.
func (e *Error) Error() string {
	text := "submit: " + e.Step + ": " + e.Kind.String()
	if e.Code != 0 {
		text += ": " + strconv.Itoa(e.Code)
	}
	if e.Enhanced != "" {
		text += " " + e.Enhanced
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// KindOf is the kind of a failure, 0 for none; who is over his limits is Refused or
// Busy. Of an error that is not of this package nothing is known: Unclear.
func KindOf(err error) Kind {
	var known *Error
	var limited *LimitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &known):
		return known.Kind
	case errors.As(err, &limited) && limited.After == 0:
		return Refused
	case limited != nil:
		return Busy
	default:
		return Unclear
	}
}

// The causes that are not those of the network.
var (
	ErrNoTLS      = errors.New("the server does not offer STARTTLS")
	ErrNoLogin    = errors.New("the server offers no login that is known here")
	ErrProtocol   = errors.New("the server does not speak SMTP")
	ErrOutOfStep  = errors.New("the server answers what it was not asked")
	ErrTooLong    = errors.New("the server's answer is too long")
	ErrNotUsable  = errors.New("the session has ended")
	errNotAllowed = errors.New("user name or password cannot be sent")
)

// failed is a failure without an answer.
func failed(step string, cause error) *Error { return &Error{Kind: NotSent, Step: step, Cause: cause} }

// refused is a failure that is the server's answer.
func refused(step string, a answer) *Error {
	return &Error{Kind: a.kind(), Step: step, Code: a.code, Enhanced: a.enhanced, Text: a.text()}
}
