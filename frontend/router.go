package frontend

import (
	"context"
	"slices"

	"alphamail/node/api"
	"alphamail/node/api/transport"
)

// Placement tells which node owns an account. Its answers may change between
// calls.
type Placement interface {
	// Owner is the node that owns an account; false when there is no node.
	Owner(account string) (node string, ok bool)
	// Successor is the owner in a ring without the suspects; false when nobody is
	// left.
	Successor(account string, suspects ...string) (node string, ok bool)
	// Digest identifies the table in force.
	Digest() uint64
	// Members are the nodes of the table in force.
	Members() []string
}

// Nodes gives access to nodes by name.
type Nodes interface {
	// Service is how to ask a node; false when nobody of that name is known.
	Service(node string) (api.Service, bool)
}

// maxPassed bounds how often a question goes on to a successor, because one more node
// turned out to be gone. Those that are known to be silent are passed over at once.
const maxPassed = 3

// router finds the node that answers for an account.
type router struct {
	placement  Placement
	nodes      Nodes
	heartbeats *heartbeats
	budget     *budget
}

func newRouter(placement Placement, nodes Nodes, heartbeats *heartbeats) router {
	return router{placement, nodes, heartbeats, &budget{tries: firstTries}}
}

// do puts a question to the owner of an account and returns the node that
// answered.
//
// A wrong owner names the right one, which is asked once. A node that cannot be
// reached, or falls silent while it is asked, is suspected, and its successor is
// asked; a slow answer is never suspicion. Every question of today's protocol may
// be asked twice: those that change more than a flag or a session recognise their
// operation, or are told that they are repeated and look what was done.
func (r router) do(ctx context.Context, call *api.Call, account string, ask func(context.Context, api.Service, *api.Call) error) (node string, err error) {
	call.RingDigest = r.placement.Digest()
	node, ok := r.first(call, account)
	if !ok {
		return "", noNode(nil)
	}
	r.budget.earn()
	for passed := 0; ; {
		var received bool // perhaps, or even answered
		received, err = r.ask(ctx, node, call, ask)
		known := api.AsError(err)
		switch {
		case known == nil:
			return node, nil
		case known.Code == api.CodeNotOwner && call.Hops == 0:
			node = known.Owner
			call.Hops++
			continue
		case !gone(err) || ctx.Err() != nil || !r.budget.spend():
			return node, err
		}
		if received && !call.Repeated && !r.heartbeats.silent(node) {
			// Perhaps only a kept connection to a former process of that node broke.
			call.Repeated = true
			continue
		}
		call.Repeated = call.Repeated || received
		next, ok := r.pass(call, account, node)
		if passed++; !ok || passed > maxPassed {
			return node, err
		}
		node = next
	}
}

// first is whom to ask first: the owner, or who comes after it while it is silent.
// When everybody seems to be silent, it is perhaps we who hear nothing, and the
// owner is asked.
func (r router) first(call *api.Call, account string) (node string, ok bool) {
	owner, ok := r.placement.Owner(account)
	if !ok || !r.heartbeats.silent(owner) {
		return owner, ok
	}
	if node, ok = r.pass(call, account, owner); !ok || r.heartbeats.silent(node) {
		call.Suspects = nil
		return owner, true
	}
	return node, true
}

// pass suspects a node, and all others that are silent, and returns who comes after
// them.
func (r router) pass(call *api.Call, account, node string) (next string, ok bool) {
	if slices.Contains(call.Suspects, node) {
		return "", false
	}
	call.Suspects = append(call.Suspects, node)
	for _, other := range r.placement.Members() {
		if !slices.Contains(call.Suspects, other) && r.heartbeats.silent(other) {
			call.Suspects = append(call.Suspects, other)
		}
	}
	return r.placement.Successor(account, call.Suspects...)
}

// ask asks a node. It tells whether the node may have received the question.
func (r router) ask(ctx context.Context, node string, call *api.Call, ask func(context.Context, api.Service, *api.Call) error) (received bool, err error) {
	service, ok := r.nodes.Service(node)
	if !ok {
		return false, noNode(nil)
	}
	watched := r.heartbeats.watch(ctx, node)
	err = ask(watched, service, call)
	switch {
	case err == nil:
	case transport.IsUnreachable(err):
		r.heartbeats.suspect(node, err)
		return false, err
	case context.Cause(watched) == errSilent:
		return true, noNode(errSilent)
	}
	return true, err
}

func gone(err error) bool {
	known := api.AsError(err)
	return known != nil && known.Code == api.CodeNodeDown
}

func noNode(cause error) error {
	return api.NewError(api.CodeNodeDown, "No part of AlphaMail that keeps this account can be reached.", cause)
}
