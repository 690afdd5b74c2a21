package transport

import (
	"errors"
	"fmt"
	"time"

	"github.com/tinylib/msgp/msgp"

	"alphamail/node/api"
)

//go:generate go tool -modfile=../../../tools/go.mod msgp -unexported -io=false -tests=false -file=frame.go -o=frame_msgp.go

// frame stands before every question, and alone in a cancellation.
type frame struct {
	// Version and MinVersion are the protocol versions that the asker speaks.
	// Without a MinVersion it speaks Version alone.
	Version    int `msg:"version"`
	MinVersion int `msg:"min_version,omitempty"`
	// ID names the question, unique among all of all askers; a cancellation
	// repeats the one that it cancels. A question without one cannot be
	// cancelled.
	ID string `msg:"id,omitempty"`
	// RemainingMS is the time left in milliseconds; 0 when the asker set no
	// deadline.
	RemainingMS int64    `msg:"remaining_ms,omitempty"`
	Call        api.Call `msg:"call"`
}

// hello answers a ping: the protocol versions that the server speaks.
type hello struct {
	Version    int `msg:"version"`
	MinVersion int `msg:"min_version"`
}

// failure is an api.Error without its cause.
type failure struct {
	Code         string `msg:"code"`
	Message      string `msg:"message"`
	Owner        string `msg:"owner,omitempty"`
	Digest       uint64 `msg:"digest,omitempty"`
	RetryAfterMS int64  `msg:"retry_after_ms,omitempty"`
}

// maxIDLength bounds frame.ID in bytes.
const maxIDLength = 64

// validate checks what arrived from outside.
func (f *frame) validate() error {
	minVersion := f.MinVersion
	if minVersion == 0 {
		minVersion = f.Version
	}
	if err := overlap(minVersion, f.Version); err != nil {
		return err
	}
	if len(f.ID) > maxIDLength {
		return errMalformed(errors.New("the id of a frame is too long"))
	}
	return nil
}

// overlap checks that a peer speaks a version of the protocol that we speak.
// The protocol only grows and unknown fields are ignored, so one is enough.
func overlap(minVersion, version int) error {
	if version < api.MinVersion || minVersion > api.Version {
		return api.NewError(api.CodeUnsupported, versionsApart,
			fmt.Errorf("a peer speaks versions %d to %d", minVersion, version))
	}
	return nil
}

const versionsApart = "The servers of this site run versions that do not fit together."

// remaining is the time that a server may take, at most limit.
func (f *frame) remaining(limit time.Duration) time.Duration {
	if f.RemainingMS <= 0 || f.RemainingMS > limit.Milliseconds() {
		return limit
	}
	return time.Duration(f.RemainingMS) * time.Millisecond
}

func errMalformed(cause error) error {
	return api.NewError(api.CodeInvalid, "The request was malformed.", cause)
}

// decode reads one value and returns what follows it.
func decode(body []byte, value msgp.Unmarshaler) (rest []byte, err error) {
	// Walking over the value first proves that every length in it is covered by
	// bytes that are there: generated code allocates what lengths promise.
	if rest, err = msgp.Skip(body); err != nil {
		return nil, errMalformed(err)
	}
	if _, err = value.UnmarshalMsg(body[:len(body)-len(rest)]); err != nil {
		return nil, errMalformed(err)
	}
	return rest, nil
}

// decodeFrame reads and checks a frame and returns the question that follows.
func decodeFrame(body []byte, f *frame) (question []byte, err error) {
	if question, err = decode(body, f); err != nil {
		return nil, err
	}
	return question, f.validate()
}

// encode appends values one after the other.
func encode(values ...msgp.Marshaler) (body []byte, err error) {
	for _, value := range values {
		if body, err = value.MarshalMsg(body); err != nil {
			return nil, api.NewError(api.CodeInternal, "Something went wrong on our side.", err)
		}
	}
	return body, nil
}
