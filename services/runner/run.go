package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"centinela/services/audit"
	"centinela/shared/clock"
	"centinela/shared/lifecycle"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/secret"
	"centinela/shared/svcauth"
)

// All is the target that runs every part in one process.
const All = "all"

// Run runs target until ctx ends, and writes logs to logs. started is called
// once when all of it is ready, with where it can be reached. The error is one
// line for each thing that made the start impossible, and says what to do. version
// is the binary's.
func Run(ctx context.Context, cfg Config, target, version string, logs io.Writer, started func(Addresses)) error {
	if err := cfg.preflight(ctx, target); err != nil {
		return err
	}
	unlock, err := cfg.lockFolders(rows(target))
	if err != nil {
		return err
	}
	return errors.Join(runLocked(ctx, cfg, target, version, logs, started), unlock())
}

// runLocked runs target in folders that are this process's own.
func runLocked(ctx context.Context, cfg Config, target, version string, logs io.Writer, started func(Addresses)) error {
	suite, err := prepare(cfg, target, logs)
	if err != nil {
		return err
	}
	suite.sayStart(target, version)
	units := []lifecycle.Unit{suite.ops(), suite.hangup()}
	for _, r := range rows(target) {
		p := suite.part(r)
		suite.parts = append(suite.parts, p)
		units = append(units, p.units()...)
	}
	units = append(units, announcement(func() { started(suite.addresses()) }))
	err = lifecycle.Run(ctx, suite.log, cfg.StopBudget, units...)
	suite.topology.closeAll()
	return err
}

// announcement is the last unit to start: all others are up.
func announcement(say func()) lifecycle.Unit {
	return lifecycle.Unit{Name: "announcement", Start: func(context.Context) error { say(); return nil }}
}

// Addresses are where a running target listens.
type Addresses struct {
	Public string // the gateway's URL; empty when it isn't part of the target
	Ops    string
	Parts  map[string]string // host:port of each part
}

// suite is what the parts of one process share.
type suite struct {
	cfg      Config
	log      *slog.Logger
	clock    clock.Clock
	keyring  svcauth.Keyring
	topology *topology
	metrics  prometheus.Gatherers
	parts    []*part
}

// prepare makes the keys and binds the listeners.
func prepare(cfg Config, target string, logs io.Writer) (*suite, error) {
	clk, err := openClock(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Profile == Development {
		if err := makeKeys(cfg.KeyDir, rows(target)); err != nil {
			return nil, err
		}
	}
	t := cfg.topology(rows(target))
	if err := errors.Join(t.bindAll()...); err != nil {
		return nil, err
	}
	gin.SetMode(gin.ReleaseMode) // the one process-wide switch that gin insists on
	return &suite{
		cfg:      cfg,
		log:      obs.NewLogger(logs, target, cfg.Log.Level, cfg.logFormat()),
		clock:    clk,
		keyring:  svcauth.DirKeyring(cfg.KeyDir),
		topology: t,
	}, nil
}

// openClock is the machine's clock, or in development one that can travel, and
// that every process on the same data folder shares.
func openClock(cfg Config) (clock.Clock, error) {
	if cfg.Profile == Production {
		return clock.Real(), nil
	}
	clk, err := clock.OpenTravelled(filepath.Join(cfg.DataDir, devClockFile))
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	return clk, nil
}

// part wires one part of the table.
func (s *suite) part(r row) *part {
	log := s.log.With(slog.String("part", r.name))
	registry := obs.NewRegistry(r.name)
	s.metrics = append(s.metrics, registry)
	return newPart(r.name, s.topology.bound[r.name], log, lifecycle.NewGroup(r.name, log, registry), func(ctx context.Context) (module.Module, error) {
		deps, err := s.deps(r, log, registry)
		if err != nil {
			return nil, err
		}
		return r.build(ctx, s.cfg.parts[r.name].section, deps)
	})
}

func (s *suite) deps(r row, log *slog.Logger, registry *prometheus.Registry) (module.Deps, error) {
	key, err := secret.LoadSigner(filepath.Join(s.cfg.KeyDir, serviceKey(r.name).Name), false)
	if err != nil {
		return module.Deps{}, err
	}
	store, err := s.cfg.storeOf(r)
	if err != nil {
		return module.Deps{}, err
	}
	return module.Deps{
		Service:     r.name,
		Log:         log,
		Registry:    registry,
		Clock:       s.clock,
		Signer:      svcauth.NewSigner(r.name, key),
		Keyring:     s.keyring,
		PeerURL:     s.topology.peerURL,
		PublicURL:   s.topology.publicURL(),
		Proxies:     s.cfg.proxies(),
		Store:       store,
		FreshSignIn: s.cfg.auth().SignIn.Fresh,
		Development: s.cfg.Profile == Development,
		KeyDir:      s.cfg.KeyDir,
	}, nil
}

func (s *suite) addresses() Addresses {
	a := Addresses{Parts: map[string]string{}}
	for name, l := range s.topology.bound {
		switch name {
		case operations:
			a.Ops = "http://" + l.Addr().String()
		case module.Gateway:
			a.Public = s.topology.publicURL()
		}
		a.Parts[name] = l.Addr().String()
	}
	return a
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
	if err := cfg.Validate(module.Audit); err != nil {
		return err
	}
	store, err := cfg.storeOf(rows(module.Audit)[0])
	if err != nil {
		return err
	}
	return audit.Verify(ctx, *cfg.parts[module.Audit].section.(*audit.Config), module.Deps{
		Service: module.Audit, Log: obs.NewLogger(io.Discard, module.Audit, cfg.Log.Level, cfg.logFormat()), Clock: clock.Real(),
		Store: store, KeyDir: cfg.KeyDir, Keyring: svcauth.DirKeyring(cfg.KeyDir),
	}, out)
}
