package limits

import (
	"context"
	"time"
)

// Counter is how often something was done in its window, as a store keeps it:
// times in whole milliseconds, all zero when it was never raised or is forgotten.
type Counter struct {
	Count int
	End   time.Time // of the window
	Last  time.Time // of the last use that counted
}

// Store keeps counters. All methods may return the context's error or a fault of
// kind unavailable; then nothing that they were asked for is kept, but that a
// store without transactions may leave a use counted that was not granted.
type Store interface {
	// Update lets change alter the counters of those keys, which differ, in their
	// order, and keeps those that it altered: all, or none. change may run several
	// times, on newer counters.
	Update(ctx context.Context, keys []string, change func(counters []Counter)) error
	// Prune deletes at most limit counters whose window ended at now or before, and
	// says how many. Nothing depends on it but space.
	Prune(ctx context.Context, now time.Time, limit int) (int, error)
}

// at is the counter as one limit sees it at one time: times in the future are
// mended, and a window that is over is a new one.
func (l Limit) at(now time.Time, c Counter) Counter {
	if !now.Before(c.End) {
		return Counter{End: now.Add(l.Window)}
	}
	c.End, c.Last = earlier(c.End, now.Add(l.Window)), earlier(c.Last, now)
	return c
}

// wait is how long the next use of a counter has to wait, never longer than its
// window lasts.
func (l Limit) wait(now time.Time, c Counter) time.Duration {
	left := c.End.Sub(now)
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
