package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"centinela/shared/lifecycle"
	"centinela/shared/obs"
)

// ready asks every part of this process, all at once: one that is slow to say no
// doesn't hide the others.
func (s *suite) ready() []obs.Part {
	parts := make([]obs.Part, len(s.parts))
	var asking sync.WaitGroup
	for i, p := range s.parts {
		asking.Go(func() { parts[i] = obs.Part{Name: p.name, Err: p.ready()} })
	}
	asking.Wait()
	return parts
}

// ops is the operations listener; it starts first and stops last, so that
// /readyz says 503 while the others drain.
func (s *suite) ops() lifecycle.Unit {
	return &opsUnit{server: &http.Server{
		Handler:           obs.Ops(obs.OpsOptions{Metrics: s.metrics, Ready: s.ready, Public: s.cfg.Ops.Public}),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}, listener: s.topology.bound[operations], serveErr: make(chan error, 1)}
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
