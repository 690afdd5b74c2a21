package transport

import (
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"alphamail/node/api"
)

// statusFailure is the HTTP status of every failure that the server tells of.
// Which one it is stands in the body.
const statusFailure = fasthttp.StatusUnprocessableEntity

func encodeFailure(err error) []byte {
	known := api.AsError(err)
	sent := failure{
		Code: string(known.Code), Message: known.Message,
		Owner: known.Owner, Digest: known.Digest, RetryAfterMS: known.RetryAfter.Milliseconds(),
	}
	body, _ := sent.MarshalMsg(nil) // strings and numbers cannot fail
	return body
}

// decodeFailure reads what encodeFailure wrote. It always returns an error.
func decodeFailure(body []byte) error {
	var received failure
	if _, err := decode(body, &received); err != nil {
		return errBroken(err)
	}
	return &api.Error{
		Code: api.Code(received.Code), Message: received.Message,
		Owner: received.Owner, Digest: received.Digest,
		RetryAfter: time.Duration(received.RetryAfterMS) * time.Millisecond,
	}
}

// unreachable is the cause of failures that happened before anything was sent.
type unreachable struct{ error }

func (u unreachable) Unwrap() error { return u.error }

// IsUnreachable tells whether an error of a Client means that no connection to
// the server came about, so that the question certainly was not received.
func IsUnreachable(err error) bool {
	var u unreachable
	return errors.As(err, &u)
}

// Unreachable is the error of a question that certainly was not received.
func Unreachable(cause error) error { return fromHTTP(unreachable{cause}) }

// errBroken is a failure after sending: whether the question was received, and
// acted upon, is not known.
func errBroken(cause error) error {
	return api.NewError(api.CodeNodeDown, "A server of this site stopped answering.", cause)
}

// fromHTTP turns an error of the HTTP client into one of the protocol.
func fromHTTP(err error) error {
	switch {
	case IsUnreachable(err):
		return api.NewError(api.CodeNodeDown, "A server of this site cannot be reached.", err)
	case errors.Is(err, fasthttp.ErrNoFreeConns):
		return &api.Error{Code: api.CodeBusy, Message: "Too many people are asking at once.", RetryAfter: retryAfter, Cause: err}
	case errors.Is(err, fasthttp.ErrTimeout):
		return api.NewError(api.CodeDeadline, "The answer took too long.", err)
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return api.NewError(api.CodeTooLarge, "The answer is too large.", err)
	default:
		return errBroken(err)
	}
}
