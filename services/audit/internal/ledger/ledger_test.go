package ledger_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/openings"
	"centinela/services/audit/internal/store/sqlite"
	"centinela/shared/clock"
	"centinela/shared/cursor"
	"centinela/shared/id"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/secret"
)

var (
	noon      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	peopleKey = secret.RandomKey()
	// serviceKey is every service's.
	serviceKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
)

// ring knows every service but the stranger.
type ring struct{}

func (r ring) PublicKeys(service string) ([]ed25519.PublicKey, error) {
	key, err := r.PublicKey(service)
	return []ed25519.PublicKey{key}, err
}

func (ring) PublicKey(service string) (ed25519.PublicKey, error) {
	if service == "stranger" {
		return nil, errors.New("no such service")
	}
	return serviceKey.Public().(ed25519.PublicKey), nil
}

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

// backend is what a ledger and its openings need of a store.
type backend interface {
	ledger.Store
	openings.Store
}

// book is a ledger, and a source that writes to it.
type book struct {
	*ledger.Ledger
	writer *outboxtest.Writer
}

func newLedger(t testing.TB, store backend) *book {
	t.Helper()
	return bookOf(t, store, clock.NewManual(noon), func([]ledger.Entry) {})
}

func bookOf(t testing.TB, store backend, clk clock.Clock, stored func([]ledger.Entry)) *book {
	t.Helper()
	l := ledger.New(store, ring{}, keeper(store), clk, stored)
	if err := l.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &book{l, outboxtest.NewWriter("auth", outboxtest.Signing(serviceKey))}
}

func keeper(store openings.Store) *openings.Keeper {
	return openings.New(store, peopleKey, clock.NewManual(noon))
}

func event() record.Event {
	return record.New(noon, "auth", record.SessionCreated, record.Success, record.Origin{})
}

func events(n int) []record.Event {
	list := make([]record.Event, n)
	for i := range list {
		list[i] = event()
	}
	return list
}

func add(t testing.TB, b *book, events ...record.Event) {
	t.Helper()
	shipment := b.writer.Shipment(t, events...)
	if held, err := b.Ingest(t.Context(), shipment); err != nil || held != shipment.Head {
		t.Fatalf("held %+v of %+v, %v", held, shipment.Head, err)
	}
}

func verify(t testing.TB, store interface {
	ledger.Reader
	openings.Store
}, pin *ledger.Checkpoint,
) ledger.Report {
	t.Helper()
	report, err := ledger.Verify(t.Context(), store, ring{}, keeper(store).Opener, pin)
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

// R5.1: an event is in the record once, however often and by however many it is
// sent, whole shipments and parts of them.
func TestIngestIsIdempotent(t *testing.T) {
	store := openStore(t)
	b := newLedger(t, store)
	first, second := b.writer.Shipment(t, events(3)...), b.writer.Shipment(t, events(2)...)
	both := record.Shipment{Source: first.Source, From: 1, Entries: slices.Concat(first.Entries, second.Entries), Head: second.Head, Signature: second.Signature}
	for i, c := range []struct {
		shipment record.Shipment
		held     record.Head
		rows     int64
	}{{first, first.Head, 3}, {first, first.Head, 3}, {both, second.Head, 5}, {second, second.Head, 5}, {first, second.Head, 5}} {
		if held, err := b.Ingest(t.Context(), c.shipment); err != nil || held != c.held || b.Seen() != c.rows {
			t.Errorf("%d: held %+v, %v, %d rows; want %+v, %d", i, held, err, b.Seen(), c.held, c.rows)
		}
	}
	third := b.writer.Shipment(t, events(20)...)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if held, err := b.Ingest(t.Context(), third); err != nil || held != third.Head {
				t.Errorf("held %+v, %v", held, err)
			}
			other := outboxtest.NewWriter("recovery", outboxtest.Signing(serviceKey))
			alone := other.Shipment(t, event())
			if held, err := b.Ingest(t.Context(), alone); err != nil || held != alone.Head {
				t.Errorf("held %+v, %v", held, err)
			}
		})
	}
	wg.Wait()
	if report := verify(t, store, pinned(t, store)); report.Bad != 0 || report.Checked != 75 || report.Sources != 51 {
		t.Errorf("%+v", report)
	}
}

