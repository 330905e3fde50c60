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

	"centinela/shared/lifecycle"
	"centinela/shared/module"
)

// errStarting and errStopping are what /readyz says before and after.
var (
	errStarting = errors.New("starting")
	errStopping = errors.New("stopping")
)

// part is one module with its listener, as a lifecycle.Unit.
type part struct {
	name       string
	listener   net.Listener
	log        *slog.Logger
	background *lifecycle.Group
	build      func(ctx context.Context) (module.Module, error)

	module   module.Module
	server   *http.Server
	state    atomic.Pointer[error] // why it isn't ready; nil when it is up
	serveErr chan error
}

func newPart(name string, l net.Listener, log *slog.Logger, background *lifecycle.Group, build func(ctx context.Context) (module.Module, error)) *part {
	p := &part{name: name, listener: l, log: log, background: background, build: build, serveErr: make(chan error, 1)}
	p.state.Store(&errStarting)
	return p
}

func (p *part) Name() string { return p.name }

// Start opens the stores and begins to answer, so that the parts that start
// after it can call it.
func (p *part) Start(ctx context.Context) error {
	m, err := p.build(ctx)
	if err != nil {
		return err
	}
	p.module = m
	p.server = &http.Server{
		Handler:           m.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
		// `OPTIONS *` goes through the part's own chain, as everything else.
		DisableGeneralOptionsHandler: true,
	}
	listener := p.listener
	// The gateway has limits of its own for the public listener.
	if public, ok := m.(interface {
		Serve(*http.Server, net.Listener) (net.Listener, error)
	}); ok {
		if listener, err = public.Serve(p.server, listener); err != nil {
			return errors.Join(err, m.Close(ctx))
		}
	}
	// Who waits for something to happen is answered at once, or waiting would
	// hold up the shutdown.
	if waiting, ok := m.(interface{ Drain() }); ok {
		p.server.RegisterOnShutdown(waiting.Drain)
	}
	go func() { p.serveErr <- p.server.Serve(listener) }()
	p.state.Store(nil)
	return nil
}

// Run works until ctx ends or the listener fails. A fault of the background work
// is begun again by its Group, and doesn't end the process (R3).
func (p *part) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.background.Go(ctx, "module", p.module.Run)
	var failed error
	select {
	case err := <-p.serveErr:
		if !errors.Is(err, http.ErrServerClosed) {
			failed = fmt.Errorf("listener: %w", err)
			cancel()
		}
	case <-ctx.Done():
	}
	p.background.Wait() // the stores are closed next
	return failed
}

// Stop says "not ready", lets the requests in flight finish, and closes what is
// left at the end of the budget. The unit stores closes the stores, after
// Run returned.
func (p *part) Stop(ctx context.Context) error {
	p.state.Store(&errStopping)
	if err := p.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("drain: %w", err), p.server.Close())
	}
	return nil
}

// ready is nil when the part can serve.
func (p *part) ready() error {
	if err := p.state.Load(); err != nil {
		return *err
	}
	return p.module.Ready()
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
