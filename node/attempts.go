package node

import (
	"context"
	"time"

	"alphamail/node/api"
	"alphamail/node/throttle"
)

// attempts counts logins that failed. Each key has one owner in the cluster, so it
// is of no use to go from one frontend to the next.
type attempts struct {
	// pairs are an account and an address: who guesses waits soon, and nobody else.
	pairs *throttle.Throttle
	// accounts are guessed at from many addresses. Their owners have to wait then
	// too, so it takes much.
	accounts *throttle.Throttle
	// addresses are a campus behind one, or somebody who tries many accounts.
	addresses *throttle.Throttle
}

const (
	firstWait   = time.Second
	longestWait = time.Minute
	forgetAfter = 15 * time.Minute

	// How many times as many failures as an account and an address are allowed.
	perAccount = 10
	perAddress = 20
)

func newAttempts(free int) attempts {
	limit := func(times int) *throttle.Throttle {
		return throttle.New(throttle.Config{Free: times * free, First: firstWait, Most: longestWait, Forget: forgetAfter})
	}
	return attempts{limit(1), limit(perAccount), limit(perAddress)}
}

// try judges a password unless too many were wrong.
func (a attempts) try(call *api.Call, account string, judge func() error) error {
	address, known := api.AddressKey(call.ClientAddress)
	pair := account + " " + address
	if known {
		if wait := a.pairs.Try(pair); wait > 0 {
			return throttled(wait)
		}
	}
	if wait := a.accounts.Try(account); wait > 0 {
		a.pairs.Forgive(pair)
		return throttled(wait)
	}
	err := judge()
	switch failure := api.AsError(err); {
	case failure == nil:
		a.pairs.Succeeded(pair)
		a.accounts.Forgive(account) // others go on guessing
	case failure.Code != api.CodeAuthFailed:
		a.pairs.Forgive(pair)
		a.accounts.Forgive(account)
	}
	return err
}

func throttled(wait time.Duration) error {
	failure := api.NewError(api.CodeThrottled, "Too many attempts have failed. Please wait.", nil)
	failure.RetryAfter = wait
	return failure
}

// Attempt implements api.Service.
func (n *Node) Attempt(ctx context.Context, call *api.Call, question *api.AttemptQuestion) (*api.AttemptAnswer, error) {
	return answer(ctx, n, "attempt", call, func(context.Context) (*api.AttemptAnswer, error) {
		key, ok := api.AddressKey(question.Address)
		if !ok {
			return nil, api.NewError(api.CodeInvalid, "This is not an address.", nil)
		}
		if err := n.own(call, key); err != nil {
			return nil, err
		}
		if question.Failed {
			n.attempts.addresses.Failed(key)
			return &api.AttemptAnswer{}, nil
		}
		if wait := n.attempts.addresses.Wait(key); wait > 0 {
			return nil, throttled(wait)
		}
		return &api.AttemptAnswer{}, nil
	})
}
