package recovery

import (
	"context"

	"centinela/services/recovery/internal/recovery"
	"centinela/shared/module"
)

// NewFaulty is New with a store whose Wallet panics: the fault that R3 must survive.
func NewFaulty(ctx context.Context, cfg Config, deps module.Deps) (*Module, error) {
	store, err := open(ctx, deps.Store)
	if err != nil {
		return nil, err
	}
	return build(cfg, deps, faulty{store})
}

type faulty struct{ backend }

func (faulty) Wallet(context.Context, string) (recovery.Wallet, error) { panic("planted by a test") }

// Sweep runs what is due by time alone, now.
func (m *Module) Sweep(ctx context.Context) error { return m.service.Sweep(ctx) }

// Flow is a flow as it is stored.
func (m *Module) Flow(ctx context.Context, id string) (recovery.Flow, error) {
	return m.store.Flow(ctx, id)
}
