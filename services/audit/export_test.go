package audit

import (
	"context"
	"errors"

	"centinela/shared/module"
)

// Backend is what a test may wrap: to plant a fault, or to die at a given moment.
type Backend = backend

// NewAround is New with a store that wrap has taken in hand.
func NewAround(ctx context.Context, cfg Config, deps module.Deps, wrap func(Backend) Backend) (*Module, error) {
	store, err := open(ctx, deps.Store)
	if err != nil {
		return nil, err
	}
	m, err := build(ctx, cfg, deps, wrap(store))
	if err != nil {
		return nil, errors.Join(err, store.Close(context.WithoutCancel(ctx)))
	}
	return m, nil
}
