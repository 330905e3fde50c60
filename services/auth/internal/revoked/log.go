package revoked

import (
	"context"
	"sort"
	"sync"
	"time"

	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/id"
)

const (
	// overlap is how far the clocks of two processes, and the time that an end takes to be written, may be apart.
	overlap = time.Minute
	// ReadEvery is how late an end of another process on the same store is seen; those of this one are added.
	ReadEvery = 250 * time.Millisecond
	// mostAtOnce bounds a page, and what is read at once.
	mostAtOnce = 1000
)

var (
	// ErrNotRead says that the store wasn't read since the start.
	ErrNotRead = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "the ended sessions are not read yet")
	// ErrCursor says that since is nothing that this feed gave.
	ErrCursor = fault.New(fault.KindInvalid, fault.CodeInvalidCursor, "the cursor isn't one of this feed").WithFields(
		fault.Field{Pointer: "query:since", Code: string(fault.CodeInvalidCursor), Detail: "is not one of this feed"})
)

// Ended is a session that is over, as the store has it.
type Ended struct {
	Session     string
	At          time.Time
	AccessUntil time.Time // when the last access token of it ends; zero: it never had one
}

// Store finds what has ended.
type Store interface {
	// Ended lists, by time and then id, at most limit sessions that ended at from or later and at to or earlier, and
	// come after that one in this order (the zero one: from the beginning).
	Ended(ctx context.Context, from, to time.Time, after Ended, limit int) ([]Ended, error)
}

// Entry says until when a session's access tokens must be refused.
type Entry struct {
	Session string
	Until   time.Time
	at      time.Time
	number  int64 // in the order of arrival here, from 1
}

// Page is one answer of the feed.
type Page struct {
	Entries []Entry
	Next    string
	More    bool
}

// Log is what has ended, in memory. Safe for concurrent use.
type Log struct {
	store Store
	clk   clock.Clock
	name  string // of this process's order

	mu      sync.Mutex
	entries []Entry // by number
	known   map[string]struct{}
	last    int64     // number given last
	read    time.Time // when the store was read; zero: not yet
	news    chan struct{}
	closed  bool
}

// New makes a Log that knows nothing before the first Refresh.
func New(store Store, clk clock.Clock) *Log {
	return &Log{store: store, clk: clk, name: id.New("log"), known: map[string]struct{}{}, news: make(chan struct{})}
}

// Add takes in what this process has ended and the store has: nobody waits for the next reading.
func (l *Log) Add(e Ended) { l.take(l.clk.Now(), []Ended{e}) }

// Drain answers all who wait, and all who come, at once: the process stops.
func (l *Log) Drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.news)
	}
}

// Refresh takes in what the store has and the log hasn't: its owner calls it each ReadEvery.
func (l *Log) Refresh(ctx context.Context) error {
	now := l.clk.Now()
	l.mu.Lock()
	from, to := earlier(l.read, now).Add(-overlap), now.Add(overlap)
	if l.read.IsZero() { // also what a clock that was ahead has left, and all whose tokens may live
		from, to = time.UnixMilli(1), now.AddDate(100, 0, 0)
	}
	l.mu.Unlock()
	for after, full := (Ended{}), true; full; {
		found, err := l.store.Ended(ctx, from, to, after, mostAtOnce)
		if err != nil {
			return err
		}
		l.take(now, found)
		if full = len(found) == mostAtOnce; full {
			after = found[len(found)-1]
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.read.IsZero() {
		l.wake() // even an empty answer is one now
	}
	l.read = now
	l.forget(now)
	return nil
}

// take adds what is news and whose tokens may live, and wakes those who wait.
func (l *Log) take(now time.Time, found []Ended) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.last
	for _, f := range found {
		e := Entry{Session: f.Session, Until: f.until(), at: f.At}
		if _, known := l.known[f.Session]; known || !now.Before(e.Until) {
			continue
		}
		l.last++
		e.number = l.last
		l.known[f.Session] = struct{}{}
		l.entries = append(l.entries, e)
	}
	if l.last != before {
		l.wake()
	}
}

// wake needs mu.
func (l *Log) wake() {
	if !l.closed {
		close(l.news)
		l.news = make(chan struct{})
	}
}

// until leaves room for clocks that are behind the one by which the token ends; it is also why what is read again is
// never something that was forgotten.
func (f Ended) until() time.Time {
	if f.At.After(f.AccessUntil) {
		return f.At.Add(overlap)
	}
	return f.AccessUntil.Add(overlap)
}

// forget drops what has ended for good, when that is at least half: each entry is moved once or twice in its life.
func (l *Log) forget(now time.Time) {
	live := 0
	for _, e := range l.entries {
		if now.Before(e.Until) {
			live++
		}
	}
	if 2*live > len(l.entries) || len(l.entries) == 0 {
		return
	}
	kept := make([]Entry, 0, live)
	for _, e := range l.entries {
		if now.Before(e.Until) {
			kept = append(kept, e)
		} else {
			delete(l.known, e.Session)
		}
	}
	l.entries = kept
}

// after is the index of the first entry above that number.
func (l *Log) after(number int64) int {
	return sort.Search(len(l.entries), func(i int) bool { return l.entries[i].number > number })
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
