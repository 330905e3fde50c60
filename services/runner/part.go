package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"

	"centinela/shared/lifecycle"
	"centinela/shared/module"
)

// errStarting and errStopping are what /readyz says before and after.
var (
	errStarting = errors.New("starting")
	errStopping = errors.New("stopping")
)

// part is one module with its listener.
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

// units are the part's: its stores are closed after it has stopped, when nothing
// uses them any more.
func (p *part) units() []lifecycle.Unit {
	return []lifecycle.Unit{{Name: p.name + " stores", Stop: p.closeStores}, {Name: p.name, Start: p.start, Run: p.run, Stop: p.stop}}
}

// start opens the stores and begins to answer, so that the parts that start
// after it can call it.
func (p *part) start(ctx context.Context) error {
	m, err := p.build(ctx)
	if err != nil {
		return err
	}
	p.module = m
	p.server = newServer(m.Handler(), p.log)
	p.server.DisableGeneralOptionsHandler = true // `OPTIONS *` goes through the part's own chain, as everything else
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

// run works until ctx ends or the listener fails. A fault of the background work
// is begun again by its Group, and doesn't end the process (R3).
func (p *part) run(ctx context.Context) error {
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

// stop says "not ready" and drains.
func (p *part) stop(ctx context.Context) error {
	p.state.Store(&errStopping)
	return drain(ctx, p.server)
}

func (p *part) closeStores(ctx context.Context) error {
	if p.module == nil {
		return nil
	}
	return p.module.Close(ctx)
}

// ready is nil when the part can serve.
func (p *part) ready() error {
	if err := p.state.Load(); err != nil {
		return *err
	}
	return p.module.Ready()
}
