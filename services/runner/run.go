package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"centinela/gateway"
	"centinela/services/audit"
	"centinela/services/auth"
	chatrelay "centinela/services/chat-relay"
	"centinela/services/recovery"
	"centinela/shared/clock"
	"centinela/shared/lifecycle"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/secret"
	"centinela/shared/svcauth"
)

// All is the target that runs every part in one process.
const All = "all"

// Targets are what can be run, All first.
func Targets() []string { return append([]string{All}, order[:]...) }

// Run runs target until ctx ends, and writes logs to logs. started is called
// once when all of it is ready, with where it can be reached. The error is one
// line that says what to do when the start was impossible.
func Run(ctx context.Context, cfg Config, target string, logs io.Writer, started func(Addresses)) error {
	if err := cfg.ValidateFor(target); err != nil {
		return err
	}
	targets := []string{target}
	if target == All {
		targets = order[:]
	}
	suite, err := prepare(cfg, targets, logs)
	if err != nil {
		return err
	}
	for _, service := range targets {
		suite.parts = append(suite.parts, suite.part(service))
	}
	units := []lifecycle.Unit{suite.ops()}
	for _, p := range suite.parts {
		units = append(units, stores{p}, p)
	}
	units = append(units, announce{func() { started(suite.addresses()) }})
	err = lifecycle.Run(ctx, suite.log, cfg.StopBudget, units...)
	closeAll(suite.bound)
	return err
}

// Addresses are where a running target listens.
type Addresses struct {
	Public string // the gateway's URL; empty when it isn't part of the target
	Ops    string
	Parts  map[string]string // host:port of each part
}

// suite is what the parts of one process share.
type suite struct {
	cfg     Config
	log     *slog.Logger
	clock   clock.Clock
	keyring svcauth.Keyring
	bound   map[string]net.Listener
	metrics prometheus.Gatherers
	parts   []*part
}

// prepare makes the folders and keys and binds the listeners.
func prepare(cfg Config, targets []string, logs io.Writer) (*suite, error) {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: cannot make %s: %w (choose a folder that you may write to with --data)", cfg.DataDir, rootCause(err))
	}
	clk, err := openClock(cfg)
	if err != nil {
		return nil, err
	}
	if err := makeKeys(cfg, targets); err != nil {
		return nil, err
	}
	bound, err := cfg.listeners(targets)
	if err != nil {
		return nil, err
	}
	if cfg.Recovery.PublicURL == "" {
		cfg.Recovery.PublicURL = cfg.publicURL(bound)
	}
	gin.SetMode(gin.ReleaseMode) // the one process-wide switch that gin insists on
	return &suite{
		cfg:     cfg,
		log:     obs.NewLogger(logs, targetName(targets), cfg.Log.Level),
		clock:   clk,
		keyring: svcauth.DirKeyring(cfg.KeyDir),
		bound:   bound,
	}, nil
}

// openClock is the machine's clock, or in development one that can travel, and
// that every process on the same data folder shares.
func openClock(cfg Config) (clock.Clock, error) {
	if cfg.Profile == Production {
		return clock.Real(), nil
	}
	clk, err := clock.OpenTravelled(filepath.Join(cfg.DataDir, "dev-clock"))
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	return clk, nil
}

// part wires one service or the gateway.
func (s *suite) part(service string) *part {
	log := s.log.With(slog.String("part", service))
	registry := obs.NewRegistry(service)
	s.metrics = append(s.metrics, registry)
	return newPart(service, s.bound[service], log, lifecycle.NewGroup(service, log, registry), func(ctx context.Context) (module.Module, error) {
		deps, err := s.deps(service, log, registry)
		if err != nil {
			return nil, err
		}
		switch service {
		case module.Audit:
			return audit.New(ctx, s.cfg.Audit, deps)
		case module.Auth:
			return auth.New(ctx, s.cfg.Auth, deps)
		case module.Recovery:
			return recovery.New(ctx, s.cfg.Recovery, deps)
		case module.ChatRelay:
			return chatrelay.New(ctx, s.cfg.ChatRelay, deps)
		case module.Gateway:
			return gateway.New(ctx, s.cfg.Gateway, deps)
		}
		return nil, fmt.Errorf("no part is named %q", service)
	})
}

