package api

import (
	"context"
	"errors"
	"time"
)

// Code tells a caller what kind of failure happened and so what it can do.
type Code string

// The codes of the protocol. A reader treats an unknown one as CodeInternal.
const (
	CodeNotOwner    Code = "not_owner"    // another node owns the account: ask Owner once
	CodeAuthFailed  Code = "auth_failed"  // wrong user or password
	CodeAuthExpired Code = "auth_expired" // the session has ended or its seal does not open: log in again
	CodeNotFound    Code = "not_found"    // no such mailbox, message or part, or no longer
	CodeConflict    Code = "conflict"     // the mailbox was replaced (UIDVALIDITY) or changed meanwhile
	CodeTooLarge    Code = "too_large"    // over a limit
	CodeBusy        Code = "busy"         // overloaded: try again after RetryAfter
	CodeThrottled   Code = "throttled"    // too many attempts have failed: try again after RetryAfter
	CodeBackendDown Code = "backend_down" // the mail server cannot be reached or does not answer
	CodeNodeDown    Code = "node_down"    // no node could be reached
	CodeInvalid     Code = "invalid"      // the question makes no sense
	CodeUnsupported Code = "unsupported"  // unknown command or protocol version
	CodeDeadline    Code = "deadline"     // the time ran out
	CodeCanceled    Code = "canceled"     // the asker went away
	CodeInternal    Code = "internal"     // a defect; the log has details under the request id
)

// Error is a failure that crosses the wire. Message is safe to show to a user:
// it holds no password, no mail and nothing of the inside.
type Error struct {
	Code    Code
	Message string
	// Owner and Digest come with CodeNotOwner: who owns the account by which table.
	Owner  string
	Digest uint64
	// RetryAfter comes with CodeBusy and CodeThrottled; 0 when nothing is known.
	RetryAfter time.Duration
	// Cause is for the log of the process where it happened. It is not sent.
	Cause error
}

// Error gives code and message; with the cause, for logs.
func (e *Error) Error() string {
	text := string(e.Code) + ": " + e.Message
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// NewError makes an error from a code, a sentence for the user and a cause for
// the log, which may be nil.
func NewError(code Code, message string, cause error) *Error {
	return &Error{Code: code, Message: message, Cause: cause}
}

// AsError turns any error into one of the protocol. A nil error stays nil;
// context errors become deadline and canceled; anything unknown is internal.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var known *Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.DeadlineExceeded):
		return NewError(CodeDeadline, "The answer took too long.", err)
	case errors.Is(err, context.Canceled):
		return NewError(CodeCanceled, "The request was cancelled.", err)
	default:
		return NewError(CodeInternal, "Something went wrong on our side.", err)
	}
}
