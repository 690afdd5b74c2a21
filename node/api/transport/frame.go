package transport

import (
	"time"

	"alphamail/node/api"
)

//go:generate go tool -modfile=../../../tools/go.mod msgp -io=false -tests=false -unexported -file=frame.go -o=frame_msgp.go

// frame precedes every question.
type frame struct {
	Version int `msg:"version"`
	// ID names the question for Cancel: unique to the client.
	ID string `msg:"id"`
	// Remaining is the time left for the answer, in milliseconds; 0 means that
	// the asker named none.
	Remaining int64    `msg:"remaining"`
	Call      api.Call `msg:"call"`
}

// failure is an api.Error on the wire. Its cause stays where it happened.
type failure struct {
	Code       string `msg:"code"`
	Message    string `msg:"message"`
	Owner      string `msg:"owner,omitempty"`
	Digest     uint64 `msg:"digest,omitempty"`
	RetryAfter int64  `msg:"retry_after,omitempty"` // milliseconds
}

func newFailure(err *api.Error) *failure {
	return &failure{
		Code: string(err.Code), Message: err.Message, Owner: err.Owner, Digest: err.Digest,
		RetryAfter: err.RetryAfter.Milliseconds(),
	}
}

func (f *failure) err() *api.Error {
	return &api.Error{
		Code: api.Code(f.Code), Message: f.Message, Owner: f.Owner, Digest: f.Digest,
		RetryAfter: time.Duration(f.RetryAfter) * time.Millisecond,
	}
}

const (
	statusFailure = 422
	pathPrefix    = "/v1/"
	cancelCommand = "cancel"
	// maxAnswer bounds an answer that is not a stream, in bytes.
	maxAnswer = 16 << 20
	// maxTimeout bounds what a frame may ask for.
	maxTimeout = 5 * time.Minute
)
