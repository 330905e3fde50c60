package ledger

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"centinela/shared/clock"
	"centinela/shared/record"
)

const (
	// maxGroup is how many events share one write, and bounds how long the first
	// of them waits for it.
	maxGroup = 1000
	// writeBudget ends a write that hangs; its callers may be gone by then, so
	// their deadlines don't count.
	writeBudget = 10 * time.Second
)

var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Ledger takes events into the record. It is safe for concurrent use.
type Ledger struct {
	store  Store
	clock  clock.Clock
	stored func([]Entry)

	// lead is held by the one caller who writes, for all who wait; that is the
	// order of the record within this process.
	lead chan struct{}

	mu    sync.Mutex
	queue []*batch

	seen atomic.Int64 // newest seq that this process knows of
}

// New makes a Ledger. stored is called after each write with what it added, in
// order, by one goroutine at a time; it must return quickly.
func New(store Store, clk clock.Clock, stored func([]Entry)) *Ledger {
	return &Ledger{store: store, clock: clk, stored: stored, lead: make(chan struct{}, 1)}
}

// Result is what Append did with a batch.
type Result struct {
	Stored int // now in the record
	Known  int // were there before
}

type batch struct {
	events []record.Event
	result Result
	err    error
	done   chan struct{}
}

// Append records events in their order and returns when they are durable.
// Those whose id is known are counted and not stored again, whatever they say:
// the first content stands. Batches that wait
// at the same time share one write. A context that ends before the write
// starts records nothing. Errors: record.ErrInvalid, ErrTimeOutOfRange, the
// context's, the store's, ErrInterrupted.
func (l *Ledger) Append(ctx context.Context, events []record.Event) (Result, error) {
	b := &batch{events: make([]record.Event, len(events)), done: make(chan struct{})}
	for i, e := range events {
		if err := e.Validate(); err != nil {
			return Result{}, err
		}
		if e.Time.Before(earliest) || e.Time.After(latest) {
			return Result{}, ErrTimeOutOfRange
		}
		b.events[i] = normal(e)
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	l.enqueue(b)
	select {
	case <-b.done:
	case l.lead <- struct{}{}:
		l.writeUntil(ctx, b)
	case <-ctx.Done():
		if l.withdraw(b) {
			return Result{}, ctx.Err()
		}
		<-b.done
	}
	return b.result, b.err
}

// Seen is the newest seq that this process has stored or read; for metrics.
func (l *Ledger) Seen() int64 { return l.seen.Load() }

// Open reads the head, so that Seen tells the truth from the start.
func (l *Ledger) Open(ctx context.Context) (Head, error) {
	head, err := l.store.Head(ctx)
	if err == nil {
		l.note(head.Seq)
	}
	return head, err
}

func (l *Ledger) note(seq int64) {
	for {
		known := l.seen.Load()
		if seq <= known || l.seen.CompareAndSwap(known, seq) {
			return
		}
	}
}

func (l *Ledger) enqueue(b *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, b)
}

// withdraw takes back a batch that nobody has begun to write.
func (l *Ledger) withdraw(b *batch) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, waiting := range l.queue {
		if waiting == b {
			l.queue = append(l.queue[:i], l.queue[i+1:]...)
			return true
		}
	}
	return false
}

// writeUntil leads: it writes groups of waiting batches until its own is done.
func (l *Ledger) writeUntil(ctx context.Context, own *batch) {
	defer func() { <-l.lead }()
	for {
		select {
		case <-own.done:
			return
		default:
			l.writeGroup(ctx, l.takeGroup())
		}
	}
}

func (l *Ledger) takeGroup() []*batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, events := 0, 0
	for n < len(l.queue) && (n == 0 || events+len(l.queue[n].events) <= maxGroup) {
		events += len(l.queue[n].events)
		n++
	}
	group := l.queue[:n:n]
	l.queue = l.queue[n:]
	return group
}

// writeGroup answers every batch of the group, also when the store panics: the
// panic then goes on in the leader's goroutine only.
func (l *Ledger) writeGroup(ctx context.Context, group []*batch) {
	answered := false
	answer := func(err error) {
		answered = true
		for _, b := range group {
			b.err = err
			close(b.done)
		}
	}
	defer func() {
		if !answered {
			answer(ErrInterrupted)
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeBudget)
	defer cancel()
	owner := make(map[string]*batch)
	var events []record.Event
	for _, b := range group {
		for _, e := range b.events {
			if _, twice := owner[e.ID]; !twice {
				owner[e.ID] = b
				events = append(events, e)
			}
		}
	}
	now := l.clock.Now()
	added, err := l.store.Append(ctx, events, func(head Head, e record.Event) (Entry, error) { return link(head, e, now) })
	if err != nil {
		answer(err)
		return
	}
	for _, e := range added {
		owner[e.Event.ID].result.Stored++
	}
	for _, b := range group {
		b.result.Known = len(b.events) - b.result.Stored
	}
	if len(added) > 0 {
		l.note(added[len(added)-1].Seq)
		l.stored(added)
	}
	answer(nil)
}
