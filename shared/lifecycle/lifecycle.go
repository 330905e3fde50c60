package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// lastGrace is what Run gets to return in, once its Stop has used up the
// budget and its context has ended.
const lastGrace = time.Second

// Unit is one part of the process: a store, a listener, a shipper. A nil function
// has nothing to do.
type Unit struct {
	Name string // for logs and errors
	// Start makes the unit ready and returns; ctx ends when the process is asked
	// to stop, so a Start that waits must watch it. It starts no work that
	// outlives it: that is Run's. After an error Stop is not called.
	Start func(ctx context.Context) error
	// Run works until ctx ends or Stop was called. A nil before that means that
	// nothing is left to do, and is no reason to stop the others.
	Run func(ctx context.Context) error
	// Stop drains the unit; ctx ends with the stop budget. Run's context ends
	// only after Stop returned, so Stop must not wait for Run.
	Stop func(ctx context.Context) error
}

// Run starts the units in order, runs them all, and at ctx's end or the first
// failure stops them in reverse order, one after the other. Each has stopBudget
// for Stop and for the return of its Run. A Start that fails stops those
// already started. The error names every unit that failed, and is nil when ctx
// ended and all stopped in time; a unit that overran its budget is left behind
// and reported.
func Run(ctx context.Context, log *slog.Logger, stopBudget time.Duration, units ...Unit) error {
	started, err := start(ctx, log, units)
	if err == nil && ctx.Err() == nil {
		err = watch(ctx, started)
	}
	log.LogAttrs(ctx, slog.LevelDebug, "stopping", slog.Int("units", len(started)), slog.Bool("failed", err != nil))
	problems := []error{err}
	for _, r := range slices.Backward(started) {
		began := time.Now() // a real latency, not a rule's time
		problems = append(problems, r.stop(stopBudget)...)
		log.LogAttrs(ctx, slog.LevelDebug, "unit stopped", slog.String("unit", r.Name), slog.Duration("took", time.Since(began)))
	}
	return errors.Join(problems...)
}

// running is a started unit. Its context doesn't end with the process's, but
// when its turn to stop has come: the last started drains while those that it
// needs still work.
type running struct {
	Unit
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan error // Run's result, once; nil while Run was not called
}

func start(ctx context.Context, log *slog.Logger, units []Unit) ([]*running, error) {
	var started []*running
	for _, unit := range units {
		if ctx.Err() != nil {
			return started, nil
		}
		began := time.Now() // a real latency, not a rule's time
		if err := guard(ctx, unit.Name+": start", unit.Start); err != nil {
			if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				return started, nil // asked to stop while starting: no failure
			}
			return started, err
		}
		log.LogAttrs(ctx, slog.LevelDebug, "unit started", slog.String("unit", unit.Name), slog.Duration("took", time.Since(began)))
		r := &running{Unit: unit}
		r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
		started = append(started, r)
	}
	return started, nil
}

// watch runs the units until ctx ends (nil) or the first of them fails (its error).
func watch(ctx context.Context, started []*running) error {
	failed := make(chan *running, len(started))
	for _, r := range started {
		r.ended = make(chan error, 1)
		go func() {
			err := guard(r.ctx, r.Name+": run", r.Run)
			if err != nil && r.ctx.Err() != nil && errors.Is(err, context.Canceled) {
				err = nil // it ended as it was told to
			}
			r.ended <- err
			if err != nil && r.ctx.Err() == nil {
				failed <- r
			}
		}()
	}
	select {
	case <-ctx.Done():
		return nil
	case r := <-failed:
		err := <-r.ended
		close(r.ended) // stop finds it ended, and doesn't report it again
		return err
	}
}

// stop ends one unit within the budget and gives what went wrong.
func (r *running) stop(budget time.Duration) []error {
	defer r.cancel()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), budget)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- guard(ctx, r.Name+": stop", r.Stop) }()
	var problems []error
	select {
	case err := <-stopped:
		problems = append(problems, err)
	case <-ctx.Done():
		problems = append(problems, fmt.Errorf("%s: stop: took longer than %s", r.Name, budget))
	}
	r.cancel()
	if r.ended == nil {
		return problems
	}
	select {
	case err := <-r.ended:
		return append(problems, err)
	case <-ctx.Done():
	}
	select {
	case err := <-r.ended:
		return append(problems, err)
	case <-time.After(lastGrace):
		return append(problems, fmt.Errorf("%s: run: didn't return within %s", r.Name, budget))
	}
}

// guard names the step in its error and turns a panic into one, with the stack.
func guard(ctx context.Context, step string, call func(context.Context) error) error {
	if call == nil {
		return nil
	}
	if err := caught(ctx, call); err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	return nil
}
