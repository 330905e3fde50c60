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
	"centinela/services/audit/internal/openings"
	"centinela/services/audit/internal/places"
	"centinela/shared/outbox"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
)

// Store is all of a store.
type Store interface {
	ledger.Store
	places.Store
	firewall.Store
	openings.Store
	outbox.Log
	Record(ctx context.Context, events ...record.Event) error
}

// Open opens an empty store; again opens the same data once more, as after a
// restart or on another machine.
type Open func(t *testing.T) (s Store, again func() Store)

// Run runs every case, each on a store of its own.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"rows round-trip every field":                rowsRoundTrip,
		"rows: an append behind another row (R5.2)":  rowsMoved,
		"rows: a done context writes nothing":        rowsCancelled,
		"rows: many writers make one chain (R5.2)":   rowsConcurrent,
		"rows of a person by class under inserts":    rowsOfAPerson,
		"keys of persons: the first counts":          personKeys,
		"keys of persons: erased for good":           personErased,
		"events alone":                               recordsAlone,
		"cursors are kept":                           cursors,
		"places round-trip and replay":               placesReplay,
		"verdicts round-trip every field":            verdictsRoundTrip,
		"verdicts expire at the millisecond":         verdictsExpire,
		"verdicts: 100 writers, versions contiguous": verdictsConcurrent,
		"verdicts are removed once":                  verdictsRemovedOnce,
		"verdicts: the epoch":                        verdictsEpoch,
		"verdicts: changes in pages":                 verdictsChanges,
		"verdicts are made longer (KB D4)":           verdictsLengthen,
		"verdicts: a sweep in pieces (GR G1)":        verdictsSweepPieces,
		"verdicts: a sweep keeps the version":        verdictsSweep,
		"verdicts travel with their event":           verdictsOutbox,
		"verdicts: random operations against a map":  verdictsRandom,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)

func event(action string) record.Event {
	return record.New(noon, "audit", action, record.Success, record.Origin{})
}

// row is one whose every field is filled, behind head. What a hash is, is the
// ledger's.
func row(head ledger.Head, token string, class record.Class) ledger.Row {
	r := ledger.Row{
		Seq: head.Seq + 1, Body: fmt.Appendf(nil, "{\"body\":%d}", head.Seq+1), Signature: []byte("signed"), StoredAt: noon.Add(time.Duration(head.Seq) * time.Second),
		PrevHash: head.Hash, Class: class, Token: []byte(token), Openings: []byte("\x00\xffsealed"),
	}
	copy(r.Hash[:], fmt.Sprintf("hash of %d %s", r.Seq, token))
	return r
}

// chain is n rows behind head.
func chain(head ledger.Head, n int) []ledger.Row {
	var rows []ledger.Row
	for range n {
		r := row(head, "", record.Security)
		rows = append(rows, r)
		head = ledger.Head{Seq: r.Seq, Hash: r.Hash}
	}
	return rows
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
		case f.Type() == reflect.TypeFor[record.Hash]():
			f.Set(reflect.ValueOf(record.Hash{byte(n), byte(i)}))
		case f.Type() == reflect.TypeFor[[]byte]():
			f.SetBytes(fmt.Appendf(nil, "%s\x00\xff %d", v.Type().Field(i).Name, n))
		case f.Kind() == reflect.String:
			f.SetString(fmt.Sprintf("%s ñ \"'$.\x01 %d", v.Type().Field(i).Name, n))
		case f.Kind() == reflect.Int64:
			f.SetInt(int64(n + i))
		case f.Kind() == reflect.Int:
			f.SetInt(int64(n + i))
		case f.Kind() == reflect.Bool:
			f.SetBool(true)
		case f.Kind() == reflect.Struct:
			fill(t, f, n)
		case f.Kind() == reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 2, 2))
			for j := range f.Len() {
				fill(t, f.Index(j), n+j)
			}
		default:
			t.Fatalf("fill doesn't know %s", f.Type())
		}
	}
}

func appendRows(t *testing.T, s Store, rows ...ledger.Row) {
	t.Helper()
	check(t, s.Append(t.Context(), must[ledger.Head](t)(s.Head(t.Context())), rows, nil))
}

