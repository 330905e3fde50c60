package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"centinela/shared/module"
)

// errStarting and errStopping are what /readyz says before and after.
var (
	errStarting = errors.New("starting")
	errStopping = errors.New("stopping")
)

// part is one module with its listener, as a lifecycle.Unit.
type part struct {
	name     string
	listener net.Listener
	log      *slog.Logger
	build    func(ctx context.Context) (module.Module, error)

	module   module.Module
	server   *http.Server
	state    atomic.Pointer[error] // why it isn't ready; nil when it is up
	serveErr chan error
}

func newPart(name string, l net.Listener, log *slog.Logger, build func(ctx context.Context) (module.Module, error)) *part {
	p := &part{name: name, listener: l, log: log, build: build, serveErr: make(chan error, 1)}
	p.state.Store(&errStarting)
	return p
}

func (p *part) Name() string { return p.name }

// Start opens the stores and begins to answer, so that the parts that start
// after it can call it.
func (p *part) Start(ctx context.Context) error {
	m, err := p.build(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	p.module = m
	p.server = &http.Server{
		Handler:           m.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	listener := p.listener
	// The gateway has limits of its own for the public listener.
	if public, ok := m.(interface {
		Serve(*http.Server, net.Listener) (net.Listener, error)
	}); ok {
		if listener, err = public.Serve(p.server, listener); err != nil {
			return fmt.Errorf("%s: %w", p.name, errors.Join(err, m.Close(ctx)))
		}
	}
	go func() { p.serveErr <- p.server.Serve(listener) }()
	p.state.Store(nil)
	return nil
}

// Run works until ctx ends or the listener fails.
func (p *part) Run(ctx context.Context) error {
	background := make(chan error, 1)
	go func() { background <- p.guarded(ctx) }()
	select {
	case err := <-p.serveErr:
		if errors.Is(err, http.ErrServerClosed) {
			return <-background // stopping: the background work ends with ctx
		}
		return fmt.Errorf("%s: listener: %w", p.name, err)
	case err := <-background:
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		return nil
	}
}

// guarded turns a panic of the background work into an error: the process then
// stops in order instead of dying in the middle of a write (R3).
func (p *part) guarded(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in background work: %v", r)
		}
	}()
	return p.module.Run(ctx)
}

// Stop says "not ready", lets the requests in flight finish, and closes what is
// left at the end of the budget. The stores are closed by closeStores, after
// Run returned.
func (p *part) Stop(ctx context.Context) error {
	p.state.Store(&errStopping)
	if err := p.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("%s: drain: %w", p.name, err), p.server.Close())
	}
	return nil
}

// ready is nil when the part can serve.
func (p *part) ready() error {
	if err := p.state.Load(); err != nil {
		return fmt.Errorf("%s: %w", p.name, *err)
	}
	if err := p.module.Ready(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// stores is the unit that comes before its part: it is stopped after it, when
// nothing uses the stores any more.
type stores struct{ part *part }

func (s stores) Name() string                  { return s.part.name + " stores" }
func (s stores) Start(context.Context) error   { return nil }
func (s stores) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (s stores) Stop(ctx context.Context) error {
	if s.part.module == nil {
		return nil
	}
	return s.part.module.Close(ctx)
}
