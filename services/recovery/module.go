package recovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"time"

	"centinela/openapi/gen/recoveryapi"
	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/httpapi"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/objection"
	"centinela/services/recovery/internal/peers"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/review"
	"centinela/services/recovery/internal/store/mongo"
	"centinela/services/recovery/internal/store/sqlite"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/access"
	counters "centinela/shared/limits"
	"centinela/shared/module"
	"centinela/shared/outbox"
	"centinela/shared/secret"
	"centinela/shared/sweep"
)

// Module is the recovery service. It is a module.Module.
type Module struct {
	deps    module.Deps
	store   backend
	wallets *wallet.Service
	claims  *claim.Service
	budget  *limits.Budget
	courier *post.Courier
	people  *access.Verifier
	shipper *outbox.Shipper
	handler http.Handler
}

var _ module.Module = (*Module)(nil)

// backend is what either store is.
type backend interface {
	wallet.Store
	claim.Store
	objection.Store
	post.Store
	post.Inbox
	outbox.Log
	Counters() counters.Store
	Ready(ctx context.Context) error
	Close(ctx context.Context) error
}

// New opens the store and the key (made when missing, in development only) and
// wires the service. Errors are one line and say what to do.
func New(ctx context.Context, cfg Config, deps module.Deps) (*Module, error) {
	store, err := open(ctx, deps.Store)
	if err != nil {
		return nil, err
	}
	m, err := build(ctx, cfg, deps, store)
	if err != nil {
		return nil, errors.Join(err, store.Close(ctx))
	}
	return m, nil
}

func open(ctx context.Context, s module.Store) (backend, error) {
	switch s.Engine {
	case module.EngineSQLite:
		return sqlite.Open(ctx, filepath.Join(s.Dir, databaseFile), s.SQLite()...)
	case module.EngineMongoDB:
		return mongo.Open(ctx, s.URI.Reveal(), s.Database)
	}
	return nil, fmt.Errorf("store.engine: %q is neither %s nor %s", s.Engine, module.EngineSQLite, module.EngineMongoDB)
}

func build(ctx context.Context, cfg Config, deps module.Deps, store backend) (*Module, error) {
	if deps.FreshSignIn <= 0 {
		return nil, errors.New("auth.sign_in.fresh: must be > 0")
	}
	policy, err := cfg.policy()
	if err == nil {
		err = store.KeepPolicy(ctx, policy.Hash(), policy.Text())
	}
	if err != nil {
		return nil, err
	}
	key, err := secret.LoadKey(filepath.Join(deps.KeyDir, sealKey), deps.Development)
	if err != nil {
		return nil, err
	}
	budget, err := limits.New(store.Counters(), key, deps.Clock, cfg.Budget)
	if err != nil {
		return nil, err
	}
	carrier, err := newCarrier(cfg.SMS, deps, store)
	if err != nil {
		return nil, err
	}
	spec, err := recoveryapi.Spec()
	if err != nil {
		return nil, err
	}
	shipper := deps.Shipper(store)
	courier := post.NewCourier(store, key, carrier.sender, deps.Clock, deps.Log, shipper.Kick)
	kick := func() { shipper.Kick(); courier.Kick() }
	writer := post.NewWriter(key, cfg.OriginHost)
	auth := peers.NewAuth(deps.Client(module.Auth))
	wallets := wallet.New(wallet.Options{
		Store: store, Accounts: auth, Policy: policy, Budget: budget, Writer: writer, Key: key, Clock: deps.Clock,
		FreshSignIn: deps.FreshSignIn, Kick: kick,
	})
	claims := claim.New(claim.Options{
		Store: store, Wallets: wallets, Accounts: auth, Places: peers.NewAudit(deps.Client(module.Audit)), Policy: policy, Budget: budget, Writer: writer, Key: key,
		Clock: deps.Clock, PublicURL: cmp.Or(cfg.PublicURL, deps.PublicURL), AnswerAfter: cfg.AnswerAfter, Kick: kick,
	})
	objections := objection.New(objection.Options{
		Store: store, Wallets: wallets, Claims: claims, Policy: policy, Clock: deps.Clock,
	})
	people := deps.People()
	server := deps.Server(spec, people)
	api := &httpapi.API{
		Wallets: wallets, Claims: claims, Objections: objections, Courier: courier, Owners: review.Owners{Store: store, Clock: deps.Clock},
		Inbox: carrier.inbox, Inbound: carrier.inbound, Status: carrier.status,
	}
	api.Register(server.Engine())
	return &Module{
		deps: deps, store: store, wallets: wallets, claims: claims, budget: budget, courier: courier, people: people, shipper: shipper,
		handler: server.Handler(),
	}, nil
}

const databaseFile = "recovery.db"

// Handler serves openapi/recovery.yaml.
func (m *Module) Handler() http.Handler { return m.handler }

// Ready is nil while the store can be written to and revocations are heard of.
func (m *Module) Ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return errors.Join(m.store.Ready(ctx), m.people.Ready())
}

const (
	lookEach  = time.Second // in real time: how often the (perhaps travelled) clock is looked at
	pruneEach = 10 * time.Minute
)

// Run ships events, sends texts, and does what happens by time alone, until ctx ends.
func (m *Module) Run(ctx context.Context) error {
	group := m.deps.Background()
	group.Go(ctx, "outbox", m.shipper.Run)
	group.Go(ctx, "courier", m.courier.Run)
	group.Go(ctx, "people", m.people.Run)
	group.Go(ctx, "revocations", m.people.Revocations().Run)
	group.Every(ctx, lookEach, "wallets", m.wallets.Sweep)
	group.Every(ctx, lookEach, "recoveries", m.claims.Sweep)
	group.Every(ctx, pruneEach, "prune", m.pruner())
	group.Wait()
	return nil
}

// pruner is prune that lets its first turn out: a start after an outage has better
// things to do (GR G1).
func (m *Module) pruner() func(ctx context.Context) error {
	rested := false
	return func(ctx context.Context) error {
		if !rested {
			rested = true
			return nil
		}
		return m.prune(ctx)
	}
}

// prune forgets what is over, in small pieces, so that nobody who writes waits for
// long (GR G1).
func (m *Module) prune(ctx context.Context) error {
	now := m.deps.Clock.Now()
	until := func(at time.Time, rows func(ctx context.Context, at time.Time, limit int) (int, error)) func(context.Context, int) (int, error) {
		return func(ctx context.Context, limit int) (int, error) { return rows(ctx, at, limit) }
	}
	sent := now.Add(-post.KeepFinished)
	var errs []error
	for _, some := range []func(context.Context, int) (int, error){
		until(now, m.store.PruneFlows), until(sent, m.store.PruneTexts), until(sent, m.store.PruneInbox), m.budget.Prune,
	} {
		_, err := sweep.InPieces(ctx, sweep.Pause, some)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Close closes the store.
func (m *Module) Close(ctx context.Context) error { return m.store.Close(ctx) }

// sealKey is the file in the key folder that seals numbers and keys codes.
const sealKey = "recovery-seal.key"

// Keys are the key files of this service beside its service key.
func Keys() []secret.KeyFile {
	return []secret.KeyFile{{
		Name: sealKey, For: "seals phone numbers and makes codes unreadable in the database",
		Lost: "every phone number of everybody: nobody can be texted, and no recovery by SMS is possible until numbers are proved anew",
	}}
}

// Schema is the migrations of the embedded database: what a restored one must fit.
func Schema() (fs.FS, error) { return sqlite.Schema() }
