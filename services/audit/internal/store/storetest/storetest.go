package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"centinela/services/audit/internal/firewall"
	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/places"
	"centinela/shared/id"
	"centinela/shared/outbox"
	"centinela/shared/record"
)

// Store is all of a store.
type Store interface {
	ledger.Store
	places.Store
	firewall.Store
	outbox.Source
}

// Open opens an empty store; again opens the same data once more, as after a
// restart or on another machine.
type Open func(t *testing.T) (s Store, again func() Store)

// Run runs every case, each on a store of its own.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"entries round-trip every field":             entriesRoundTrip,
		"entries are idempotent by event id (R5.1)":  entriesIdempotent,
		"entries: an error of link keeps nothing":    entriesLinkFails,
		"entries: a done context writes nothing":     entriesCancelled,
		"entries: 100 writers make one chain (R5.2)": entriesConcurrent,
		"entries of an account page under inserts":   entriesPaging,
		"cursors are kept":                           cursors,
		"places round-trip and replay":               placesReplay,
		"verdicts round-trip every field":            verdictsRoundTrip,
		"verdicts expire at the millisecond":         verdictsExpire,
		"verdicts: 100 writers, versions contiguous": verdictsConcurrent,
		"verdicts are removed once":                  verdictsRemovedOnce,
		"verdicts: deltas and snapshots":             verdictsChanges,
		"verdicts: a sweep keeps the version":        verdictsSweep,
		"verdicts travel with their event":           verdictsOutbox,
		"verdicts: random operations against a map":  verdictsRandom,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)

func event(action string) record.Event {
	e := record.New(noon, "auth", action, record.Success, record.Origin{})
	return e
}

// testLink chains without the product's hash: what a hash is, is the ledger's.
func testLink(head ledger.Head, e record.Event) (ledger.Entry, error) {
	entry := ledger.Entry{Seq: head.Seq + 1, Event: e, PrevHash: head.Hash, StoredAt: noon}
	copy(entry.Hash[:], fmt.Sprintf("%d %s", entry.Seq, e.ID))
	return entry, nil
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill sets every field of a struct to something that isn't zero, so that a
// field that a store forgets is noticed, also one that is added later.
func fill(t *testing.T, v reflect.Value, n int) {
	t.Helper()
	for i := range v.NumField() {
		f := v.Field(i)
		switch {
		case f.Type() == reflect.TypeFor[time.Time]():
			f.Set(reflect.ValueOf(noon.Add(time.Duration(n+i) * time.Second)))
		case f.Kind() == reflect.String:
			f.SetString(fmt.Sprintf("%s ñ \"'$.\x01 %d", v.Type().Field(i).Name, n))
		case f.Kind() == reflect.Int64:
			f.SetInt(int64(n + i))
		case f.Kind() == reflect.Bool:
			f.SetBool(true)
		case f.Kind() == reflect.Map:
			f.Set(reflect.ValueOf(map[string]string{"a.b": "c", "$d": "", "": "e", "ñ": "😀"}))
		case f.Kind() == reflect.Struct:
			fill(t, f, n)
		default:
			t.Fatalf("fill doesn't know %s", f.Type())
		}
	}
}

func entriesRoundTrip(t *testing.T, open Open) {
	s, again := open(t)
	ctx := t.Context()
	var e record.Event
	fill(t, reflect.ValueOf(&e).Elem(), 7)
	bare := event(record.SessionCreated)
	want := must[[]ledger.Entry](t)(s.Append(ctx, []record.Event{e, bare}, testLink))
	if len(want) != 2 || want[0].Seq != 1 || want[1].Seq != 2 {
		t.Fatalf("added %+v", want)
	}
	for name, s := range map[string]Store{"at once": s, "reopened": again()} {
		got := must[[]ledger.Entry](t)(s.Entries(ctx, 1, 10))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, want)
		}
		if head := must[ledger.Head](t)(s.Head(ctx)); head != (ledger.Head{Seq: 2, Hash: want[1].Hash}) {
			t.Errorf("%s: head %+v", name, head)
		}
	}
}

func entriesIdempotent(t *testing.T, open Open) {
	s, _ := open(t)
	ctx := t.Context()
	a, b, c := event(record.SessionCreated), event(record.SessionCreated), event(record.SessionCreated)
	must[[]ledger.Entry](t)(s.Append(ctx, []record.Event{b}, testLink))
	added := must[[]ledger.Entry](t)(s.Append(ctx, []record.Event{a, b, c}, testLink))
	if len(added) != 2 || added[0].Event.ID != a.ID || added[1].Event.ID != c.ID {
		t.Errorf("added %+v", added)
	}
	if added := must[[]ledger.Entry](t)(s.Append(ctx, []record.Event{c, a}, testLink)); len(added) != 0 {
		t.Errorf("added again: %+v", added)
	}
	assertChain(t, s, 3)
}

