package ledger

import (
	"context"
	"crypto/ed25519"
	"errors"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"centinela/services/audit/internal/openings"
	"centinela/shared/clock"
	"centinela/shared/record"
)

const (
	// maxGroup is how many events share one write, and bounds how long the first
	// of them waits for it. With 1,000 all senders wait for the same write and are
	// then read at the same time; with two shipments the next two are read meanwhile
	// (7 % more events a second), with one the commits cost more than that.
	maxGroup = 400
	// writeBudget ends a write that hangs; its callers may be gone by then, so
	// their deadlines don't count.
	writeBudget = 10 * time.Second
	// foldBatch is how many rows are read at once to learn what others appended.
	foldBatch = 500
)

// Keys finds the public key of a service.
type Keys interface {
	PublicKey(service string) (ed25519.PublicKey, error)
}

// entryOf reads a row. Errors: DamagedError, the store's.
func entryOf(ctx context.Context, open *openings.Opener, row Row) (Entry, error) {
	env, err := row.parse()
	if err == nil {
		err = open.Open(ctx, &env, row.Token, row.Openings)
	}
	switch {
	case isDamage(err):
		return Entry{}, &DamagedError{Seq: row.Seq, Err: err}
	case err != nil && !errors.Is(err, openings.ErrErased):
		return Entry{}, err
	}
	return Entry{Seq: row.Seq, StoredAt: row.StoredAt, Envelope: env}, nil
}

