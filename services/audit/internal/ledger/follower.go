package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sort"
	"sync/atomic"
	"time"

	"centinela/services/audit/internal/openings"
)

const (
	followBatch = 500
	// followIdle is how often it looks without a kick: another instance may have
	// appended to the same database.
	followIdle = 250 * time.Millisecond
	// The cursor is kept this often, not with every batch, which would cost a
	// sync each: after a crash the last second is handed over again.
	cursorEvery   = time.Second
	cursorEntries = 1000
	followPause   = time.Second // after a failure
	// rewindSlack covers clocks of machines that differ.
	rewindSlack = time.Minute
)

// Sink takes entries in order. After an error, and after a crash, it is given
// entries again that it has taken; it must bear that.
type Sink func(ctx context.Context, entries []Entry) error

// Follower reads the record in the order of seq, from where it stopped, and
// hands each entry to the sinks.
type Follower struct {
	store    Store
	openings *openings.Opener
	name     string
	log      *slog.Logger
	sinks    []Sink
	// window is how much of the past, in the record's time, sinks with state need
	// at the start, and warm gives it to them.
	window time.Duration
	warm   func([]Entry)

	fresh    fresh
	kick     chan struct{}
	position atomic.Int64
	failures atomic.Int64
	due      <-chan time.Time // the cursor is to be kept now
	saved    int64
	warmed   bool
}

// NewFollower makes a Follower. Before the first entry it hands the entries of
// the last window, already taken in an earlier life, to warm.
func NewFollower(store Store, open *openings.Opener, name string, log *slog.Logger, window time.Duration, warm func([]Entry), sinks ...Sink) *Follower {
	return &Follower{store: store, openings: open, name: name, log: log, sinks: sinks, window: window, warm: warm, kick: make(chan struct{}, 1)}
}

// Offer hands over what was just added, so that it needn't be read back, and makes
// it look now. It never blocks.
func (f *Follower) Offer(entries []Entry) {
	f.fresh.put(entries)
	select {
	case f.kick <- struct{}{}:
	default: // one is waiting already, and a look takes all there is
	}
}

// Position is the seq up to which all entries were handed over.
func (f *Follower) Position() int64 { return f.position.Load() }

// Failures counts failed steps, panics of a sink included.
func (f *Follower) Failures() int64 { return f.failures.Load() }

// Run follows until ctx ends. A failing or panicking sink is logged and gets the
// same entries again after a second: nothing is skipped (R3, R5.3).
func (f *Follower) Run(ctx context.Context) error {
	due := time.NewTicker(cursorEvery) // it paces writes, it decides nothing
	defer due.Stop()
	f.due = due.C
	for ctx.Err() == nil {
		pause := followIdle
		if err := f.guardedStep(ctx); err != nil && ctx.Err() == nil {
			f.failures.Add(1)
			f.log.Error("audit: the record's follower failed, trying again", "follower", f.name, "after_seq", f.position.Load(), "error", err.Error())
			pause = followPause
		}
		f.wait(ctx, pause)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := f.save(last); err != nil {
		f.log.Warn("audit: the follower's cursor was not kept; the next start hands some entries over again", "error", err.Error())
	}
	return nil
}

func (f *Follower) wait(ctx context.Context, pause time.Duration) {
	kick := f.kick
	if pause == followPause {
		kick = nil // new entries don't shorten the pause
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-kick:
	case <-timer.C:
	}
}

func (f *Follower) guardedStep(ctx context.Context) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	if err := f.start(ctx); err != nil {
		return err
	}
	for {
		more, err := f.batch(ctx)
		if err != nil {
			return err
		}
		if err := f.saveIfDue(ctx); err != nil || !more {
			return err
		}
	}
}