func (s *suite) deps(service string, log *slog.Logger, registry *prometheus.Registry) (module.Deps, error) {
	key, err := secret.LoadSigner(keyFile(s.cfg.KeyDir, service), false)
	if err != nil {
		return module.Deps{}, err
	}
	store, err := s.cfg.storeOf(service)
	if err != nil {
		return module.Deps{}, err
	}
	if err := os.MkdirAll(store.Dir, 0o700); err != nil {
		return module.Deps{}, fmt.Errorf("data_dir: cannot make %s: %w", store.Dir, rootCause(err))
	}
	return module.Deps{
		Service:     service,
		Log:         log,
		Registry:    registry,
		Clock:       s.clock,
		Signer:      svcauth.NewSigner(service, key),
		Keyring:     s.keyring,
		PeerURL:     s.cfg.peerURL(s.bound),
		Store:       store,
		Development: s.cfg.Profile == Development,
		KeyDir:      s.cfg.KeyDir,
	}, nil
}

func (s *suite) addresses() Addresses {
	a := Addresses{Parts: map[string]string{}}
	for name, l := range s.bound {
		switch name {
		case "ops":
			a.Ops = "http://" + l.Addr().String()
		case module.Gateway:
			a.Public = s.cfg.Gateway.PublicURL(l.Addr())
		}
		a.Parts[name] = l.Addr().String()
	}
	return a
}

// ready is nil when every part of this process is.
func (s *suite) ready() error {
	var errs []error
	for _, p := range s.parts {
		errs = append(errs, p.ready())
	}
	return errors.Join(errs...)
}

// ops is the operations listener; it starts first and stops last, so that
// /readyz says 503 while the others drain.
func (s *suite) ops() lifecycle.Unit {
	return &opsUnit{server: &http.Server{
		Handler:           obs.Ops(s.metrics, s.ready),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}, listener: s.bound["ops"], serveErr: make(chan error, 1)}
}

// opsUnit answers from Start on: while the others start, /healthz says 200 and
// /readyz 503.
type opsUnit struct {
	server   *http.Server
	listener net.Listener
	serveErr chan error
}

func (o *opsUnit) Name() string { return "operations" }

func (o *opsUnit) Start(context.Context) error {
	go func() { o.serveErr <- o.server.Serve(o.listener) }()
	return nil
}

func (o *opsUnit) Run(context.Context) error {
	if err := <-o.serveErr; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (o *opsUnit) Stop(ctx context.Context) error {
	if err := o.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("drain: %w", err), o.server.Close())
	}
	return nil
}

// announce is the last unit to start: all others are up.
type announce struct{ say func() }

func (a announce) Name() string                  { return "announcement" }
func (a announce) Start(context.Context) error   { a.say(); return nil }
func (a announce) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (a announce) Stop(context.Context) error    { return nil }

func targetName(targets []string) string {
	if len(targets) > 1 {
		return All
	}
	return targets[0]
}

// rootCause strips "open /x: " and "listen tcp …: " down to what went wrong.
func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// VerifyRecord recomputes audit's record in the configured store and reports to
// out, whether audit runs or not. A record that was altered is an error.
func VerifyRecord(ctx context.Context, cfg Config, out io.Writer) error {
	if err := cfg.ValidateFor(module.Audit); err != nil {
		return err
	}
	store, err := cfg.storeOf(module.Audit)
	if err != nil {
		return err
	}
	return audit.Verify(ctx, cfg.Audit, module.Deps{
		Service: module.Audit, Log: obs.NewLogger(io.Discard, module.Audit, cfg.Log.Level), Clock: clock.Real(),
		Store: store, KeyDir: cfg.KeyDir, Keyring: svcauth.DirKeyring(cfg.KeyDir),
	}, out)
}