func rowsRoundTrip(t *testing.T, open Open) {
	s, again := open(t)
	var full ledger.Row
	fill(t, reflect.ValueOf(&full).Elem(), 7)
	full.Seq = 1
	bare := ledger.Row{Seq: 2, Body: []byte("{}"), StoredAt: noon, PrevHash: full.Hash, Hash: record.Hash{9}, Class: record.Activity}
	sources := map[string]record.Head{"auth/a": {N: 1, Hash: record.Hash{3}}, "chat-relay/b": {N: 7, Hash: record.Hash{4}}}
	check(t, s.Append(t.Context(), ledger.Head{}, []ledger.Row{full, bare}, sources))
	for name, s := range map[string]Store{"at once": s, "reopened": again()} {
		got := must[[]ledger.Row](t)(s.Rows(t.Context(), 1, 10))
		if len(got) != 2 || !reflect.DeepEqual(got[0], full) || !same(got[1], bare) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, []ledger.Row{full, bare})
		}
		if head := must[ledger.Head](t)(s.Head(t.Context())); head != (ledger.Head{Seq: 2, Hash: bare.Hash}) {
			t.Errorf("%s: head %+v", name, head)
		}
		if heads, upTo, err := s.Sources(t.Context()); err != nil || upTo != 2 || !reflect.DeepEqual(heads, sources) {
			t.Errorf("%s: sources %+v of row %d, %v", name, heads, upTo, err)
		}
		if rest := must[[]ledger.Row](t)(s.Rows(t.Context(), 2, 1)); len(rest) != 1 || rest[0].Seq != 2 {
			t.Errorf("%s: from 2: %+v", name, rest)
		}
	}
	check(t, s.Append(t.Context(), ledger.Head{Seq: 2, Hash: bare.Hash}, []ledger.Row{row(ledger.Head{Seq: 2, Hash: bare.Hash}, "", record.Security)}, map[string]record.Head{"auth/a": {N: 2}}))
	if heads, upTo, err := s.Sources(t.Context()); err != nil || upTo != 3 || heads["auth/a"].N != 2 || heads["chat-relay/b"].N != 7 {
		t.Errorf("sources %+v of row %d, %v", heads, upTo, err)
	}
}

// same takes no bytes for empty ones.
func same(a, b ledger.Row) bool {
	for _, r := range []*ledger.Row{&a, &b} {
		for _, bytes := range []*[]byte{&r.Token, &r.Openings, &r.Signature} {
			if len(*bytes) == 0 {
				*bytes = nil
			}
		}
	}
	return reflect.DeepEqual(a, b)
}

// An append behind anything but the newest row changes nothing.
func rowsMoved(t *testing.T, open Open) {
	s, again := open(t)
	first := chain(ledger.Head{}, 3)
	appendRows(t, s, first...)
	for name, at := range map[string]ledger.Head{
		"the beginning": {}, "an older one": {Seq: 2, Hash: first[1].Hash}, "another hash": {Seq: 3, Hash: record.Hash{1}}, "one to come": {Seq: 4, Hash: record.Hash{1}},
	} {
		if err := s.Append(t.Context(), at, chain(at, 1), map[string]record.Head{"auth/a": {N: 1}}); !errors.Is(err, ledger.ErrMoved) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := must[[]ledger.Row](t)(again().Rows(t.Context(), 1, 10)); len(got) != 3 {
		t.Errorf("%d rows", len(got))
	}
	if heads, _, err := s.Sources(t.Context()); err != nil || len(heads) != 0 {
		t.Errorf("sources %+v, %v", heads, err)
	}
}

func rowsCancelled(t *testing.T, open Open) {
	s, _ := open(t)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Append(done, ledger.Head{}, chain(ledger.Head{}, 1), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if head := must[ledger.Head](t)(s.Head(t.Context())); head != (ledger.Head{}) {
		t.Errorf("head %+v", head)
	}
}

// R5.2: of many that append at once, on two machines, one is next at a time.
func rowsConcurrent(t *testing.T, open Open) {
	s, again := open(t)
	stores := []Store{s, again()}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			for {
				at, err := stores[i%2].Head(t.Context())
				if err == nil {
					err = stores[i%2].Append(t.Context(), at, chain(at, 1+i%3), nil)
				}
				if errors.Is(err, ledger.ErrMoved) {
					continue
				}
				if err != nil {
					t.Error(err)
				}
				return
			}
		})
	}
	wg.Wait()
	rows := must[[]ledger.Row](t)(s.Rows(t.Context(), 1, 200))
	if len(rows) != 79 {
		t.Fatalf("%d rows, want 79", len(rows))
	}
	var prev ledger.Head
	for _, r := range rows {
		if r.Seq != prev.Seq+1 || r.PrevHash != prev.Hash {
			t.Fatalf("row %d behind %d", r.Seq, prev.Seq)
		}
		prev = ledger.Head{Seq: r.Seq, Hash: r.Hash}
	}
}

