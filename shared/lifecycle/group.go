package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/obs"
)

const (
	firstRestart = 100 * time.Millisecond
	lastRestart  = 30 * time.Second
	// calmAfter is how long a loop must have worked for its next failure to count
	// as a first one.
	calmAfter = time.Minute
)

// Group runs the background loops of one service, each so that its fault is its
// own: a loop that panics or fails is logged with its stack, counted, and begun
// again after a pause that doubles up to 30 s. No fault of a loop ends the
// process or another loop (R3). errgroup does neither.
type Group struct {
	log      *slog.Logger
	failures *prometheus.CounterVec
	running  sync.WaitGroup
}

// NewGroup makes a Group. It counts as
// centinela_<svc>_background_failures_total{loop}.
func NewGroup(service string, log *slog.Logger, reg prometheus.Registerer) *Group {
	return &Group{log: log, failures: obs.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: obs.Metric(service, "background_failures_total"),
		Help: "Panics and errors of background loops, each of which was begun again.",
	}, []string{"loop"}))}
}

// Go runs loop until it returns nil, or ctx has ended. loop must bear to be
// called again after a panic: it holds no lock across one. name is a constant:
// it is a metric's label.
func (g *Group) Go(ctx context.Context, name string, loop func(ctx context.Context) error) {
	g.failures.WithLabelValues(name) // there at 0, so that the first failure is a rise
	g.running.Go(func() { g.keep(ctx, name, loop) })
}

// Wait returns when every loop has.
func (g *Group) Wait() { g.running.Wait() }

func (g *Group) keep(ctx context.Context, name string, loop func(ctx context.Context) error) {
	pause := firstRestart
	for {
		calm := time.NewTimer(calmAfter)
		err := caught(ctx, loop)
		select {
		case <-calm.C:
			pause = firstRestart
		default:
			calm.Stop()
		}
		if err == nil || (ctx.Err() != nil && errors.Is(err, ctx.Err())) {
			return
		}
		g.failures.WithLabelValues(name).Inc()
		if ctx.Err() != nil {
			g.log.LogAttrs(ctx, slog.LevelError, "background work failed while stopping", slog.String("loop", name), slog.String("error", err.Error()))
			return
		}
		g.log.LogAttrs(ctx, slog.LevelError, "background work failed, beginning it again", slog.String("loop", name), slog.Duration("pause", pause), slog.String("error", err.Error()))
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, lastRestart)
	}
}

// caught turns a panic into an error with the stack of where it happened.
func caught(ctx context.Context, loop func(ctx context.Context) error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return loop(ctx)
}
