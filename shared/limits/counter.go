package limits

import (
	"context"
	"time"
)

// Counter is how often something was done in its window, as a store keeps it:
// times in whole milliseconds, all zero when it was never raised.
type Counter struct {
	Count int
	Start time.Time // of the window
	Last  time.Time // of the last use that counted
}

// Rise asks for one use more of the counter of that key.
type Rise struct {
	Key string
	// Apply is the rule: next is the counter with this use in it, and wait is 0;
	// or wait says how long this use must wait, and next is found with its times
	// mended. It may run several times.
	Apply func(found Counter) (next Counter, wait time.Duration)
}

// Return gives uses of one counter back.
type Return struct {
	Key string
	N   int // 0: all
}

// Store keeps counters. All methods may return the context's error or a fault of
// kind unavailable; then nothing that they were asked for is kept, but that a
// store without transactions may leave a use counted that was not granted.
type Store interface {
	// Raise applies all rises, whose keys differ. When every wait is 0, all the
	// next counters are kept, otherwise none of those is; a next that has to wait
	// is kept where it differs from what was found. waits is in the order of rises.
	Raise(ctx context.Context, rises []Rise) (waits []time.Duration, err error)
	// Forgive takes uses off counters, none below zero, and leaves their times.
	// Unknown keys are ignored.
	Forgive(ctx context.Context, returns []Return) error
	// Prune deletes at most limit counters whose last use was before that time,
	// and says how many. Nothing depends on it but space.
	Prune(ctx context.Context, before time.Time, limit int) (int, error)
}

// apply is the rule of one limit at one time.
func (l Limit) apply(now time.Time) func(Counter) (Counter, time.Duration) {
	return func(found Counter) (Counter, time.Duration) {
		c := found
		// Kept with the answer "wait", so that a wait begins once, and not anew with
		// each try until this clock has caught up.
		c.Start, c.Last = earlier(c.Start, now), earlier(c.Last, now)
		if c.Start.IsZero() || now.Sub(c.Start) >= l.Window {
			c = Counter{Start: now}
		}
		if wait := l.wait(c, now); wait > 0 {
			return c, wait
		}
		c.Count, c.Last = c.Count+1, now
		return c, 0
	}
}

// wait is how long the next use of a counter has to wait, never longer than its
// window lasts.
func (l Limit) wait(c Counter, now time.Time) time.Duration {
	left := c.Start.Add(l.Window).Sub(now)
	if l.Limit > 0 && c.Count >= l.Limit {
		return left
	}
	if l.Pause == nil {
		return 0
	}
	return min(left, c.Last.Add(l.Pause(c.Count)).Sub(now))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