func rowsOfAPerson(t *testing.T, open Open) {
	s, _ := open(t)
	mine, other := "0123456789abcdef", "fedcba9876543210"
	add := func(class record.Class, tokens ...string) {
		for _, token := range tokens {
			appendRows(t, s, row(must[ledger.Head](t)(s.Head(t.Context())), token, class))
		}
	}
	add(record.Security, mine, other, "", mine) // mine: 1 4
	add(record.Activity, mine, other, mine)     // 5 7
	add(record.Security, mine)                  // 8
	add(record.Telemetry, mine)                 // 9
	seqs := func(class record.Class) (seqs []int64) {
		for before := int64(1 << 62); ; {
			page := must[[]ledger.Row](t)(s.PersonRows(t.Context(), []byte(mine), class, before, 2))
			if len(page) == 0 {
				return seqs
			}
			for _, r := range page {
				seqs, before = append(seqs, r.Seq), r.Seq
			}
			add(record.Security, mine) // while somebody pages
		}
	}
	for class, want := range map[record.Class][]int64{record.Security: {8, 4, 1}, record.Activity: {7, 5}, record.Telemetry: {9}, "": {9, 8, 7, 5, 4, 1}} {
		got := seqs(class)
		if got = got[len(got)-len(want):]; !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, want %v", class, got, want)
		}
	}
	if none := must[[]ledger.Row](t)(s.PersonRows(t.Context(), []byte{}, record.Security, 1<<62, 10)); len(none) != 0 {
		t.Errorf("nobody has %d rows", len(none))
	}
}

func personKeys(t *testing.T, open Open) {
	s, again := open(t)
	token, other := openings.Token{1}, openings.Token{2}
	if _, err := s.PersonKey(t.Context(), token); !errors.Is(err, openings.ErrNoKey) {
		t.Errorf("at first: %v", err)
	}
	kept := make([]string, 20)
	var wg sync.WaitGroup
	for i := range kept {
		wg.Go(func() {
			key, err := s.AddPersonKey(t.Context(), token, fmt.Appendf(nil, "key %d", i))
			if err != nil {
				t.Error(err)
			}
			kept[i] = string(key)
		})
	}
	wg.Wait()
	key := string(must[[]byte](t)(again().PersonKey(t.Context(), token)))
	for _, k := range kept {
		if k != key {
			t.Errorf("one got %q, kept is %q", k, key)
		}
	}
	must[[]byte](t)(s.AddPersonKey(t.Context(), other, []byte("another")))
	if again := string(must[[]byte](t)(s.PersonKey(t.Context(), token))); again != key {
		t.Errorf("%q became %q", key, again)
	}
}

// An erased key is gone for good, also one that never was.
func personErased(t *testing.T, open Open) {
	s, again := open(t)
	known, unknown, other := openings.Token{1}, openings.Token{2}, openings.Token{3}
	must[[]byte](t)(s.AddPersonKey(t.Context(), known, []byte("key")))
	must[[]byte](t)(s.AddPersonKey(t.Context(), other, []byte("another")))
	for range 2 {
		check(t, s.ErasePersonKey(t.Context(), known))
		check(t, s.ErasePersonKey(t.Context(), unknown))
	}
	for _, s := range []Store{s, again()} {
		for _, token := range []openings.Token{known, unknown} {
			if key, err := s.PersonKey(t.Context(), token); !errors.Is(err, openings.ErrErased) {
				t.Errorf("%q, %v", key, err)
			}
			if key, err := s.AddPersonKey(t.Context(), token, []byte("fresh")); !errors.Is(err, openings.ErrErased) {
				t.Errorf("%q, %v", key, err)
			}
		}
		if key := must[[]byte](t)(s.PersonKey(t.Context(), other)); string(key) != "another" {
			t.Errorf("another's is %q", key)
		}
	}
}

func recordsAlone(t *testing.T, open Open) {
	s, _ := open(t)
	events := []record.Event{event(record.AuditRead), event(record.AuditGap)}
	check(t, s.Record(t.Context(), events...))
	check(t, s.Record(t.Context()))
	got := must[[]record.Event](t)(outboxtest.Read(t.Context(), s, 10))
	if len(got) != 2 || got[0].Service != "audit" {
		t.Errorf("got %+v", got)
	}
	outboxtest.Ship(t, s, 2)
	if got := must[[]record.Event](t)(outboxtest.Read(t.Context(), s, 10)); len(got) != 0 {
		t.Errorf("after shipping: %+v", got)
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
