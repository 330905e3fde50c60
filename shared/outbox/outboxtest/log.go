package outboxtest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"centinela/shared/outbox"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

// Service is whose events the logs under test hold.
const Service = "auth"

// Fixture is a log and what writes to it.
type Fixture struct {
	Log outbox.Log
	// Append writes events with some change, in this order.
	Append func(t *testing.T, events ...record.Event)
	// Reopen gives the same log as another process finds it; nil where none can.
	Reopen func(t *testing.T) outbox.Log
	// Damage makes the entry with that number unreadable; nil where nobody can.
	Damage func(t *testing.T, n int64)
	// ByTime: the log numbers events by their time, because they wait in documents
	// of their own; otherwise in the order of writing.
	ByTime bool
	// Aside counts the events kept aside; nil where they are not kept.
	Aside func(t *testing.T) int
}

// Events makes n events, a millisecond apart.
func Events(n int) []record.Event {
	events := make([]record.Event, n)
	for i := range events {
		at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Millisecond)
		events[i] = record.New(at, Service, record.SessionCreated, record.Success, record.Origin{Address: "192.0.2.1", RequestID: "req_1"})
		events[i].ID = fmt.Sprintf("evt_%024d", i+1)
		events[i].Account, events[i].Data = "acc_1", record.Data{"i": float64(i), "$a.b": "c"}
	}
	return events
}

// Run holds a log to outbox.Log.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	cases := map[string]func(t *testing.T, f Fixture){
		"numbers": numbers, "trim": trim, "supersede": supersede, "renew": renew, "renew with damage": renewDamaged, "reopen": reopen, "oldest first": oldestFirst,
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) { run(t, open(t)) })
	}
}

func shipped(t testing.TB, log outbox.Log) (string, record.Head) {
	t.Helper()
	instance, head, err := log.Shipped(t.Context())
	if err != nil || instance == "" {
		t.Fatalf("shipped: %q, %v", instance, err)
	}
	return instance, head
}

// after reads entries and holds them to their form and numbers.
func after(t *testing.T, log outbox.Log, n int64, limit int) []record.Event {
	t.Helper()
	instance, _ := shipped(t, log)
	entries, err := log.After(t.Context(), n, limit)
	must(t, err)
	var events []record.Event
	for i, e := range entries {
		env, err := outbox.Open(e.Sealed)
		if err != nil {
			t.Fatalf("entry %d: %v", e.N, err)
		}
		if e.N != n+int64(i)+1 || env.N != e.N || env.Source != Service+"/"+instance {
			t.Fatalf("entry %d of %d is number %d of %s", i, e.N, env.N, env.Source)
		}
		events = append(events, env.Event)
	}
	return events
}

func ids(events []record.Event) []string {
	list := make([]string, len(events))
	for i, e := range events {
		list[i] = e.ID
	}
	return list
}

func headAt(t testing.TB, log outbox.Log, n int64) record.Head {
	t.Helper()
	_, head := shipped(t, log)
	entries, err := log.After(t.Context(), head.N, int(n-head.N))
	must(t, err)
	for _, e := range entries {
		head = head.Next(e.Body)
	}
	return head
}

func numbers(t *testing.T, f Fixture) {
	if _, head := shipped(t, f.Log); head != (record.Head{}) {
		t.Fatalf("a new log begins at %+v", head)
	}
	if got := after(t, f.Log, 0, 10); len(got) != 0 {
		t.Fatalf("a new log holds %v", got)
	}
	events := Events(5)
	f.Append(t, events[:2]...)
	f.Append(t, events[2:]...)
	if got := after(t, f.Log, 0, 10); !reflect.DeepEqual(got, events) {
		t.Errorf("got  %+v\nwant %+v", got, events)
	}
	if got := after(t, f.Log, 1, 2); !slices.Equal(ids(got), ids(events[1:3])) {
		t.Errorf("two after the first: %v", ids(got))
	}
	if got := after(t, f.Log, 5, 2); len(got) != 0 {
		t.Errorf("after the last: %v", got)
	}
	first, err := f.Log.After(t.Context(), 0, 10)
	must(t, err)
	again, err := f.Log.After(t.Context(), 0, 10)
	if err != nil || !reflect.DeepEqual(first, again) {
		t.Errorf("the bytes changed between two looks (%v)", err)
	}
}

func trim(t *testing.T, f Fixture) {
	events := Events(6)
	f.Append(t, events[:4]...)
	three := headAt(t, f.Log, 3)
	for range 2 {
		must(t, f.Log.Trim(t.Context(), three))
		if _, head := shipped(t, f.Log); head != three {
			t.Fatalf("cursor %+v, want %+v", head, three)
		}
	}
	must(t, f.Log.Trim(t.Context(), record.Head{N: 2}))
	if _, head := shipped(t, f.Log); head != three {
		t.Errorf("the cursor went back to %+v", head)
	}
	if got := after(t, f.Log, 3, 10); !slices.Equal(ids(got), ids(events[3:4])) {
		t.Errorf("left: %v", ids(got))
	}
	must(t, f.Log.Trim(t.Context(), headAt(t, f.Log, 4)))
	// An empty log goes on with its numbers.
	f.Append(t, events[4:]...)
	if got := after(t, f.Log, 4, 10); !slices.Equal(ids(got), ids(events[4:])) {
		t.Errorf("after all was shipped: %v", ids(got))
	}
}