// What breaks the form, or isn't signed, is refused whole.
func TestIngestRefuses(t *testing.T) {
	b := newLedger(t, openStore(t))
	other := outboxtest.NewWriter("auth", outboxtest.Signing(serviceKey))
	for name, c := range map[string]struct {
		change func(s *record.Shipment)
		want   error
	}{
		"no signature":          {func(s *record.Shipment) { s.Signature = nil }, ledger.ErrSignature},
		"another's signature":   {func(s *record.Shipment) { s.Signature = other.Shipment(t, event()).Signature }, ledger.ErrSignature},
		"an unknown service":    {func(s *record.Shipment) { s.Source = "stranger/a" }, ledger.ErrSignature},
		"signed for another":    {func(s *record.Shipment) { s.Source = "recovery/" + s.Source[5:] }, ledger.ErrSignature},
		"no events":             {func(s *record.Shipment) { s.Entries = nil }, ledger.ErrShipment},
		"one event too few":     {func(s *record.Shipment) { s.Entries = s.Entries[:2] }, ledger.ErrShipment},
		"another first number":  {func(s *record.Shipment) { s.From++ }, ledger.ErrShipment},
		"an event of another":   {func(s *record.Shipment) { s.Entries[1] = other.Shipment(t, event()).Entries[0] }, ledger.ErrShipment},
		"an event twice":        {func(s *record.Shipment) { s.Entries[1] = s.Entries[0] }, ledger.ErrShipment},
		"no event":              {func(s *record.Shipment) { s.Entries[1].Body = []byte("{}") }, record.ErrInvalid},
		"without its openings":  {func(s *record.Shipment) { s.Entries[0].Openings = []byte("[]") }, record.ErrInvalid},
		"with others' openings": {func(s *record.Shipment) { s.Entries[0].Openings = s.Entries[1].Openings }, record.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			batch := events(3)
			for i := range batch {
				batch[i].Account = id.New("acc")
			}
			s := outboxtest.NewWriter("auth", outboxtest.Signing(serviceKey)).Shipment(t, batch...)
			c.change(&s)
			if _, err := b.Ingest(t.Context(), s); !errors.Is(err, c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // the lead and the end are there at once, and chance would take either
		if _, err := b.Ingest(done, outboxtest.NewWriter("auth", outboxtest.Signing(serviceKey)).Shipment(t, event())); !errors.Is(err, context.Canceled) {
			t.Errorf("done context: %v", err)
		}
	}
	if b.Seen() != 0 {
		t.Errorf("something of a refused shipment was stored: seen %d", b.Seen())
	}
}

// A shipment that is more than what shares a write is written alone.
func TestIngestOfMoreThanAGroup(t *testing.T) {
	b := newLedger(t, openStore(t))
	add(t, b, events(1001)...)
	add(t, b, event())
}

// A source whose log and the record don't agree learns what the record holds, and
// nothing is stored: with a gap before it, with another past, or behind.
func TestIngestOfAnotherLog(t *testing.T) {
	store := openStore(t)
	b := newLedger(t, store)
	add(t, b, events(5)...)
	held := b.writer.Head
	at := func(head record.Head) *outboxtest.Writer {
		return &outboxtest.Writer{Source: b.writer.Source, Sign: outboxtest.Signing(serviceKey), Head: head}
	}
	for name, w := range map[string]*outboxtest.Writer{
		"after a gap":                at(record.Head{N: 6, Hash: held.Hash}),
		"with another past":          at(record.Head{N: 5, Hash: record.Hash{1}}),
		"from the start, another":    at(record.Head{}),
		"from the middle, otherwise": at(record.Head{N: 3, Hash: record.Hash{1}}),
	} {
		for _, n := range []int{1, 2, 7} {
			got, err := b.Ingest(t.Context(), at(w.Head).Shipment(t, events(n)...))
			if err != nil || got != held {
				t.Errorf("%s, %d events: held %+v, %v", name, n, got, err)
			}
		}
	}
	add(t, b, event())
	if report := verify(t, store, pinned(t, store)); report.Bad != 0 || report.Checked != 6 {
		t.Errorf("%+v", report)
	}
}

// Two instances that write to one record: each learns what the other appended.
func TestIngestBesideAnotherInstance(t *testing.T) {
	store := openStore(t)
	books := []*book{newLedger(t, store), newLedger(t, store)}
	shared := outboxtest.NewWriter("chat-relay", outboxtest.Signing(serviceKey))
	for i := range 10 {
		s := shared.Shipment(t, events(2)...)
		for j := range 2 { // the second time through the other one
			if held, err := books[(i+j)%2].Ingest(t.Context(), s); err != nil || held != s.Head {
				t.Fatalf("held %+v, %v", held, err)
			}
		}
		add(t, books[i%2], event())
	}
	if report := verify(t, store, pinned(t, store)); report.Bad != 0 || report.Checked != 30 || report.Sources != 3 {
		t.Errorf("%+v", report)
	}
}

// What another instance appended is learnt whole, however much it is: a row that were left out would make the record
// take its source's next events for others, or the same ones twice.
func TestIngestBehindManyRowsOfAnotherInstance(t *testing.T) {
	store := openStore(t)
	first, second := newLedger(t, store), newLedger(t, store)
	all := first.writer.Shipment(t, events(1001)...) // read in three pieces
	for _, b := range []*book{first, second, second} {
		if held, err := b.Ingest(t.Context(), all); err != nil || held != all.Head || b.Seen() != 1001 {
			t.Errorf("held %+v, %v, %d rows", held, err, b.Seen())
		}
	}
	if report := verify(t, store, pinned(t, store)); report.Bad != 0 || report.Checked != 1001 {
		t.Errorf("%+v", report)
	}
}

// An instance that is sent what comes behind another one's knows so, once it has looked:
// said to hold nothing, the source would begin anew under another name.
func TestIngestGoesOnWhereAnotherInstanceWas(t *testing.T) {
	store := openStore(t)
	first, second := newLedger(t, store), newLedger(t, store)
	second.writer = first.writer
	add(t, first, events(3)...)
	next := first.writer.Shipment(t, events(2)...)
	if held, err := second.Ingest(t.Context(), next); err != nil || held != next.Head || second.Seen() != 5 {
		t.Errorf("held %+v of %+v, %v, %d rows", held, next.Head, err, second.Seen())
	}
	// Behind a true gap nothing is held but what there is.
	missing := first.writer.Shipment(t, events(1)...)
	beyond := first.writer.Shipment(t, events(1)...)
	if held, err := second.Ingest(t.Context(), beyond); err != nil || held != next.Head || held == missing.Head {
		t.Errorf("held %+v behind a gap, %v", held, err)
	}
}

// CA A2: a trigger that swallows what is written gets nothing acknowledged.
func TestSwallowedRowsAreNotAcknowledged(t *testing.T) {
	for name, trigger := range map[string]string{
		"ignored":         `CREATE TRIGGER t BEFORE INSERT ON entries WHEN instr(new.body, 'session.created') BEGIN SELECT RAISE(IGNORE); END`,
		"deleted":         `CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries WHERE seq = new.seq; END`,
		"emptied":         `CREATE TRIGGER t AFTER INSERT ON entries BEGIN UPDATE entries SET openings = x'' WHERE seq = new.seq; END`,
		"another instead": `CREATE TRIGGER t AFTER INSERT ON entries BEGIN UPDATE entries SET hash = x'00' WHERE seq = new.seq; END`,
	} {
		t.Run(name, func(t *testing.T) {
			store := openStore(t)
			b := newLedger(t, store)
			add(t, b, event())
			if err := plant(t, store, trigger); err != nil {
				t.Fatal(err)
			}
			e := event()
			e.Account = id.New("acc")
			s := b.writer.Shipment(t, e)
			if held, err := b.Ingest(t.Context(), s); !errors.Is(err, ledger.ErrSwallowed) {
				t.Errorf("held %+v, %v", held, err)
			}
			if err := plant(t, store, `DROP TRIGGER t`); err != nil {
				t.Fatal(err)
			}
			if held, err := b.Ingest(t.Context(), s); err != nil || held != s.Head {
				t.Errorf("afterwards held %+v, %v", held, err)
			}
			if report := verify(t, store, pinned(t, store)); report.Bad != 0 || report.Checked != 2 {
				t.Errorf("%+v", report)
			}
		})
	}
}

// faulty is a store with a fault.
type faulty struct {
	*sqlite.Store
	panics atomic.Bool
	loses  atomic.Bool // it stores, and says that it failed
}

func (f *faulty) Append(ctx context.Context, at ledger.Head, rows []ledger.Row, sources map[string]record.Head) error {
	if f.panics.Load() {
		panic("store fault")
	}
	err := f.Store.Append(ctx, at, rows, sources)
	if f.loses.CompareAndSwap(true, false) {
		return errors.New("the answer got lost")
	}
	return err
}

// R3: a panic in the write ends the request that leads; those that wait with it
// get an error, nobody waits for ever, and the next shipment is stored.
func TestIngestSurvivesAPanic(t *testing.T) {
	store := &faulty{Store: openStore(t)}
	store.panics.Store(true)
	b := newLedger(t, store)
	var wg sync.WaitGroup
	var panics, failures atomic.Int64
	for range 20 {
		wg.Go(func() {
			defer func() {
				if recover() != nil {
					panics.Add(1)
				}
			}()
			if _, err := b.Ingest(t.Context(), outboxtest.NewWriter("auth", outboxtest.Signing(serviceKey)).Shipment(t, event())); errors.Is(err, ledger.ErrInterrupted) {
				failures.Add(1)
			}
		})
	}
	wg.Wait()
	if panics.Load() == 0 || panics.Load()+failures.Load() != 20 {
		t.Errorf("%d panics, %d failures of 20", panics.Load(), failures.Load())
	}
	store.panics.Store(false)
	add(t, b, event())
}

// A write whose answer got lost is found in the record, and not made twice.
func TestIngestFindsWhatALostAnswerStored(t *testing.T) {
	store := &faulty{Store: openStore(t)}
	b := newLedger(t, store)
	s := b.writer.Shipment(t, events(3)...)
	store.loses.Store(true)
	if _, err := b.Ingest(t.Context(), s); err == nil {
		t.Fatal("acknowledged")
	}
	if held, err := b.Ingest(t.Context(), s); err != nil || held != s.Head || b.Seen() != 3 {
		t.Errorf("held %+v, %v, %d rows", held, err, b.Seen())
	}
	add(t, b, event())
	if report := verify(t, store, pinned(t, store)); report.Bad != 0 || report.Checked != 4 {
		t.Errorf("%+v", report)
	}
}

// CA A8, KB D2: a person's page shows what matters, however much she chats.
func TestActivityPages(t *testing.T) {
	b := newLedger(t, openStore(t))
	account := id.New("acc")
	for range 5 {
		mine, chat := event(), event()
		mine.Account, chat.Account, chat.Action = account, account, record.ChatActivity
		mine.Address = "203.0.113.9"
		add(t, b, append([]record.Event{mine, event()}, slices.Repeat([]record.Event{chat}, 3)...)...)
	}
	for class, want := range map[record.Class][]int64{record.Security: {21, 16, 11, 6, 1}, record.Activity: {25, 24, 23, 20}, "": {25, 24, 23, 21, 20}} {
		var seqs []int64
		for next := ""; ; {
			page, err := b.Activity(t.Context(), account, class, next, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Entries {
				if e.Event.Account != account {
					t.Errorf("entry %d is of %q", e.Seq, e.Event.Account)
				}
				seqs = append(seqs, e.Seq)
			}
			if next = page.Next; next == "" {
				break
			}
		}
		if !slices.Equal(seqs[:len(want)], want) {
			t.Errorf("%q: %v", class, seqs)
		}
	}
	if _, err := b.Activity(t.Context(), account, "", "%%%", 2); !errors.Is(err, cursor.ErrInvalid) {
		t.Errorf("a bad cursor: %v", err)
	}
	if page, err := b.Activity(t.Context(), "", "", "", 2); err != nil || len(page.Entries) != 0 {
		t.Errorf("nobody: %+v, %v", page, err)
	}
}

// Erasure (design: audit): without its key a person's fields are gone, from the
// rows as well, and the record verifies as before.
func TestErasedPerson(t *testing.T) {
	store := openStore(t)
	b := newLedger(t, store)
	account := id.New("acc")
	mine, other := event(), event()
	mine.Account, mine.Address, other.Account = account, "203.0.113.9", id.New("acc")
	add(t, b, mine, other)
	if err := keeper(store).Erase(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	again := newLedger(t, store)
	page, err := again.Activity(t.Context(), account, "", "", 10)
	if err != nil || len(page.Entries) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
	if page, err := again.Activity(t.Context(), other.Account, "", "", 10); err != nil || len(page.Entries) != 1 || page.Entries[0].Event.Account != other.Account {
		t.Errorf("another person: %+v, %v", page, err)
	}
	add(t, again, mine) // what comes late of an erased person is recorded without
	if report := verify(t, store, pinned(t, store)); report.Bad != 0 || report.Checked != 3 || report.Erased != 2 || report.Opened != 1 || report.Signed != 2 {
		t.Errorf("%+v", report)
	}
	if page, err := again.Activity(t.Context(), account, "", "", 10); err != nil || len(page.Entries) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
}
