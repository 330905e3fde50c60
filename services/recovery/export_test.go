package recovery

import (
	"context"
	"errors"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/limits"
	"centinela/shared/module"
)

// NewFaulty is New with a store that panics, whatever it is asked for in a
// request: the fault that R3 must survive.
func NewFaulty(ctx context.Context, cfg Config, deps module.Deps) (*Module, error) {
	store, err := open(ctx, deps.Store)
	if err != nil {
		return nil, err
	}
	return build(ctx, cfg, deps, faulty{store})
}

type faulty struct{ backend }

const planted = "planted by a test"

func (faulty) Wallet(context.Context, string) (wallet.Wallet, error) { panic(planted) }
func (faulty) Flow(context.Context, string) (claim.Flow, error)      { panic(planted) }
func (faulty) UpdateWallet(context.Context, string, func(*wallet.Wallet) (post.Effects, error)) error {
	panic(planted)
}
func (faulty) FlowByVetoToken(context.Context, string) (claim.Flow, error)        { panic(planted) }
func (faulty) OpenFlows(context.Context, string, time.Time) ([]claim.Flow, error) { panic(planted) }
func (faulty) WalletsByNumber(context.Context, string) ([]wallet.Wallet, error)   { panic(planted) }
func (faulty) Kept(context.Context, string, int) ([]post.KeptText, error)         { panic(planted) }

// Counters counts nothing.
func (faulty) Counters() limits.Store { return uncounted{} }

type uncounted struct{}

func (uncounted) Update(context.Context, []string, func([]limits.Counter)) error { panic(planted) }
func (uncounted) Prune(context.Context, time.Time, int) (int, error)             { panic(planted) }

// In the background too.
func (faulty) DueWallets(context.Context, time.Time, int) ([]due.Item, error) { panic(planted) }
func (faulty) DueFlows(context.Context, time.Time, int) ([]due.Item, error)   { panic(planted) }

func (faulty) ClaimTexts(context.Context, time.Time, time.Duration, int) ([]post.Text, error) {
	panic(planted)
}

// Sweep runs what is due by time alone, now.
func (m *Module) Sweep(ctx context.Context) error {
	return errors.Join(m.wallets.Sweep(ctx), m.claims.Sweep(ctx))
}

// Prune forgets what is over, now.
func (m *Module) Prune(ctx context.Context) error { return m.prune(ctx) }

// Flow is a flow as it is stored.
func (m *Module) Flow(ctx context.Context, id string) (claim.Flow, error) {
	return m.store.Flow(ctx, id)
}

// RunStill is Run without what changes the store by itself.
func (m *Module) RunStill(ctx context.Context) error {
	group := m.deps.Background()
	group.Go(ctx, "people", m.people.Run)
	group.Go(ctx, "revocations", m.people.Revocations().Run)
	group.Wait()
	return nil
}

// SendDue sends the texts that are due.
func (m *Module) SendDue(ctx context.Context) error { return m.courier.SendDue(ctx) }