func supersede(t *testing.T, f Fixture) {
	events := Events(3)
	f.Append(t, events...)
	instance, _ := shipped(t, f.Log)
	gap := record.New(events[0].Time, Service, record.AuditGap, record.Failure, record.Origin{})
	sealed, err := gap.Seal(Service+"/"+instance, 2)
	must(t, err)
	must(t, f.Log.Supersede(t.Context(), 2, sealed, "no such action"))
	got := after(t, f.Log, 0, 10)
	if !slices.Equal(ids(got), []string{events[0].ID, gap.ID, events[2].ID}) {
		t.Errorf("got %v", ids(got))
	}
	if f.Aside != nil && f.Aside(t) != 1 {
		t.Errorf("%d are kept aside, not 1", f.Aside(t))
	}
}

func notice() record.Event {
	e := record.New(time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC), Service, record.AuditGap, record.Failure, record.Origin{})
	e.Data = record.Data{"shipped": 2.0}
	return e
}

func renew(t *testing.T, f Fixture) {
	events := Events(6)
	f.Append(t, events[:5]...)
	old, _ := shipped(t, f.Log)
	must(t, f.Log.Trim(t.Context(), headAt(t, f.Log, 2)))
	first := notice()
	must(t, f.Log.Renew(t.Context(), first))
	name, head := shipped(t, f.Log)
	if name == old || head != (record.Head{}) {
		t.Errorf("it goes on as %q at %+v", name, head)
	}
	f.Append(t, events[5])
	want := append([]record.Event{first}, events[2:]...)
	if got := after(t, f.Log, 0, 10); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func renewDamaged(t *testing.T, f Fixture) {
	if f.Damage == nil {
		return // nobody but the process itself has the entries
	}
	events := Events(3)
	f.Append(t, events...)
	after(t, f.Log, 0, 3)
	f.Damage(t, 2)
	must(t, f.Log.Renew(t.Context(), notice()))
	got := after(t, f.Log, 0, 10)
	if len(got) != 3 || !slices.Equal(ids(got[1:]), []string{events[0].ID, events[2].ID}) || f.Aside(t) != 1 {
		t.Errorf("got %v, %d aside", ids(got), f.Aside(t))
	}
}

func reopen(t *testing.T, f Fixture) {
	if f.Reopen == nil {
		return // it ends with its process
	}
	events := Events(3)
	f.Append(t, events...)
	name, _ := shipped(t, f.Log)
	bodies, err := f.Log.After(t.Context(), 0, 10)
	must(t, err)
	must(t, f.Log.Trim(t.Context(), headAt(t, f.Log, 1)))
	other := f.Reopen(t)
	if again, head := shipped(t, other); again != name || head.N != 1 {
		t.Errorf("reopened: %q at %d", again, head.N)
	}
	left, err := other.After(t.Context(), 1, 10)
	if err != nil || len(left) != 2 || !bytes.Equal(left[0].Body, bodies[1].Body) {
		t.Errorf("reopened: %d entries, %v", len(left), err)
	}
}

// MG D1, KB D7: of a backlog that came in no order of time, the oldest is shipped
// first, and no batch holds an event younger than one left behind.
func oldestFirst(t *testing.T, f Fixture) {
	const backlog = 1000
	events := Events(backlog)
	shuffled := slices.Clone(events)
	rand.Shuffle(backlog, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] }) //nolint:gosec // an order, no secret
	f.Append(t, shuffled...)
	var order []string
	for n := int64(0); n < backlog; n = int64(len(order)) {
		batch := after(t, f.Log, n, 200)
		if len(batch) == 0 {
			t.Fatalf("%d of %d", n, backlog)
		}
		order = append(order, ids(batch)...)
		must(t, f.Log.Trim(t.Context(), headAt(t, f.Log, n+int64(len(batch)))))
	}
	want := ids(shuffled)
	if f.ByTime {
		want = ids(events)
	}
	if !slices.Equal(order, want) {
		t.Errorf("another order, or one is missing or twice: %d", len(order))
	}
}

// Read returns the events that a service's log holds for audit, at most limit, with
// their data as JSON has it (numbers are float64; nil for none).
func Read(ctx context.Context, log outbox.Log, limit int) ([]record.Event, error) {
	_, head, err := log.Shipped(ctx)
	if err != nil {
		return nil, err
	}
	entries, err := log.After(ctx, head.N, limit)
	if err != nil {
		return nil, err
	}
	var events []record.Event
	for _, e := range entries {
		env, err := outbox.Open(e.Sealed)
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", e.N, err)
		}
		if len(env.Event.Data) == 0 {
			env.Event.Data = nil
		}
		events = append(events, env.Event)
	}
	return events, nil
}

// Ship moves a log's cursor over the next n events, as if audit had them.
func Ship(t testing.TB, log outbox.Log, n int) {
	t.Helper()
	_, head := shipped(t, log)
	to := headAt(t, log, head.N+int64(n))
	if to.N != head.N+int64(n) {
		t.Fatalf("%d of %d events are there", to.N-head.N, n)
	}
	must(t, log.Trim(t.Context(), to))
}

var must = testkit.Must
