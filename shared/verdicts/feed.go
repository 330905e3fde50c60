package verdicts

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/longpoll"
)

// longPoll is how long audit may wait for something to happen.
const longPoll = 25 * time.Second

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
	set     *Set
	fetch   Fetch
	disk    *journal
	clk     clock.Clock
	log     *slog.Logger
	changed func(Change)

	able       chan struct{} // closed by enable
	enable     func()
	everything []Verdict // the pages of a snapshot so far
	inSnapshot bool
}

// ErrUnheard says that audit wasn't heard since the start and that no whole copy is on disk, so nobody can tell whom to refuse.
var ErrUnheard = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "whom to refuse is not known yet").WithRetryAfter(time.Second)

// patience is of a request that comes before the first whole list: services start in any order.
const patience = 2 * time.Second

// NewFeed makes a feed of set. It does nothing yet: call Restore before serving, and Run.
func NewFeed(set *Set, fetch Fetch, onDisk Copy, clk clock.Clock, log *slog.Logger) *Feed {
	able := make(chan struct{})
	return &Feed{
		set: set, fetch: fetch, disk: &journal{Copy: onDisk, now: clk.Now}, clk: clk, log: log, changed: func(Change) {},
		able: able, enable: sync.OnceFunc(func() { close(able) }),
	}
}

// OnChange has changed called after each change of the set, in Run's goroutine: it must be short. Call it before Run.
func (f *Feed) OnChange(changed func(Change)) { f.changed = changed }

// Able reports whether the set is what audit says, or said: audit's whole list was heard since the start, or a whole
// copy of it was found on disk. Before that nobody knows whom to refuse.
func (f *Feed) Able() bool {
	select {
	case <-f.able:
		return true
	default:
		return false
	}
}

// Await is nil as soon as the feed is able; it waits for that as long as ctx, and 2 s at most. Errors: ErrUnheard. Who
// doesn't know whom to refuse serves nobody (R5.4): an outage of audit opens no door.
func (f *Feed) Await(ctx context.Context) error {
	if f.Able() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-f.able:
		return nil
	case <-ctx.Done():
		return ErrUnheard
	}
}

// Restore fills the set from the copy on disk, so that what was refused before a restart is refused from the first
// request on. A copy that can't be read whole, is another's or too old counts as nothing, and is told by name; audit
// has the truth. No file is no error.
func (f *Feed) Restore() {
	all, found, err := f.disk.restore()
	switch {
	case err != nil:
		f.log.Error("the copy of the verdicts on disk counts as nothing; waiting for audit", "file", f.disk.Path, "error", err)
	case found:
		f.report(f.set.Replace(all))
		f.enable()
	}
}

// Run follows audit until ctx ends, and then returns nil. It starts with everything there is; where it was interrupted
// within that, it goes on there.
func (f *Feed) Run(ctx context.Context) error {
	defer f.disk.close()
	follower := longpoll.Follower{
		Name: "the verdict feed", Clock: f.clk, Log: f.log, Turn: f.turn,
		Sweep: func(now time.Time) { f.set.Sweep(now); f.keep(f.disk.alive()) },
	}
	return follower.Run(ctx)
}

func (f *Feed) turn(ctx context.Context, cursor string) (next string, busy bool, err error) {
	page, err := f.fetch(ctx, cursor, longPoll)
	if err != nil {
		return "", false, err
	}
	if page.Snapshot {
		f.everything, f.inSnapshot = nil, true
	}
	switch {
	case f.inSnapshot:
		f.everything = without(append(f.everything, page.Verdicts...), page.Removed)
		if !page.More {
			f.report(f.set.Replace(f.everything))
			f.keep(f.disk.rewrite(f.set.Snapshot()))
			f.enable()
			f.changed(Change{Whole: true})
			f.everything, f.inSnapshot = nil, false
		}
	case len(page.Verdicts)+len(page.Removed) > 0:
		f.report(f.set.Apply(page.Verdicts, page.Removed))
		f.keep(f.disk.append(page.Verdicts, page.Removed, f.set.Snapshot))
		f.changed(Change{Verdicts: page.Verdicts})
	default:
		return page.Cursor, page.More, nil
	}
	return page.Cursor, true, nil
}

// without leaves out what was lifted while a snapshot was read. Of two versions of a verdict the later one counts in any case.
func without(verdicts []Verdict, removed []string) []Verdict {
	gone := make(map[string]bool, len(removed))
	for _, id := range removed {
		gone[id] = true
	}
	return slices.DeleteFunc(verdicts, func(v Verdict) bool { return gone[v.ID] })
}

func (f *Feed) report(err error) {
	if err != nil {
		f.log.Warn("verdicts left out", "error", err)
	}
}

func (f *Feed) keep(err error) {
	if err != nil {
		f.log.Warn("the copy of the verdicts is not up to date", "error", err)
	}
}
