package frontend

import (
	"context"

	"alphamail/node/api"
	"alphamail/node/api/transport"
)

// Placement tells which node owns an account. Its answers may change between
// calls.
type Placement interface {
	// Owner is the node that owns an account; false when there is no node.
	Owner(account string) (node string, ok bool)
	// Successor is the owner in a ring without the suspect.
	Successor(account, suspect string) (node string, ok bool)
	// Digest identifies the table in force.
	Digest() uint64
}

// Nodes gives access to nodes by name.
type Nodes interface {
	// Service is how to ask a node; false when nobody of that name is known.
	Service(node string) (api.Service, bool)
}

// router finds the node that answers for an account.
type router struct {
	placement Placement
	nodes     Nodes
}

// do puts a question to the owner of an account and returns the node that
// answered.
//
// A wrong owner names the right one, which is asked once. A node that cannot be
// reached is suspected, and its successor is asked; a slow answer is never
// suspicion. Every question of today's protocol may be asked twice: those that
// change more than a flag or a session recognise their operation, or are told that
// they are repeated and look what was done.
func (r router) do(ctx context.Context, call *api.Call, account string, ask func(context.Context, api.Service, *api.Call) error) (node string, err error) {
	call.RingDigest = r.placement.Digest()
	node, ok := r.placement.Owner(account)
	if !ok {
		return "", noNode(nil)
	}
	err = r.ask(ctx, node, call, ask)
	if known := api.AsError(err); known != nil && known.Code == api.CodeNotOwner {
		node = known.Owner
		call.Hops++
		err = r.ask(ctx, node, call, ask)
	}
	if gone(err) && !transport.IsUnreachable(err) {
		// Perhaps only a kept connection to a former process of that node broke.
		call.Repeated = true
		err = r.ask(ctx, node, call, ask)
	}
	if gone(err) && ctx.Err() == nil {
		suspect := node
		if node, ok = r.placement.Successor(account, suspect); !ok {
			return suspect, err
		}
		call.Suspect = suspect
		err = r.ask(ctx, node, call, ask)
	}
	return node, err
}

func (r router) ask(ctx context.Context, node string, call *api.Call, ask func(context.Context, api.Service, *api.Call) error) error {
	service, ok := r.nodes.Service(node)
	if !ok {
		return noNode(nil)
	}
	return ask(ctx, service, call)
}

func gone(err error) bool {
	known := api.AsError(err)
	return known != nil && known.Code == api.CodeNodeDown
}

func noNode(cause error) error {
	return api.NewError(api.CodeNodeDown, "No part of AlphaMail that keeps this account can be reached.", cause)
}