// isDamage tells a row that was altered from a store that doesn't answer.
func isDamage(err error) bool {
	for _, kind := range []error{errClass, record.ErrInvalid, openings.ErrAltered, openings.ErrNoKey} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// Ledger takes shipments into the record. It is safe for concurrent use.
type Ledger struct {
	store    Store
	keys     Keys
	openings *openings.Keeper
	clock    clock.Clock
	stored   func([]Entry)

	// lead is held by the one caller who writes, for all who wait; that is the
	// order of the record within this process. What is below it is the leader's.
	lead    chan struct{}
	head    Head
	sources map[string]record.Head
	unsaved map[string]record.Head // of the sources: moved by rows that the stored heads don't know

	mu    sync.Mutex
	queue []*batch

	seen atomic.Int64 // newest seq that this process knows of
}

// New makes a Ledger; call Open before anything else. stored is called after each
// write with what it added, in order, by one goroutine at a time; it must return
// quickly.
func New(store Store, keys Keys, open *openings.Keeper, clk clock.Clock, stored func([]Entry)) *Ledger {
	return &Ledger{store: store, keys: keys, openings: open, clock: clk, stored: stored, lead: make(chan struct{}, 1)}
}

// Open learns where the record ends, and the heads of all sources.
func (l *Ledger) Open(ctx context.Context) error {
	heads, upTo, err := l.store.Sources(ctx)
	if err != nil {
		return err
	}
	l.sources, l.unsaved = heads, make(map[string]record.Head)
	return l.catchUp(ctx, upTo)
}

// catchUp reads what was appended behind the row upTo.
func (l *Ledger) catchUp(ctx context.Context, upTo int64) error {
	head, err := l.store.Head(ctx)
	if err != nil {
		return err
	}
	for from := upTo + 1; from <= head.Seq; {
		rows, err := l.store.Rows(ctx, from, foldBatch)
		damaged, isDamaged := errors.AsType[*DamagedError](err)
		if err != nil && !isDamaged {
			return err
		}
		for _, row := range rows {
			if env, err := record.Parse(row.Body); err == nil && fold(l.sources, &env) {
				l.unsaved[env.Source] = l.sources[env.Source]
			}
			from = row.Seq + 1
		}
		if isDamaged {
			from = max(from, damaged.Seq) + 1
		} else if len(rows) == 0 {
			break
		}
	}
	l.head = head
	l.note(head.Seq)
	return nil
}

// fold moves the head of the event's source, and reports whether it was the next.
func fold(heads map[string]record.Head, env *record.Envelope) bool {
	at := heads[env.Source]
	if env.N != at.N+1 {
		return false
	}
	heads[env.Source] = at.Next(env.Body)
	return true
}

type batch struct {
	shipment record.Shipment
	entries  []Entry // without a seq
	rows     []Row   // without a place in the chain
	held     record.Head
	err      error
	done     chan struct{}
}

// Ingest records a shipment, and returns what the record holds of its source then,
// durably: the shipment's own head, unless the source's log and the record don't
// agree; then nothing was recorded. What the record has already isn't recorded
// again. Shipments that wait at the same time share one write. A context that ends
// before the write starts records nothing. Errors: ErrShipment, record.ErrInvalid,
// ErrSignature, the context's, the store's, ErrInterrupted.
func (l *Ledger) Ingest(ctx context.Context, s record.Shipment) (record.Head, error) {
	b, err := l.read(ctx, s)
	if err != nil {
		return record.Head{}, err
	}
	if err := ctx.Err(); err != nil {
		return record.Head{}, err
	}
	l.enqueue(b)
	select {
	case <-b.done:
	case l.lead <- struct{}{}:
		l.writeUntil(ctx, b)
	case <-ctx.Done():
		if l.withdraw(b) {
			return record.Head{}, ctx.Err()
		}
		<-b.done
	}
	return b.held, b.err
}

// read checks a shipment and seals its openings, in the caller's own time.
func (l *Ledger) read(ctx context.Context, s record.Shipment) (*batch, error) {
	service, _, _ := strings.Cut(s.Source, "/")
	key, err := l.keys.PublicKey(service)
	if err != nil || !s.Head.SignedBy(key, s.Source, s.Signature) {
		return nil, ErrSignature.WithCause(err)
	}
	if len(s.Entries) == 0 || s.Head.N != s.From+int64(len(s.Entries))-1 {
		return nil, ErrShipment.WithDetail("the head isn't at the last event")
	}
	b := &batch{shipment: s, entries: make([]Entry, len(s.Entries)), rows: make([]Row, len(s.Entries)), done: make(chan struct{})}
	for i, sealed := range s.Entries {
		env, err := record.Parse(sealed.Body)
		if err == nil {
			err = env.Disclose(sealed.Openings)
		}
		if err == nil && (env.Source != s.Source || env.N != s.From+int64(i)) {
			err = ErrShipment.WithDetail("an event of another source, or with another number")
		}
		if err != nil {
			return nil, err
		}
		b.entries[i].Envelope = env
	}
	for i := range b.rows { // once all are good: a person's first event makes the person's key
		env := &b.entries[i].Envelope
		row := Row{Body: env.Body, Class: env.Class}
		if row.Token, row.Openings, err = l.openings.Seal(ctx, env); err != nil {
			return nil, err
		}
		b.rows[i] = row
	}
	b.rows[len(b.rows)-1].Signature = s.Signature
	return b, nil
}

// Seen is the newest seq that this process has stored or read; for metrics.
func (l *Ledger) Seen() int64 { return l.seen.Load() }

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
	for n < len(l.queue) && (n == 0 || events+len(l.queue[n].rows) <= maxGroup) {
		events += len(l.queue[n].rows)
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
	added, err := l.write(ctx, group)
	if err != nil {
		answer(err)
		return
	}
	if len(added) > 0 {
		l.note(l.head.Seq)
		l.stored(added)
	}
	answer(nil)
}

// write appends what is new in the group. When another instance was faster, or a
// failed write left some of it, it learns what there is and starts over.
func (l *Ledger) write(ctx context.Context, group []*batch) ([]Entry, error) {
	for looked := false; ; {
		plan := l.plan(group)
		if plan.gap && !looked { // another instance may have taken what is before it
			if err := l.catchUp(ctx, l.head.Seq); err != nil {
				return nil, err
			}
			looked = true
			continue
		}
		if len(plan.rows) == 0 {
			return nil, nil
		}
		moved := maps.Clone(l.unsaved)
		maps.Copy(moved, plan.sources)
		err := l.store.Append(ctx, l.head, plan.rows, moved)
		if err == nil {
			l.head = plan.rows[len(plan.rows)-1].head()
			maps.Copy(l.sources, plan.sources)
			clear(l.unsaved)
			return plan.entries, nil
		}
		upTo := l.head.Seq
		if errors.Is(err, ErrMoved) {
			err = nil
		}
		if err := errors.Join(err, l.catchUp(context.WithoutCancel(ctx), upTo), ctx.Err()); err != nil {
			return nil, err
		}
	}
}

// plan is what a group adds to the record as it is known.
type plan struct {
	rows    []Row
	entries []Entry
	sources map[string]record.Head // those that move
	gap     bool                   // something begins behind what is known of its source
}

// plan numbers and links what is new, and notes in each batch what is held then.
func (l *Ledger) plan(group []*batch) plan {
	n := 0
	for _, b := range group {
		n += len(b.rows)
	}
	p := plan{rows: make([]Row, 0, n), entries: make([]Entry, 0, n), sources: make(map[string]record.Head)}
	head, now := l.head, l.clock.Now().UTC().Truncate(time.Millisecond)
	for _, b := range group {
		source := b.shipment.Source
		before, moved := p.sources[source]
		if !moved {
			before = l.sources[source]
		}
		known := int(min(max(before.N-b.shipment.From+1, 0), int64(len(b.rows))))
		b.held = before
		at := before
		for i := known; i < len(b.rows) && at.N == b.shipment.From+int64(i)-1; i++ {
			at = at.Next(b.rows[i].Body)
		}
		p.gap = p.gap || before.N < b.shipment.From-1
		if at != b.shipment.Head || known == len(b.rows) {
			continue // nothing new, a gap before it, or another log: the source finds out by what is held
		}
		for i := known; i < len(b.rows); i++ {
			row := b.rows[i]
			row.StoredAt = now
			row.link(head)
			head = row.head()
			entry := b.entries[i]
			entry.Seq, entry.StoredAt = row.Seq, now
			p.rows, p.entries = append(p.rows, row), append(p.entries, entry)
		}
		b.held, p.sources[source] = at, at
	}
	return p
}
