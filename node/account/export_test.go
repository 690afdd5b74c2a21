package account

import (
	"context"

	"alphamail/node/api"
)

// What the parts of this package offer each other, for their tests.

func (a *Account) Identities(ctx context.Context) ([]api.Identity, error) { return a.identities(ctx) }
func (a *Account) Usual(ctx context.Context) (api.Settings, error)        { return a.settings(ctx) }
func (a *Account) Collect(ctx context.Context, used []api.Address) error  { return a.collect(ctx, used) }