// batch hands the next entries over. A row that can't be read was altered: it
// is reported and passed by, because the firewall must go on; verification
// names it for good.
func (f *Follower) batch(ctx context.Context) (more bool, err error) {
	from := f.position.Load() + 1
	entries, err := f.next(ctx, from)
	damaged, isDamaged := errors.AsType[*DamagedError](err)
	if err != nil && !isDamaged {
		return false, err
	}
	if len(entries) > 0 {
		for _, sink := range f.sinks {
			if err := sink(ctx, entries); err != nil {
				return false, err
			}
		}
		f.position.Store(entries[len(entries)-1].Seq)
	}
	if isDamaged {
		f.failures.Add(1)
		f.log.Error("audit: a row of the record was altered; run: centinela audit verify", "seq", damaged.Seq, "error", damaged.Error())
		f.position.Store(max(f.position.Load(), damaged.Seq, from)) // its seq may be no number at all: go on, never back
	}
	return len(entries) > 0 || isDamaged, nil
}

// next are the entries from one on: those that were offered, if that one is among
// them, else what the store has.
func (f *Follower) next(ctx context.Context, from int64) ([]Entry, error) {
	if entries := f.fresh.take(from); len(entries) > 0 {
		return entries, nil
	}
	return f.entries(ctx, from, followBatch)
}

// entries reads rows up to the first that is no entry.
func (f *Follower) entries(ctx context.Context, from int64, limit int) ([]Entry, error) {
	rows, err := f.store.Rows(ctx, from, limit)
	entries := make([]Entry, 0, len(rows))
	for _, row := range rows {
		entry, bad := entryOf(ctx, f.openings, row)
		if bad != nil {
			return entries, bad
		}
		entries = append(entries, entry)
	}
	return entries, err
}

// start loads the cursor and warms the sinks, once.
func (f *Follower) start(ctx context.Context) error {
	if f.warmed {
		return nil
	}
	at, err := f.store.FollowerCursor(ctx, f.name)
	if err != nil {
		return err
	}
	head, err := f.store.Head(ctx)
	if err != nil {
		return err
	}
	at = min(at, head.Seq) // rows may have been cut off; what takes their numbers is new
	from, err := f.windowStart(ctx, at)
	if err != nil {
		return err
	}
	for from <= at {
		entries, err := f.entries(ctx, from, followBatch)
		damaged, isDamaged := errors.AsType[*DamagedError](err)
		if err != nil && !isDamaged {
			return err
		}
		if len(entries) == 0 && isDamaged {
			from = max(damaged.Seq, from) + 1 // as in batch
			continue
		}
		taken := sort.Search(len(entries), func(i int) bool { return entries[i].Seq > at })
		if taken == 0 {
			break
		}
		f.warm(entries[:taken])
		from = entries[taken-1].Seq + 1
	}
	f.position.Store(at)
	f.saved, f.warmed = at, true
	return nil
}

// windowStart finds by bisection the first entry stored within two windows (one
// for events that come late) before the entry at seq at.
func (f *Follower) windowStart(ctx context.Context, at int64) (int64, error) {
	if at == 0 {
		return 1, nil
	}
	var failed error
	storedAt := func(seq int64) time.Time {
		rows, err := f.store.Rows(ctx, seq, 1)
		if _, isDamaged := errors.AsType[*DamagedError](err); err != nil && !isDamaged && failed == nil {
			failed = err
		}
		if len(rows) == 0 {
			return time.Time{}
		}
		return rows[0].StoredAt
	}
	oldest := storedAt(at).Add(-2*f.window - rewindSlack)
	from := sort.Search(int(at), func(i int) bool { return !storedAt(int64(i) + 1).Before(oldest) })
	return int64(from) + 1, failed
}

func (f *Follower) saveIfDue(ctx context.Context) error {
	select {
	case <-f.due:
	default:
		if f.position.Load()-f.saved < cursorEntries {
			return nil
		}
	}
	return f.save(ctx)
}

func (f *Follower) save(ctx context.Context) error {
	at := f.position.Load()
	if !f.warmed || at == f.saved {
		return nil
	}
	if err := f.store.SaveFollowerCursor(ctx, f.name, at); err != nil {
		return err
	}
	f.saved = at
	return nil
}
