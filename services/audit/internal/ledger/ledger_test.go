package ledger_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/store/sqlite"
	"centinela/shared/clock"
	"centinela/shared/cursor"
	"centinela/shared/id"
	"centinela/shared/record"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func openStore(t testing.TB) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "audit.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.DB.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newLedger(store ledger.Store) *ledger.Ledger {
	return ledger.New(store, clock.NewManual(noon), func([]ledger.Entry) {})
}

func event() record.Event {
	return record.New(noon, "auth", record.SessionCreated, record.Success, record.Origin{})
}

func add(t testing.TB, l *ledger.Ledger, events ...record.Event) ledger.Result {
	t.Helper()
	result, err := l.Append(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func verify(t testing.TB, store ledger.Store, pin *ledger.Checkpoint) ledger.Report {
	t.Helper()
	report, err := ledger.Verify(t.Context(), store, 1, pin)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func pinned(t testing.TB, store ledger.Store) *ledger.Checkpoint {
	t.Helper()
	head, err := store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &ledger.Checkpoint{Head: head, Time: noon}
}

// R5.1: an event is in the record once, however often and by however many it is sent.
func TestAppendIsIdempotent(t *testing.T) {
	store := openStore(t)
	l := newLedger(store)
	a, b := event(), event()
	if got := add(t, l, a, b, a); got != (ledger.Result{Stored: 2, Known: 1}) {
		t.Errorf("first: %+v", got)
	}
	if got := add(t, l, b); got != (ledger.Result{Known: 1}) {
		t.Errorf("again: %+v", got)
	}
	shared := make([]record.Event, 20)
	for i := range shared {
		shared[i] = event()
	}
	var stored atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			result, err := l.Append(t.Context(), append([]record.Event{event()}, shared...))
			if err != nil || result.Stored < 1 || result.Stored+result.Known != 21 {
				t.Errorf("%+v, %v", result, err)
			}
			stored.Add(int64(result.Stored))
		})
	}
	wg.Wait()
	if stored.Load() != 70 {
		t.Errorf("%d were counted as stored, want 70", stored.Load())
	}
	if report := verify(t, store, pinned(t, store)); report.Bad != 0 || report.Checked != 72 {
		t.Errorf("%+v", report)
	}
}

func TestAppendRefuses(t *testing.T) {
	l := newLedger(openStore(t))
	invalid, early, late := event(), event(), event()
	invalid.Action = "made.up"
	early.Time = time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)
	late.Time = time.Date(2201, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		event record.Event
		want  error
	}{
		"an invalid event": {invalid, record.ErrInvalid},
		"before 2000":      {early, ledger.ErrTimeOutOfRange},
		"after 2200":       {late, ledger.ErrTimeOutOfRange},
	} {
		if _, err := l.Append(t.Context(), []record.Event{event(), test.event}); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(done, []record.Event{event()}); !errors.Is(err, context.Canceled) {
		t.Errorf("done context: %v", err)
	}
	if got := add(t, l, event()); got.Stored != 1 || l.Seen() != 1 {
		t.Errorf("something of a refused batch was stored: seen %d", l.Seen())
	}
}

// panicking is a store with a fault.
type panicking struct {
	ledger.Store
	on atomic.Bool
}

func (p *panicking) Append(ctx context.Context, events []record.Event, link func(ledger.Head, record.Event) (ledger.Entry, error)) ([]ledger.Entry, error) {
	if p.on.Load() {
		panic("store fault")
	}
	return p.Store.Append(ctx, events, link)
}

// R3: a panic in the write ends the request that leads; those that wait with it
// get an error, nobody waits for ever, and the next batch is stored.
func TestAppendSurvivesAPanic(t *testing.T) {
	store := &panicking{Store: openStore(t)}
	store.on.Store(true)
	l := newLedger(store)
	var wg sync.WaitGroup
	var panics, failures atomic.Int64
	for range 20 {
		wg.Go(func() {
			defer func() {
				if recover() != nil {
					panics.Add(1)
				}
			}()
			if _, err := l.Append(t.Context(), []record.Event{event()}); errors.Is(err, ledger.ErrInterrupted) {
				failures.Add(1)
			}
		})
	}
	wg.Wait()
	if panics.Load() == 0 || panics.Load()+failures.Load() != 20 {
		t.Errorf("%d panics, %d failures of 20", panics.Load(), failures.Load())
	}
	store.on.Store(false)
	if got := add(t, l, event()); got.Stored != 1 {
		t.Errorf("after the panic: %+v", got)
	}
}

func TestActivityPages(t *testing.T) {
	l := newLedger(openStore(t))
	account := id.New("acc")
	for range 5 {
		e := event()
		e.Account = account
		add(t, l, e, event())
	}
	var seqs []int64
	for next := ""; ; {
		page, err := l.Activity(t.Context(), account, next, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			seqs = append(seqs, e.Seq)
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if len(seqs) != 5 || seqs[0] != 9 || seqs[4] != 1 {
		t.Errorf("seqs %v", seqs)
	}
	if _, err := l.Activity(t.Context(), account, "%%%", 2); !errors.Is(err, cursor.ErrInvalid) {
		t.Errorf("a bad cursor: %v", err)
	}
}
