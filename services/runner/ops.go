package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// newServer has the limits of every listener of the process.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// drain lets the requests in flight finish, and closes what is left at the end of
// the budget.
func drain(ctx context.Context, server *http.Server) error {
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("drain: %w", err), server.Close())
	}
	return nil
}

// ops is the operations listener; it starts first and stops last: while the others
// start and drain, /healthz says 200 and /readyz 503.
func (s *suite) ops() lifecycle.Unit {
	server := newServer(obs.Ops(obs.OpsOptions{Metrics: s.metrics, Ready: s.ready, Public: s.cfg.Ops.Public}), s.log)
	served := make(chan error, 1)
	return lifecycle.Unit{
		Name: "operations",
		Start: func(context.Context) error {
			go func() { served <- server.Serve(s.topology.bound[operations]) }()
			return nil
		},
		Run: func(context.Context) error {
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
		Stop: func(ctx context.Context) error { return drain(ctx, server) },
	}
}
