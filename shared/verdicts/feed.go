package verdicts

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"centinela/shared/clock"
)

const (
	longPoll   = 25 * time.Second
	pauseMin   = 50 * time.Millisecond
	pauseMax   = time.Second // a verdict is in force within a second of audit's return
	sweepEvery = 30 * time.Second
	idlePause  = 100 * time.Millisecond // after an empty answer that came at once: its peer doesn't wait
)

// NoVersion asks for a snapshot.
const NoVersion int64 = -1

// Fetch asks audit for what is newer than version, and lets it wait that long for something to happen. With
// NoVersion it asks for everything.
type Fetch func(ctx context.Context, version int64, wait time.Duration) (Delta, error)

// Feed keeps a Set equal to audit's list.
type Feed struct {
	set   *Set
	fetch Fetch
	disk  *journal
	clk   clock.Clock
	log   *slog.Logger

	contact atomic.Bool
	mu      sync.Mutex
	changed []func()
}

// NewFeed makes a feed of set. file is where the copy is kept; "" keeps none. It does nothing yet: call Restore
// before serving, and Run.
func NewFeed(set *Set, fetch Fetch, file string, clk clock.Clock, log *slog.Logger) *Feed {
	return &Feed{set: set, fetch: fetch, disk: &journal{path: file}, clk: clk, log: log}
}

// OnChange has f called after each change of the set, in Run's goroutine: it must be short.
func (f *Feed) OnChange(changed func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed = append(f.changed, changed)
}

// Synced reports whether audit was heard since the start. Before that the set is what the copy on disk says.
func (f *Feed) Synced() bool { return f.contact.Load() }

// Restore fills the set from the copy on disk, so that what was refused before a restart is refused from the first
// request on. No file is no error. A damaged line and what follows it is left out: it is the end of a write that a
// crash cut off, and audit has the rest.
func (f *Feed) Restore() error {
	return f.disk.restore(func(d Delta) {
		if err := f.set.Apply(d); err != nil {
			f.log.Warn("verdicts left out", "error", err)
		}
	})
}

// Run follows audit until ctx ends, and then returns nil; errors of audit and of the disk are logged when they begin
// and when they end. It starts with a snapshot, since audit's versions may have begun anew.
func (f *Feed) Run(ctx context.Context) error {
	defer f.disk.close()
	version, pause, silent := NoVersion, pauseMin, false
	swept := f.clk.Now()
	for ctx.Err() == nil {
		started := time.Now() // real time: measures the peer, decides nothing
		delta, err := f.fetch(ctx, version, longPoll)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			if !silent {
				f.log.Warn("the verdict feed is silent; known verdicts stay in force", "error", err)
				silent = true
			}
			wait(ctx, pause/2+rand.N(pause/2))
			pause = min(2*pause, pauseMax)
			continue
		}
		if silent {
			f.log.Info("the verdict feed is back")
		}
		pause, silent = pauseMin, false
		f.contact.Store(true)
		if !delta.Snapshot && (version == NoVersion || delta.Version < version) {
			version = NoVersion // not what was asked for: changes on top of we don't know what
			wait(ctx, idlePause)
			continue
		}
		version = delta.Version
		if empty := !delta.Snapshot && len(delta.Verdicts)+len(delta.Removed) == 0; empty {
			if time.Since(started) < idlePause {
				wait(ctx, idlePause)
			}
		} else {
			f.take(delta)
		}
		if now := f.clk.Now(); now.Sub(swept) >= sweepEvery {
			swept = now
			f.set.Sweep(now)
		}
	}
	return nil
}

func (f *Feed) take(delta Delta) {
	if err := f.set.Apply(delta); err != nil {
		f.log.Warn("verdicts left out", "error", err)
	}
	if err := f.disk.append(delta, f.set.Snapshot); err != nil {
		f.log.Warn("the copy of the verdicts is not up to date", "error", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, changed := range f.changed {
		changed()
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
