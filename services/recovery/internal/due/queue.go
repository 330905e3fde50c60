package due

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

const (
	batch      = 100
	atOnce     = 8 // a peer that is slow to fail must not make one line of all
	firstPause = time.Second
	// LongestPause is the longest time for which a failing item is put off.
	LongestPause = 10 * time.Minute
)

// Item is one thing that is due, and how often it failed in a row.
type Item struct {
	ID       string
	Attempts int
}

// Queue is where due things come from, and what is done with them.
type Queue struct {
	// Due lists what is due, the longest due first, at most limit.
	Due func(ctx context.Context, now time.Time, limit int) ([]Item, error)
	// Do does one; afterwards it must not be due any more.
	Do func(ctx context.Context, id string, now time.Time) error
	// PutOff makes an item due again at next, as one that failed that often. It
	// must not need what the item holds: that may be what is broken.
	PutOff func(ctx context.Context, item Item, next time.Time) error
}

// Work does all that is due at now. An item that fails or panics is put off,
// longer each time, so that it never stands in front of the others (KA D4). The
// error says how many failed, and why the first did.
func (q Queue) Work(ctx context.Context, now time.Time) error {
	var failed []error
	seen := map[string]bool{}
	for {
		items, err := q.Due(ctx, now, batch)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(items, atOnce) {
			if err := q.some(ctx, now, some, seen, &failed); err != nil {
				return err
			}
		}
		if len(items) < batch {
			if len(failed) > 0 {
				return fmt.Errorf("%d of what was due failed and are put off; the first: %w", len(failed), failed[0])
			}
			return nil
		}
	}
}

// some does a few at once. Its error is that of a store that can't put off, or
// the context's.
func (q Queue) some(ctx context.Context, now time.Time, items []Item, seen map[string]bool, failed *[]error) error {
	errs := make([]error, len(items))
	var all sync.WaitGroup
	for i, item := range items {
		if seen[item.ID] {
			errs[i] = fmt.Errorf("%s stays due although it was done", item.ID)
			continue
		}
		seen[item.ID] = true
		all.Go(func() { errs[i] = Contained(func() error { return q.Do(ctx, item.ID, now) }) })
	}
	all.Wait()
	if ctx.Err() != nil {
		return ctx.Err() // stopped: nobody's fault
	}
	for i, err := range errs {
		if err == nil {
			continue
		}
		*failed = append(*failed, err)
		item := items[i]
		item.Attempts++
		if err := q.PutOff(ctx, item, now.Add(pause(item))); err != nil {
			return err
		}
	}
	return nil
}

// pause doubles with each attempt up to [LongestPause]. Up to a quarter is taken
// off by chance, so that items that failed together come back apart.
func pause(item Item) time.Duration {
	p := min(firstPause<<min(item.Attempts-1, 20), LongestPause)
	return p - rand.N(p/4) //nolint:gosec // no secret
}

// Contained turns a panic into an error: one item's must neither end the loop, nor
// hold the others up (R3).
func Contained(step func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return step()
}

// Later is the later of two times.
func Later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
