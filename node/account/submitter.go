package account

import (
	"context"

	"alphamail/mime/compose"
	"alphamail/node/submit"
)

// Submitter connects to a server that sends messages.
type Submitter interface {
	// Dial connects and logs in. Errors: *submit.Error.
	Dial(ctx context.Context, user, password string) (Submission, error)
}

// Submission is such a connection: what is used of a submit.Session.
type Submission interface {
	Features() compose.Server
	Size() int64
	Send(ctx context.Context, message submit.Message) (submit.Result, error)
	Close() error
}

var _ Submission = (*submit.Session)(nil)

// routed sends by the route of a domain.
type routed struct{ submit.Route }

func (r routed) Dial(ctx context.Context, user, password string) (Submission, error) {
	session, err := submit.Dial(ctx, r.Server, r.Credentials(user, password))
	if err != nil {
		return nil, err
	}
	return session, nil
}

// submitter is how the account sends; nil when it cannot.
func (a *Account) submitter() Submitter {
	switch {
	case a.backend.Submit != nil:
		return a.backend.Submit
	case a.backend.Submission.Server.Host != "":
		return routed{a.backend.Submission}
	}
	return nil
}
