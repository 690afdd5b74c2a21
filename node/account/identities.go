package account

import (
	"context"

	"alphamail/node/api"
)

// identities are who the user may write as; at least one.
func (a *Account) identities(context.Context) ([]api.Identity, error) {
	return []api.Identity{{ID: "default", Address: a.id}}, nil
}
