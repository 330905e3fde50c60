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
	"centinela/services/auth/internal/password"
	"centinela/services/auth/internal/revoked"
	"centinela/services/auth/internal/signing"
	"centinela/services/auth/internal/store/mongo"
	"centinela/services/auth/internal/store/sqlite"
	"centinela/services/auth/internal/throttle"
	"centinela/shared/access"
	"centinela/shared/limits"
	"centinela/shared/module"
	"centinela/shared/outbox"
	"centinela/shared/secret"
	"centinela/shared/sweep"
)

// Module is the auth service. It is a module.Module.
type Module struct {
	deps     module.Deps
	store    backend
	service  *account.Service
	throttle *throttle.Throttle
	hasher   *password.Hasher
	people   *access.Verifier
	ended    *revoked.Log
	shipper  *outbox.Shipper
	handler  http.Handler
}

var _ module.Module = (*Module)(nil)

// backend is what either store is.
type backend interface {
	account.Store
	revoked.Store
	outbox.Log
	Counters() limits.Store
	SweepSessions(ctx context.Context, before time.Time, limit int) (int, error)
	Ready(ctx context.Context) error
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
		return sqlite.Open(ctx, filepath.Join(s.Dir, "auth.db"), s.SQLite()...)
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
	tries, err := throttle.New(store.Counters(), pepper, deps.Clock, cfg.throttle())
	if err != nil {
		return nil, err
	}
	keys := signing.New(signer, others...)
	m := &Module{
		deps: deps, store: store, throttle: tries, shipper: deps.Shipper(store), people: access.NewVerifier(keys, nil, deps.Clock),
		hasher: password.NewHasher(cfg.hashParams(), int64(cfg.Password.Memory)<<10, pepper),
		ended:  revoked.New(store, deps.Clock),
	}
	m.service = account.New(account.Deps{
		Store: store, Throttle: tries, Hasher: m.hasher, Issuer: keys, Key: pepper, Clock: deps.Clock, Kick: m.shipper.Kick,
		Ended: func(s account.Session) {
			m.ended.Add(revoked.Ended{Session: s.ID, At: s.EndedAt, AccessUntil: s.AccessUntil})
		},
	}, cfg.settings())
	m.handler, err = m.routes(keys)
	return m, err
}

// routes is deps.Server with one step more: after the person's token was verified, its session is looked up.
func (m *Module) routes(keys *signing.Keys) (http.Handler, error) {
	spec, err := authapi.Spec()
	if err != nil {
		return nil, err
	}
	api := httpapi.New(m.service, m.ended, keys)
	server := m.deps.Server(spec, m.people, api.Admit)
	api.Register(server.Engine())
	return server.Handler(), nil
}

// Handler serves openapi/auth.yaml.
func (m *Module) Handler() http.Handler { return m.handler }

// Ready is nil while the store can be written to.
func (m *Module) Ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return m.store.Ready(ctx)
}

const (
	repairEvery = 10 * time.Second
	sweepEvery  = 10 * time.Minute
	sweepFirst  = time.Minute    // after the start, which has enough to do
	keepFor     = 25 * time.Hour // sessions that are over
)

// Drain answers those who wait for ended sessions, so that their connections don't hold up the listener's shutdown.
func (m *Module) Drain() { m.ended.Drain() }

// Run ships events, finishes what a stopped process left, and deletes what is over, until ctx ends.
func (m *Module) Run(ctx context.Context) error {
	group := m.deps.Background()
	group.Go(ctx, "outbox", m.shipper.Run)
	group.Go(ctx, "people", m.people.Run)
	group.Every(ctx, revoked.ReadEvery, "ended sessions", m.ended.Refresh)
	group.Go(ctx, "repair", func(ctx context.Context) error { return m.every(ctx, 0, repairEvery, "repair", m.service.Repair) })
	group.Go(ctx, "sweep", func(ctx context.Context) error { return m.every(ctx, sweepFirst, sweepEvery, "sweep", m.sweep) })
	group.Wait()
	return nil
}

// sweep deletes what is over, a little at a time, so that nobody waits behind it (growth G1).
func (m *Module) sweep(ctx context.Context) error {
	before := m.deps.Clock.Now().Add(-keepFor)
	_, err := sweep.InPieces(ctx, sweep.Pause, func(ctx context.Context, limit int) (int, error) {
		return m.store.SweepSessions(ctx, before, limit)
	})
	if err != nil {
		return err
	}
	_, err = sweep.InPieces(ctx, sweep.Pause, m.throttle.Prune)
	return err
}

// every works in real time, first after a while. A failure is logged and tried again at the next turn: the service itself
// goes on.
func (m *Module) every(ctx context.Context, first, period time.Duration, what string, work func(context.Context) error) error {
	timer := time.NewTimer(first)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := work(ctx); err != nil && ctx.Err() == nil {
			m.deps.Log.Warn("auth: "+what+" failed, trying again", "error", err.Error())
		}
		timer.Reset(period)
	}
}

// Close closes the store; call it after Run returned.
func (m *Module) Close(ctx context.Context) error { return m.store.Close(ctx) }
