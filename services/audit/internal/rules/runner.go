package rules

import (
	"context"
	"log/slog"

	"centinela/shared/record"
)

// Runner feeds an Engine from the record and imposes what it decides. Each rule
// sees each event once, though it may be handed over again, after an error, a
// panic or a new start of the loop: a decision that could not be stored waits
// here, and a rule that an event makes panic is passed by for that event alone.
type Runner struct {
	engine  *Engine
	impose  func(context.Context, Decision) error
	log     *slog.Logger
	last    int64 // seq of the newest event that was begun
	rule    int   // the next rule for it; those before have seen it
	pending []Decision
}

// NewRunner makes a Runner; impose must bear a decision that it knows.
func NewRunner(engine *Engine, impose func(context.Context, Decision) error, log *slog.Logger) *Runner {
	return &Runner{engine: engine, impose: impose, log: log}
}

// Warm feeds an event of an earlier life, whose decisions were made then. A
// warming that failed half way begins anew: what was fed already is left out.
func (r *Runner) Warm(seq int64, event record.Event) {
	r.feed(seq, event, func(Decision) {})
}

// feed moves on before each rule, so that no fault makes a rule count an event
// twice, and none holds up the rules after it for ever.
func (r *Runner) feed(seq int64, event record.Event, decided func(Decision)) {
	if seq > r.last {
		r.last, r.rule = seq, 0
	}
	for seq == r.last && r.rule < r.engine.Rules() {
		i := r.rule
		r.rule++
		if d, ok := r.engine.apply(i, event); ok {
			decided(d)
		}
	}
}

// Take feeds the event at seq and imposes what follows. After an error it is
// called with the same event again.
func (r *Runner) Take(ctx context.Context, seq int64, event record.Event) error {
	r.feed(seq, event, func(d Decision) { r.pending = append(r.pending, d) })
	for len(r.pending) > 0 {
		d := r.pending[0]
		if d.Mode == LogOnly {
			r.log.Info("audit: a rule in log mode would have decided", "rule", d.Rule, "action", d.Action, "trigger", d.Trigger)
		} else if err := r.impose(ctx, d); err != nil {
			return err
		}
		r.pending = r.pending[1:]
	}
	return nil
}
