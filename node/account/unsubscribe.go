package account

import (
	"context"

	"alphamail/mime"
	"alphamail/node/api"
)

// Unsubscriber tells a host that somebody leaves a list.
type Unsubscriber interface {
	// Unsubscribe sends the request of RFC 8058 to a link, once.
	Unsubscribe(ctx context.Context, link string) (api.UnsubscribeProblem, error)
}

// Unsubscribe tells the list of a message that the user leaves it. Where to, the
// message says, and never the question. Errors: as Message, invalid, busy.
func (a *Account) Unsubscribe(ctx context.Context, question *api.UnsubscribeQuestion) (*api.UnsubscribeAnswer, error) {
	if a.config.Unsubscriber == nil {
		return nil, errNoOneClick
	}
	id := question.ID
	id.Mailbox = canonicalMailbox(id.Mailbox)
	var way mime.Unsubscribing
	err := a.onMessage(ctx, id, func(ctx context.Context, _ int) error {
		message, err := a.load(ctx, id)
		if err == nil {
			way = mime.Unsubscribe(message.Header, a.backend.AuthenticationHosts)
		}
		return err
	}, func(x *index, _ int) bool {
		message := a.loadKnown(x, id)
		if message != nil {
			way = mime.Unsubscribe(message.Header, a.backend.AuthenticationHosts)
		}
		return message != nil
	})
	if err != nil {
		return nil, err
	}
	if !way.OneClick {
		return nil, errNoOneClick
	}
	problem, err := a.config.Unsubscriber.Unsubscribe(ctx, way.Link) // others have the turn meanwhile
	if err != nil {
		return nil, err
	}
	a.log.Info("told a list that its reader leaves", "host", way.Host(), "problem", string(problem))
	return &api.UnsubscribeAnswer{Host: way.Host(), Problem: problem}, nil
}

var errNoOneClick = api.NewError(api.CodeInvalid, "This list does not take that.", nil)

// newUnsubscribe is how to leave a list, for a page; nil where nothing says so.
func newUnsubscribe(way mime.Unsubscribing) *api.Unsubscribe {
	if way.Link == "" && way.Mailto == "" {
		return nil
	}
	return &api.Unsubscribe{OneClick: way.OneClick, Link: way.Link, Mailto: way.Mailto}
}

// oneClick takes back what a view promises where this node does not do it.
func (a *Account) oneClick(shown *api.Unsubscribe) *api.Unsubscribe {
	if shown == nil || !shown.OneClick || a.config.Unsubscriber != nil {
		return shown
	}
	other := *shown
	other.OneClick = false
	return &other
}
