package account

import (
	"context"
	"errors"

	"centinela/services/auth/internal/name"
)

// Facts is what recovery decides on.
type Facts struct {
	Account
	DeviceKnown bool
}

// Lookup finds an account by what a person typed as user name; found is false for an unknown one. Both take one look
// into an index. device is the hex hash of the claimant's device key.
func (s *Service) Lookup(ctx context.Context, identifier, device string) (Facts, bool, error) {
	return factsOf(device)(s.Store.AccountByName(ctx, name.Key(identifier)))
}

// FactsOf is Lookup by id.
func (s *Service) FactsOf(ctx context.Context, account, device string) (Facts, bool, error) {
	return factsOf(device)(s.Store.Account(ctx, account))
}

func factsOf(device string) func(Account, error) (Facts, bool, error) {
	return func(a Account, err error) (Facts, bool, error) {
		if errors.Is(err, ErrNotFound) {
			return Facts{}, false, nil
		}
		return Facts{Account: a, DeviceKnown: a.Knows(device)}, err == nil, err
	}
}
