package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"centinela/openapi/gen/authapi"
	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/httpapi"
	"centinela/services/auth/internal/signing"
	"centinela/services/auth/internal/store/mongo"
	"centinela/services/auth/internal/store/sqlite"
	"centinela/shared/access"
	"centinela/shared/module"
	"centinela/shared/outbox"
	"centinela/shared/secret"
)

// Module is the auth service. It is a module.Module.
type Module struct {
	deps    module.Deps
	store   backend
	service *account.Service
	hasher  *account.Hasher
	people  *access.Verifier
	shipper *outbox.Shipper
	handler http.Handler
}

var _ module.Module = (*Module)(nil)

// backend is what either store is.
type backend interface {
	account.Store
	outbox.Log
	Ping(ctx context.Context) error
	Close(ctx context.Context) error
}

// New opens the store and the keys (made when missing, in development only) and wires the service. Errors are one line
// and say what to do.
func New(ctx context.Context, cfg Config, deps module.Deps) (*Module, error) {
	store, err := open(ctx, deps.Store)
	if err != nil {
		return nil, err
	}
	m, err := build(cfg, deps, store)
	if err != nil {
		return nil, errors.Join(err, store.Close(ctx))
	}
	return m, nil
}

func open(ctx context.Context, s module.Store) (backend, error) {
	switch s.Engine {
	case module.EngineSQLite:
		return sqlite.Open(ctx, filepath.Join(s.Dir, "auth.db"))
	case module.EngineMongoDB:
		return mongo.Open(ctx, s.URI.Reveal(), s.Database)
	}
	return nil, fmt.Errorf("store.engine: %q is neither %s nor %s", s.Engine, module.EngineSQLite, module.EngineMongoDB)
}

func build(cfg Config, deps module.Deps, store backend) (*Module, error) {
	signer, err := secret.LoadSigner(filepath.Join(deps.KeyDir, signingKey), deps.Development)
	if err != nil {
		return nil, err
	}
	pepper, err := secret.LoadKey(filepath.Join(deps.KeyDir, pepperKey), deps.Development)
	if err != nil {
		return nil, err
	}
	others, err := otherKeys(deps.KeyDir)
	if err != nil {
		return nil, err
	}
	keys := signing.New(signer, others...)
	shipper := deps.Shipper(store)
	hasher := account.NewHasher(cfg.hashParams(), int64(cfg.Password.Memory)<<10, pepper)
	service := account.New(store, hasher, keys, pepper, deps.Clock, shipper.Kick, cfg.settings())
	m := &Module{
		deps: deps, store: store, service: service, hasher: hasher, shipper: shipper,
		people: access.NewVerifier(keys, deps.Clock),
	}
	m.handler, err = m.routes(keys)
	return m, err
}

// routes is deps.Server with one step more: after the person's token was verified, its session is looked up.
func (m *Module) routes(keys *signing.Keys) (http.Handler, error) {
	spec, err := authapi.Spec()
	if err != nil {
		return nil, err
	}
	api := httpapi.New(m.service, keys)
	server := m.deps.Server(spec, m.people, api.Admit)
	api.Register(server.Engine())
	return server.Handler(), nil
}

// Handler serves openapi/auth.yaml.
func (m *Module) Handler() http.Handler { return m.handler }

// Ready is nil when the store answers.
func (m *Module) Ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return m.store.Ping(ctx)
}

const (
	repairEvery = 10 * time.Second
	sweepEvery  = 10 * time.Minute
	keepFor     = 25 * time.Hour // longer than every counter's window
)

// Run ships events, finishes what a stopped process left, and deletes what is over, until ctx ends.
func (m *Module) Run(ctx context.Context) error {
	group := m.deps.Background()
	group.Go(ctx, "outbox", m.shipper.Run)
	group.Go(ctx, "people", m.people.Run)
	group.Go(ctx, "repair", func(ctx context.Context) error { return m.every(ctx, repairEvery, "repair", m.service.Repair) })
	group.Go(ctx, "sweep", func(ctx context.Context) error {
		return m.every(ctx, sweepEvery, "sweep", func(ctx context.Context) error {
			return m.store.Sweep(ctx, m.deps.Clock.Now().Add(-keepFor))
		})
	})
	group.Wait()
	return nil
}

// every works in real time. A failure is logged and tried again at the next turn: the service itself goes on.
func (m *Module) every(ctx context.Context, period time.Duration, what string, work func(context.Context) error) error {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		if err := work(ctx); err != nil && ctx.Err() == nil {
			m.deps.Log.Warn("auth: "+what+" failed, trying again", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Close closes the store; call it after Run returned.
func (m *Module) Close(ctx context.Context) error { return m.store.Close(ctx) }
