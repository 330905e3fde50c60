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

// Fetch asks audit for the page behind a cursor, and lets it wait that long for something to happen. Without a cursor
// it asks for everything.
type Fetch func(ctx context.Context, cursor string, wait time.Duration) (Page, error)

// Change is what a page or a snapshot changed, for those who look after the clients that are inside already.
type Change struct {
	// Whole: everything may be different.
	Whole    bool
	Verdicts []Verdict // new or changed
}

// Feed keeps a Set equal to audit's list.
type Feed struct {
	set   *Set
	fetch Fetch
	disk  *journal
	clk   clock.Clock
	log   *slog.Logger

	contact, restored atomic.Bool
	mu                sync.Mutex
	changed           []func(Change)
}

// NewFeed makes a feed of set. It does nothing yet: call Restore before serving, and Run.
func NewFeed(set *Set, fetch Fetch, onDisk Copy, clk clock.Clock, log *slog.Logger) *Feed {
	return &Feed{set: set, fetch: fetch, disk: &journal{Copy: onDisk, now: clk.Now}, clk: clk, log: log}
}

// OnChange has f called after each change of the set, in Run's goroutine: it must be short.
func (f *Feed) OnChange(changed func(Change)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed = append(f.changed, changed)
}

// Able reports whether the set is what audit says, or said: audit's whole list was heard since the start, or a whole
// copy of it was found on disk. Before that nobody knows whom to refuse.
func (f *Feed) Able() bool { return f.contact.Load() || f.restored.Load() }

// Restore fills the set from the copy on disk, so that what was refused before a restart is refused from the first
// request on. A copy that can't be read whole, is another's or too old counts as nothing, and is told by name; audit
// has the truth. No file is no error.
func (f *Feed) Restore() {
	all, found, err := f.disk.restore()
	switch {
	case err != nil:
		f.log.Error("the copy of the verdicts on disk counts as nothing; waiting for audit", "file", f.disk.Path, "error", err)
	case found:
		f.replace(all)
		f.restored.Store(true)
	}
}

// Run follows audit until ctx ends, and then returns nil; errors of audit and of the disk are logged when they begin
// and when they end. It starts with everything there is; where it was interrupted within that, it goes on there.
func (f *Feed) Run(ctx context.Context) error {
	defer f.disk.close()
	cursor, pause, silent := "", pauseMin, false
	var everything []Verdict // the pages of a snapshot so far
	inSnapshot := false
	swept := f.clk.Now()
	for ctx.Err() == nil {
		started := time.Now() // real time: measures the peer, decides nothing
		page, err := f.fetch(ctx, cursor, longPoll)
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
		cursor = page.Cursor
		if page.Snapshot {
			everything, inSnapshot = nil, true
		}
		switch {
		case inSnapshot:
			everything = without(append(everything, page.Verdicts...), page.Removed)
			if !page.More {
				f.replace(everything)
				f.keep(f.disk.rewrite(f.set.Snapshot()))
				f.contact.Store(true)
				f.tell(Change{Whole: true})
				everything, inSnapshot = nil, false
			}
		case len(page.Verdicts)+len(page.Removed) > 0:
			f.take(page)
		case time.Since(started) < idlePause:
			wait(ctx, idlePause)
		}
		if now := f.clk.Now(); now.Sub(swept) >= sweepEvery {
			swept = now
			f.set.Sweep(now)
			f.keep(f.disk.alive())
		}
	}
	return nil
}

// without leaves out what was lifted while a snapshot was read, and the older of two versions of a verdict.
func without(verdicts []Verdict, removed []string) []Verdict {
	if len(removed) == 0 {
		return verdicts // of two versions the later one counts in any case
	}
	gone := make(map[string]bool, len(removed))
	for _, id := range removed {
		gone[id] = true
	}
	kept := verdicts[:0]
	for _, v := range verdicts {
		if !gone[v.ID] {
			kept = append(kept, v)
		}
	}
	return kept
}

func (f *Feed) replace(all []Verdict) {
	if err := f.set.Replace(all); err != nil {
		f.log.Warn("verdicts left out", "error", err)
	}
}

func (f *Feed) take(page Page) {
	if err := f.set.Apply(page.Verdicts, page.Removed); err != nil {
		f.log.Warn("verdicts left out", "error", err)
	}
	f.keep(f.disk.append(page.Verdicts, page.Removed, f.set.Snapshot))
	f.tell(Change{Verdicts: page.Verdicts})
}

func (f *Feed) keep(err error) {
	if err != nil {
		f.log.Warn("the copy of the verdicts is not up to date", "error", err)
	}
}

func (f *Feed) tell(change Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, changed := range f.changed {
		changed(change)
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
