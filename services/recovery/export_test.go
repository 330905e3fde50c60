package recovery

import (
	"context"
	"time"

	"centinela/services/recovery/internal/recovery"
	"centinela/shared/module"
)

// NewFaulty is New with a store that panics, whatever it is asked for in a
// request: the fault that R3 must survive.
func NewFaulty(ctx context.Context, cfg Config, deps module.Deps) (*Module, error) {
	store, err := open(ctx, deps.Store)
	if err != nil {
		return nil, err
	}
	return build(cfg, deps, faulty{store})
}

type faulty struct{ backend }

const planted = "planted by a test"

func (faulty) Wallet(context.Context, string) (recovery.Wallet, error) { panic(planted) }
func (faulty) Flow(context.Context, string) (recovery.Flow, error)     { panic(planted) }
func (faulty) UpdateWallet(context.Context, string, func(*recovery.Wallet) (recovery.Effects, error)) error {
	panic(planted)
}

func (faulty) Count(context.Context, string, time.Time, time.Duration) (int, error) { panic(planted) }

func (faulty) FlowByVetoToken(context.Context, string) (recovery.Flow, error) { panic(planted) }

func (faulty) OpenFlows(context.Context, string, time.Time) ([]recovery.Flow, error) {
	panic(planted)
}
func (faulty) WalletsByNumber(context.Context, string) ([]recovery.Wallet, error) { panic(planted) }
func (faulty) Kept(context.Context, string, int) ([]recovery.KeptText, error)     { panic(planted) }

// In the background too.
func (faulty) Due(context.Context, time.Time, int) ([]string, []string, error) { panic(planted) }

func (faulty) ClaimTexts(context.Context, time.Time, time.Duration, int) ([]recovery.Text, error) {
	panic(planted)
}

// Sweep runs what is due by time alone, now.
func (m *Module) Sweep(ctx context.Context) error { return m.service.Sweep(ctx) }

// Flow is a flow as it is stored.
func (m *Module) Flow(ctx context.Context, id string) (recovery.Flow, error) {
	return m.store.Flow(ctx, id)
}
