package audit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/openapi/gen/auditapi"
	"centinela/services/audit/internal/firewall"
	"centinela/services/audit/internal/httpapi"
	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/openings"
	"centinela/services/audit/internal/places"
	"centinela/services/audit/internal/rules"
	"centinela/services/audit/internal/store/mongo"
	"centinela/services/audit/internal/store/sqlite"
	"centinela/shared/access"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/outbox"
	"centinela/shared/record"
	"centinela/shared/secret"
	"centinela/shared/svcauth"
)

const (
	followerName   = "rules and places"
	databaseFile   = "audit.db"
	checkpointFile = "checkpoint.json"
	checkpointKey  = "audit-checkpoint.key"
	placesKey      = "audit-places.key"
	openingsKey    = "audit-openings.key"
)

// Module is the audit service. It is a module.Module.
type Module struct {
	deps     module.Deps
	store    backend
	ledger   *ledger.Ledger
	firewall *firewall.Firewall
	follower *ledger.Follower
	pins     *ledger.Checkpointer
	shipper  *outbox.Shipper
	people   *access.Verifier
	handler  http.Handler
}

var _ module.Module = (*Module)(nil)

// backend is what either store is.
type backend interface {
	ledger.Store
	openings.Store
	places.Store
	firewall.Store
	outbox.Log
	Record(ctx context.Context, events ...record.Event) error
	Ready(ctx context.Context) error
	Close(ctx context.Context) error
}

// New opens the store and the keys (made when missing, in development only) and
// wires the service. Errors are one line and say what to do.
func New(ctx context.Context, cfg Config, deps module.Deps) (*Module, error) {
	store, err := open(ctx, deps.Store)
	if err != nil {
		return nil, err
	}
	m, err := build(ctx, cfg, deps, store)
	if err != nil {
		return nil, errors.Join(err, store.Close(context.WithoutCancel(ctx)))
	}
	return m, nil
}

func open(ctx context.Context, s module.Store) (backend, error) {
	if s.Engine == module.EngineMongoDB {
		return mongo.Open(ctx, s.URI.Reveal(), s.Database)
	}
	return sqlite.Open(ctx, filepath.Join(s.Dir, databaseFile), s.SQLite()...)
}

func build(ctx context.Context, cfg Config, deps module.Deps, store backend) (*Module, error) {
	signer, err := secret.LoadSigner(filepath.Join(deps.KeyDir, checkpointKey), deps.Development)
	if err != nil {
		return nil, err
	}
	key, err := secret.LoadKey(filepath.Join(deps.KeyDir, placesKey), deps.Development)
	if err != nil {
		return nil, err
	}
	people, err := secret.LoadKey(filepath.Join(deps.KeyDir, openingsKey), deps.Development)
	if err != nil {
		return nil, err
	}
	follows, err := cfg.rules()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(deps.Store.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("audit's data folder: %w", err)
	}
	m := &Module{deps: deps, store: store, people: deps.People()}
	pins, gap, err := ledger.OpenCheckpointer(ctx, store, filepath.Join(deps.Store.Dir, checkpointFile), signer, deps.Clock, deps.Log)
	if err != nil {
		return nil, err
	}
	m.pins = pins
	watch := newMetrics(deps.Registry, m)
	open := openings.New(store, people, deps.Clock)
	m.ledger = ledger.New(store, deps.Keyring, open, deps.Clock, func(entries []ledger.Entry) {
		watch.stored(entries)
		m.pins.Noted(len(entries))
		m.follower.Offer(entries)
	})
	m.shipper = deps.ShipperTo(store, m.ledger.Ingest)
	m.firewall = firewall.New(store, deps.Clock, deps.Log, deps.Service, m.shipper.Kick)
	m.firewall.Protect(deps.Proxies)
	where := places.New(store, key, deps.Clock)
	m.follow(follows, where, open)
	if err := m.ledger.Open(ctx); err != nil {
		return nil, err
	}
	if err := m.firewall.Open(ctx); err != nil {
		return nil, err
	}
	if gap != "" {
		if err := m.reportGap(ctx, gap); err != nil {
			return nil, err
		}
	}
	return m, m.serve(where, watch.ingest)
}

