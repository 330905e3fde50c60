package firewall

import (
	"context"
	"log/slog"

	"centinela/shared/record"
)

// Runner feeds an Engine from the record and imposes what it decides. Each event
// is fed once, though it may be handed over again: a decision that could not be
// stored waits here.
type Runner struct {
	engine  *Engine
	impose  func(context.Context, Decision) error
	log     *slog.Logger
	last    int64 // seq of the newest event fed
	pending []Decision
}

// NewRunner makes a Runner; impose must bear a decision that it knows.
func NewRunner(engine *Engine, impose func(context.Context, Decision) error, log *slog.Logger) *Runner {
	return &Runner{engine: engine, impose: impose, log: log}
}

// Warm feeds an event of an earlier life, whose decisions were made then.
func (r *Runner) Warm(seq int64, event record.Event) {
	r.engine.Feed(event)
	r.last = seq
}

// Take feeds the event at seq and imposes what follows. After an error it is
// called with the same event again.
func (r *Runner) Take(ctx context.Context, seq int64, event record.Event) error {
	if seq > r.last {
		r.pending = append(r.pending, r.engine.Feed(event)...)
		r.last = seq
	}
	for len(r.pending) > 0 {
		d := r.pending[0]
		if d.Mode == LogOnly {
			r.log.Info("audit: a rule in log mode would have decided", "rule", d.Rule, "kind", d.Verdict.Kind, "action", d.Verdict.Action, "trigger", d.Trigger)
		} else if err := r.impose(ctx, d); err != nil {
			return err
		}
		r.pending = r.pending[1:]
	}
	return nil
}
