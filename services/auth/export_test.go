package auth

import (
	"context"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/password"
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

// NewFaultyLoop is New with a store whose list of what is to be repaired panics.
func NewFaultyLoop(ctx context.Context, cfg Config, deps module.Deps) (*Module, error) {
	store, err := open(ctx, deps.Store)
	if err != nil {
		return nil, err
	}
	return build(cfg, deps, faultyLoop{store})
}

type faultyLoop struct{ backend }

func (faultyLoop) AccountsEnding(context.Context, account.Unfinished, int) ([]account.Unfinished, error) {
	panic("planted by a test")
}

// HashOnce is one argon2 at the cost of the config, and nothing else.
func (m *Module) HashOnce(ctx context.Context, typed secret.String) error {
	_, err := m.hasher.Hash(ctx, password.Familiar, typed)
	return err
}

// FreshOnly is the table of internal/account.
func FreshOnly() map[string]bool { return account.FreshOnly }