func entriesLinkFails(t *testing.T, open Open) {
	s, _ := open(t)
	broken := errors.New("broken")
	_, err := s.Append(t.Context(), []record.Event{event(record.SessionCreated), event(record.PhoneAdded)}, func(h ledger.Head, e record.Event) (ledger.Entry, error) {
		if e.Action == record.PhoneAdded {
			return ledger.Entry{}, broken
		}
		return testLink(h, e)
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	assertChain(t, s, 0)
}

func entriesCancelled(t *testing.T, open Open) {
	s, _ := open(t)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Append(done, []record.Event{event(record.SessionCreated)}, testLink); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	assertChain(t, s, 0)
}

func entriesConcurrent(t *testing.T, open Open) {
	s, again := open(t)
	stores := []Store{s, again()} // two machines
	shared := event(record.SessionCreated)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if _, err := stores[i%2].Append(t.Context(), []record.Event{event(record.SessionCreated), shared}, testLink); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	assertChain(t, s, 101)
}

// assertChain holds when there are n entries, gapless, each on the one before, no event twice.
func assertChain(t *testing.T, s Store, n int) {
	t.Helper()
	entries := must[[]ledger.Entry](t)(s.Entries(t.Context(), 1, n+10))
	if len(entries) != n {
		t.Fatalf("%d entries, want %d", len(entries), n)
	}
	seen := make(map[string]bool)
	var prev ledger.Head
	for _, e := range entries {
		if e.Seq != prev.Seq+1 || e.PrevHash != prev.Hash || seen[e.Event.ID] {
			t.Fatalf("entry %d after %d: chained %v, twice %v", e.Seq, prev.Seq, e.PrevHash == prev.Hash, seen[e.Event.ID])
		}
		prev, seen[e.Event.ID] = ledger.Head{Seq: e.Seq, Hash: e.Hash}, true
	}
}

func entriesPaging(t *testing.T, open Open) {
	s, _ := open(t)
	ctx := t.Context()
	mine, other := id.New("acc"), id.New("acc")
	add := func(accounts ...string) {
		var events []record.Event
		for _, account := range accounts {
			e := event(record.SessionCreated)
			e.Account = account
			events = append(events, e)
		}
		must[[]ledger.Entry](t)(s.Append(ctx, events, testLink))
	}
	add(mine, other, "", mine, mine, other, mine) // mine: 1 4 5 7
	var seqs []int64
	for before := int64(1 << 62); ; {
		page := must[[]ledger.Entry](t)(s.AccountEntries(ctx, mine, before, 2))
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			seqs = append(seqs, e.Seq)
			before = e.Seq
		}
		add(mine) // while somebody pages
	}
	if !reflect.DeepEqual(seqs, []int64{7, 5, 4, 1}) {
		t.Errorf("seqs %v", seqs)
	}
	if none := must[[]ledger.Entry](t)(s.AccountEntries(ctx, "", 1<<62, 10)); len(none) != 0 {
		t.Errorf("the empty account has %d entries", len(none))
	}
	rest := must[[]ledger.Entry](t)(s.Entries(ctx, 3, 2))
	if len(rest) != 2 || rest[0].Seq != 3 || rest[1].Seq != 4 {
		t.Errorf("entries from 3: %+v", rest)
	}
}

func cursors(t *testing.T, open Open) {
	s, again := open(t)
	ctx := t.Context()
	if seq := must[int64](t)(s.FollowerCursor(ctx, "rules")); seq != 0 {
		t.Errorf("at first %d", seq)
	}
	check(t, s.SaveFollowerCursor(ctx, "rules", 7))
	check(t, s.SaveFollowerCursor(ctx, "rules", 9))
	check(t, s.SaveFollowerCursor(ctx, "other", 3))
	if seq := must[int64](t)(again().FollowerCursor(ctx, "rules")); seq != 9 {
		t.Errorf("kept %d", seq)
	}
}

func placesReplay(t *testing.T, open Open) {
	s, again := open(t)
	ctx := t.Context()
	visit := func(seq int64, at time.Duration) places.Visit {
		return places.Visit{Account: "acc_a", Network: "n1", At: noon.Add(at), Seq: seq, ForgetBefore: noon.Add(at - 24*time.Hour)}
	}
	if _, err := s.Place(ctx, "acc_a", "n1"); !errors.Is(err, places.ErrUnknownPlace) {
		t.Errorf("unknown place: %v", err)
	}
	if must[bool](t)(s.HasPlaces(ctx, "acc_a")) {
		t.Error("has places before any visit")
	}
	visits := []places.Visit{visit(3, 0), visit(5, 2*time.Hour), visit(8, -time.Hour)}
	for range 2 { // a replay changes nothing
		check(t, s.RecordVisits(ctx, visits))
		want := places.Place{Account: "acc_a", Network: "n1", FirstSeen: noon.Add(-time.Hour), LastSeen: noon.Add(2 * time.Hour), Count: 3, Seq: 8}
		if got := must[places.Place](t)(again().Place(ctx, "acc_a", "n1")); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	check(t, s.RecordVisits(ctx, []places.Visit{visit(9, 27*time.Hour)}))
	if got := must[places.Place](t)(s.Place(ctx, "acc_a", "n1")); got.Count != 1 || !got.FirstSeen.Equal(noon.Add(27*time.Hour)) {
		t.Errorf("a forgotten place came back: %+v", got)
	}
	if !must[bool](t)(s.HasPlaces(ctx, "acc_a")) || must[bool](t)(s.HasPlaces(ctx, "acc_b")) {
		t.Error("HasPlaces is wrong")
	}
	if _, err := s.Place(ctx, "acc_a", "n2"); !errors.Is(err, places.ErrUnknownPlace) {
		t.Errorf("another network: %v", err)
	}
}
