package auth

import (
	"context"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/shared/module"
	"centinela/shared/secret"
)

// NewFaulty is New with a store whose listed calls panic: the fault that R3 must survive.
func NewFaulty(ctx context.Context, cfg Config, deps module.Deps) (*Module, error) {
	store, err := open(ctx, deps.Store)
	if err != nil {
		return nil, err
	}
	return build(cfg, deps, faulty{store})
}

type faulty struct{ backend }

func (faulty) Session(context.Context, string) (account.Session, error) { panic("planted by a test") }

// NewFaultyLoop is New with a store whose sweep panics.
func NewFaultyLoop(ctx context.Context, cfg Config, deps module.Deps) (*Module, error) {
	store, err := open(ctx, deps.Store)
	if err != nil {
		return nil, err
	}
	return build(cfg, deps, faultyLoop{store})
}

type faultyLoop struct{ backend }

func (faultyLoop) Sweep(context.Context, time.Time) error { panic("planted by a test") }

// HashOnce is one argon2 at the cost of the config, and nothing else.
func (m *Module) HashOnce(ctx context.Context, password secret.String) error {
	_, err := m.hasher.Hash(ctx, account.Familiar, password)
	return err
}

// FreshOnly is the table of internal/account.
func FreshOnly() map[string]bool { return account.FreshOnly }
