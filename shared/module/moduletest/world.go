package moduletest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/prometheus/client_golang/prometheus"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/shared/clock"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/testkit"
)

// Ten is the time at which a World begins: 10:00 UTC of a Tuesday.
var Ten = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// stranger is a service that nobody's specification lists.
const stranger = "stranger"

// Services are all that can call as a service: the parts, the operator, who is none, and a stranger.
func Services() []string {
	return []string{module.Gateway, module.Auth, module.Recovery, module.ChatRelay, module.Audit, module.Operator, stranger}
}

// Options say which module a World runs.
type Options struct {
	Service string // its name
	Spec    func() (*openapi3.T, error)
	// Build is the module's New.
	Build func(ctx context.Context, deps module.Deps) (module.Module, error)
	Store module.Store
	// KeyDir is where the keys of the module and of all services are; "": a fresh folder.
	KeyDir string
	// Peers makes the stand-ins and says where they answer; a service that isn't named is the stand-in for auth: its keys,
	// and which sessions are over.
	Peers func(i *Issuers) map[string]string
	// Deps changes what the module gets; nil: nothing.
	Deps func(*module.Deps)
	// Listener serves the module; nil: one of its own.
	Listener net.Listener
	// Beside makes this another process of a running one: the same store, keys and people, by a clock that is Ahead.
	Beside *World
	Ahead  time.Duration
	// Unready doesn't wait until the module says that it is ready: what is planted keeps it from it.
	Unready bool
}

// World is a running module and everybody around it.
type World struct {
	Issuers
	URL      string
	Clock    *clock.Manual
	Log      *testkit.Buffer // JSON lines, from debug on
	Registry *prometheus.Registry
	Spec     *openapi3.T
	Store    module.Store
	KeyDir   string
	// Closes is how the module's Close is to end.
	Closes error
	// Stop ends the module as SIGTERM does, once; the test's end does so too.
	Stop func()

	mongo *mongo.Database // to read what the store holds
}

// Start builds the module, serves it and runs its background work until the test ends. Every answer is held against the
// specification.
func Start(t testing.TB, o Options) *World {
	t.Helper()
	spec, err := o.Spec()
	if err != nil {
		t.Fatal(err)
	}
	if o.KeyDir == "" {
		o.KeyDir = t.TempDir()
	}
	if o.Beside != nil {
		o.Store, o.KeyDir = o.Beside.Store, o.Beside.KeyDir
	}
	w := &World{Clock: clock.NewManual(Ten), Log: &testkit.Buffer{}, Registry: obs.NewRegistry(o.Service), Spec: spec, Store: o.Store, KeyDir: o.KeyDir}
	w.Issuers = Issuers{T: t, Service: o.Service, Services: httpkittest.ServicesIn(t, o.KeyDir), People: httpkittest.NewPeople(t, w.Clock), Now: w.Clock.Now}
	if b := o.Beside; b != nil {
		w.Clock = clock.NewManual(b.Clock.Now().Add(o.Ahead))
		w.Issuers = Issuers{T: t, Service: o.Service, Services: b.Services, People: b.People, Now: w.Clock.Now}
	}
	for _, name := range Services() {
		w.Services.Signer(name)
	}
	auth := httptest.NewServer(w.People)
	t.Cleanup(auth.Close)
	var peers map[string]string
	if o.Peers != nil {
		peers = o.Peers(&w.Issuers)
	}
	deps := module.Deps{
		Service: o.Service, Log: slog.New(slog.NewJSONHandler(w.Log, &slog.HandlerOptions{Level: slog.LevelDebug})), Registry: w.Registry, Clock: w.Clock,
		Signer: w.Services.Signer(o.Service), Keyring: w.Services, Store: o.Store, Development: true, KeyDir: o.KeyDir,
		PeerURL: func(service string) string {
			if url := peers[service]; url != "" {
				return url
			}
			return auth.URL
		},
	}
	if o.Deps != nil {
		o.Deps(&deps)
	}
	m, err := o.Build(t.Context(), deps)
	if err != nil {
		t.Fatal(err)
	}
	w.serve(m, o.Listener)
	if !o.Unready {
		testkit.Eventually(t, testkit.Patience, func() (bool, string) {
			err := m.Ready()
			return err == nil, fmt.Sprintf("%s isn't ready: %v", o.Service, err)
		})
	}
	return w
}

func (w *World) serve(m module.Module, listener net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	server := httptest.NewUnstartedServer(httpkittest.ValidateResponses(w.T, w.Spec, m.Handler()))
	if listener != nil {
		_ = server.Listener.Close() // it was opened unasked
		server.Listener = listener
	}
	server.Start()
	w.URL = server.URL
	w.Stop = sync.OnceFunc(func() {
		if waiting, ok := m.(interface{ Drain() }); ok {
			waiting.Drain()
		}
		server.Close()
		cancel()
		if err := <-done; err != nil {
			w.T.Error(err)
		}
		if err := m.Close(context.Background()); !errors.Is(err, w.Closes) {
			w.T.Errorf("close: %v, want %v", err, w.Closes)
		}
	})
	w.T.Cleanup(w.Stop)
}

// In is the same world for a subtest.
func (w *World) In(t testing.TB) *World {
	other := *w
	other.T = t
	return &other
}

// Metric is the sum of a metric's series.
func (w *World) Metric(name string) float64 {
	w.T.Helper()
	families, err := w.Registry.Gather()
	if err != nil {
		w.T.Fatal(err)
	}
	var sum float64
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}