// follow connects the record to what watches it.
func (m *Module) follow(list []rules.Rule, where *places.Places, open *openings.Keeper) {
	engine := rules.NewEngine(list)
	runner := rules.NewRunner(engine, m.firewall.Impose, m.deps.Log)
	warm := func(entries []ledger.Entry) {
		for _, e := range entries {
			runner.Warm(e.Seq, e.Event)
		}
	}
	// The rules come first: a refusal must not wait for a projection.
	judge := func(ctx context.Context, entries []ledger.Entry) error {
		for _, e := range entries {
			if err := runner.Take(ctx, e.Seq, e.Event); err != nil {
				return err
			}
		}
		return nil
	}
	locate := func(ctx context.Context, entries []ledger.Entry) error {
		seen := make([]places.Seen, len(entries))
		for i, e := range entries {
			seen[i] = places.Seen{Seq: e.Seq, Event: e.Event}
		}
		return where.Take(ctx, seen)
	}
	m.follower = ledger.NewFollower(m.store, open.Opener, followerName, m.deps.Log, engine.Window(), warm, judge, locate)
}

func (m *Module) serve(where *places.Places, ingest prometheus.Observer) error {
	spec, err := auditapi.Spec()
	if err != nil {
		return fmt.Errorf("audit's specification: %w", err)
	}
	api := &httpapi.API{
		Service: m.deps.Service, Ledger: m.ledger, Places: where, Firewall: m.firewall, Clock: m.deps.Clock,
		Operators: svcauth.NewVerifier(m.deps.Service, m.deps.Keyring), // their tokens have the form of a service's
		Record:    m.record, Ingest: ingest,
	}
	server := m.deps.Server(spec, m.people, api.OperatorOnly(spec))
	m.handler = server.Handler()
	api.Register(server.Engine())
	return nil
}

// record writes events of audit's own, which its shipper brings into the record
// like any other service's.
func (m *Module) record(ctx context.Context, events ...record.Event) error {
	err := m.store.Record(ctx, events...)
	m.shipper.Kick()
	return err
}

// reportGap leaves in the record itself what nobody can vouch for: rows that were
// cut off or replaced before this start.
func (m *Module) reportGap(ctx context.Context, why string) error {
	gap := record.New(m.deps.Clock.Now(), m.deps.Service, record.AuditGap, record.Failure, record.Origin{})
	gap.Reason = why
	m.deps.Log.Error("audit: the record and its checkpoint don't fit; recorded as audit.gap", "why", why)
	return m.record(ctx, gap)
}

// Handler serves audit's operations.
func (m *Module) Handler() http.Handler { return m.handler }

// Ready is nil while the store answers, the record fits its checkpoint, and it is
// known which sessions are over.
func (m *Module) Ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return errors.Join(m.store.Ready(ctx), m.pins.Ready(), m.people.Ready())
}

// Drain answers those who wait for verdicts, so that their connections don't
// hold up the listener's shutdown.
func (m *Module) Drain() { m.firewall.Release() }

// Run follows the record, keeps the checkpoint, sweeps, and ships the
// firewall's events, until ctx ends.
func (m *Module) Run(ctx context.Context) error {
	group := m.deps.Background()
	group.Go(ctx, "people", m.people.Run)
	group.Go(ctx, "revocations", m.people.Revocations().Run)
	group.Go(ctx, "follower", m.follower.Run)
	group.Go(ctx, "checkpoint", m.pins.Run)
	group.Go(ctx, "firewall", m.firewall.Run)
	group.Go(ctx, "outbox", m.shipper.Run)
	group.Wait()
	return nil
}

// Close signs the last head and closes the store.
func (m *Module) Close(ctx context.Context) error {
	return errors.Join(m.pins.Write(ctx), m.store.Close(ctx))
}

// metrics are the module's own; httpkit and outbox have theirs.
type metrics struct {
	events *prometheus.CounterVec
	ingest prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, m *Module) *metrics {
	name := func(thing string) string { return obs.Metric(module.Audit, thing) }
	watch := &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("events_total"), Help: "Events that were added to the record, by the service that wrote them."}, []string{"service"}),
		ingest: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: name("ingest_batch_seconds"), Help: "How long a batch took until it was durable.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
	}
	gauge := func(thing, help string, read func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name(thing), Help: help}, read)
	}
	reg.MustRegister(watch.events, watch.ingest,
		gauge("follower_lag_events", "Entries of the record that rules and places have not seen yet.", func() float64 { return float64(max(0, m.ledger.Seen()-m.follower.Position())) }),
		gauge("follower_failures", "Failed tries of rules or places since the start.", func() float64 { return float64(m.follower.Failures()) }),
		gauge("checkpoint_failures", "Checkpoints that could not be written since the start; one every 10 s where the record was altered.", func() float64 { return float64(m.pins.Failures()) }),
		gauge("verdicts", "Verdicts in force, as of the last minute.", func() float64 { return float64(m.firewall.Current()) }),
	)
	return watch
}

func (w *metrics) stored(entries []ledger.Entry) {
	for _, e := range entries {
		w.events.WithLabelValues(e.Event.Service).Inc()
	}
}
