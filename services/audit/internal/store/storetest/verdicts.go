package storetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"centinela/services/audit/internal/firewall"
	"centinela/shared/id"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
)

func verdict(until time.Duration) firewall.Verdict {
	return firewall.Verdict{
		ID: id.New("vrd"), Kind: firewall.IP, Subject: "203.0.113.9", Action: firewall.Refuse, Reason: "why", Source: firewall.Operator,
		CreatedAt: noon, Until: noon.Add(until),
	}
}

func added() record.Event { return event(record.FirewallVerdictAdded) }

func removedEvent(firewall.Verdict) record.Event { return event(record.FirewallVerdictRemoved) }

func changes(t *testing.T, s Store, since int64) firewall.Changes {
	t.Helper()
	return must[firewall.Changes](t)(s.Changes(t.Context(), noon, since))
}

func ids(verdicts []firewall.Verdict) []string {
	list := []string{}
	for _, v := range verdicts {
		list = append(list, v.ID)
	}
	return list
}

func verdictsRoundTrip(t *testing.T, open Open) {
	s, again := open(t)
	var v firewall.Verdict
	fill(t, reflect.ValueOf(&v).Elem(), 100)
	v.Version, v.Removed, v.RemovedAt = 1, false, time.Time{} // the store's to set
	check(t, s.AddVerdict(t.Context(), v, added()))
	if got := changes(t, again(), -1); !reflect.DeepEqual(got, firewall.Changes{Version: 1, Snapshot: true, Verdicts: []firewall.Verdict{v}}) {
		t.Errorf("got %+v\nwant %+v", got, v)
	}
	if err := s.AddVerdict(t.Context(), v, added()); !errors.Is(err, firewall.ErrVerdictExists) {
		t.Errorf("again: %v", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.AddVerdict(done, verdict(time.Hour), added()); !errors.Is(err, context.Canceled) {
		t.Errorf("done context: %v", err)
	}
	if n := must[int64](t)(s.VerdictVersion(t.Context())); n != 1 {
		t.Errorf("version %d", n)
	}
}

func verdictsExpire(t *testing.T, open Open) {
	s, _ := open(t)
	for _, until := range []time.Duration{-time.Millisecond, 0, time.Millisecond} {
		v := verdict(until)
		check(t, s.AddVerdict(t.Context(), v, added()))
		want := until > 0
		if got := len(changes(t, s, -1).Verdicts) == 1; got != want {
			t.Errorf("until now%+v: in force %v", until, got)
		}
		page := must[[]firewall.Verdict](t)(s.VerdictsBefore(t.Context(), noon, 1<<62, 10))
		if got := len(page) == 1; got != want {
			t.Errorf("until now%+v: listed %v", until, got)
		}
		if n := must[int64](t)(s.CountVerdicts(t.Context(), noon)); (n == 1) != want {
			t.Errorf("until now%+v: counted %d", until, n)
		}
		err := s.RemoveVerdict(t.Context(), v.ID, noon, removedEvent)
		if want && err != nil || !want && !errors.Is(err, firewall.ErrVerdictNotFound) {
			t.Errorf("until now%+v: remove: %v", until, err)
		}
	}
}

func verdictsConcurrent(t *testing.T, open Open) {
	s, again := open(t)
	stores := []Store{s, again()}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if err := stores[i%2].AddVerdict(t.Context(), verdict(time.Hour), added()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := changes(t, s, 0)
	if got.Version != 100 || len(got.Verdicts) != 100 {
		t.Fatalf("version %d, %d verdicts", got.Version, len(got.Verdicts))
	}
	for i, v := range got.Verdicts {
		if v.Version != int64(i)+1 {
			t.Fatalf("version %d at %d", v.Version, i)
		}
	}
}

func verdictsRemovedOnce(t *testing.T, open Open) {
	s, again := open(t)
	stores := []Store{s, again()}
	v := verdict(time.Hour)
	check(t, s.AddVerdict(t.Context(), v, added()))
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			switch err := stores[i%2].RemoveVerdict(t.Context(), v.ID, noon, removedEvent); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, firewall.ErrVerdictNotFound):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 19 {
		t.Errorf("%d removed it, %d found nothing", won.Load(), lost.Load())
	}
	if err := s.AddVerdict(t.Context(), v, added()); !errors.Is(err, firewall.ErrVerdictExists) {
		t.Errorf("a removed verdict was made again: %v", err)
	}
	if n := must[int64](t)(s.VerdictVersion(t.Context())); n != 2 {
		t.Errorf("version %d", n)
	}
}

func verdictsChanges(t *testing.T, open Open) {
	s, _ := open(t)
	if got := changes(t, s, -1); !reflect.DeepEqual(got, firewall.Changes{Snapshot: true}) {
		t.Errorf("empty: %+v", got)
	}
	a, b, c := verdict(time.Hour), verdict(time.Hour), verdict(time.Hour)
	for _, v := range []firewall.Verdict{a, b, c} {
		check(t, s.AddVerdict(t.Context(), v, added()))
	}
	check(t, s.RemoveVerdict(t.Context(), b.ID, noon, removedEvent)) // version 4
	for _, test := range []struct {
		since    int64
		snapshot bool
		verdicts []string
		removed  []string
	}{
		{since: -1, snapshot: true, verdicts: []string{a.ID, c.ID}},
		{since: 5, snapshot: true, verdicts: []string{a.ID, c.ID}},
		{since: 0, verdicts: []string{a.ID, c.ID}, removed: []string{b.ID}},
		{since: 2, verdicts: []string{c.ID}, removed: []string{b.ID}},
		{since: 3, verdicts: []string{}, removed: []string{b.ID}},
		{since: 4, verdicts: []string{}},
	} {
		got := changes(t, s, test.since)
		if got.Version != 4 || got.Snapshot != test.snapshot || !slices.Equal(ids(got.Verdicts), test.verdicts) || !slices.Equal(got.Removed, test.removed) {
			t.Errorf("since %d: %+v", test.since, got)
		}
	}
}

func verdictsSweep(t *testing.T, open Open) {
	s, again := open(t)
	ctx := t.Context()
	gone, kept, expired, last := verdict(time.Hour), verdict(time.Hour), verdict(-time.Hour), verdict(-time.Hour)
	for _, v := range []firewall.Verdict{gone, kept, expired} {
		check(t, s.AddVerdict(ctx, v, added()))
	}
	check(t, s.RemoveVerdict(ctx, gone.ID, noon, removedEvent)) // version 4
	check(t, s.AddVerdict(ctx, last, added()))                  // version 5, expired, the newest
	deliverAll(t, s)
	if n := must[int64](t)(s.SweepVerdicts(ctx, noon, noon.Add(-time.Millisecond))); n != 1 {
		t.Errorf("the first sweep took %d, want the one that expired", n)
	}
	if got := changes(t, s, 2); got.Snapshot || !slices.Equal(got.Removed, []string{gone.ID}) {
		t.Errorf("a fresh tombstone: %+v", got)
	}
	if n := must[int64](t)(s.SweepVerdicts(ctx, noon, noon)); n != 1 {
		t.Errorf("the second sweep took %d, want the tombstone", n)
	}
	s = again()
	for since, snapshot := range map[int64]bool{2: true, 3: true, 4: false, 5: false} {
		if got := changes(t, s, since); got.Snapshot != snapshot || got.Version != 5 || snapshot && !slices.Equal(ids(got.Verdicts), []string{kept.ID}) {
			t.Errorf("since %d after the sweep: %+v", since, got)
		}
	}
	check(t, s.AddVerdict(ctx, verdict(time.Hour), added()))
	if n := must[int64](t)(s.VerdictVersion(ctx)); n != 6 {
		t.Errorf("version %d after a sweep: used twice", n)
	}
}

func deliverAll(t *testing.T, s Store) []record.Event {
	t.Helper()
	events := must[[]record.Event](t)(outboxtest.Read(t.Context(), s, 1000))
	outboxtest.Ship(t, s, len(events))
	return events
}

func verdictsOutbox(t *testing.T, open Open) {
	s, again := open(t)
	ctx := t.Context()
	v, first, second := verdict(time.Hour), added(), removedEvent(firewall.Verdict{})
	check(t, s.AddVerdict(ctx, v, first))
	if err := s.AddVerdict(ctx, v, added()); !errors.Is(err, firewall.ErrVerdictExists) {
		t.Fatal(err)
	}
	var asked firewall.Verdict
	check(t, s.RemoveVerdict(ctx, v.ID, noon, func(v firewall.Verdict) record.Event { asked = v; return second }))
	if asked.Subject != v.Subject || asked.ID != v.ID {
		t.Errorf("the event was asked for %+v", asked)
	}
	if err := s.RemoveVerdict(ctx, v.ID, noon, removedEvent); !errors.Is(err, firewall.ErrVerdictNotFound) {
		t.Fatal(err)
	}
	events := deliverAll(t, again())
	if len(events) != 2 || events[0].ID != first.ID || events[1].ID != second.ID {
		t.Errorf("pending %+v", events)
	}
	if events := deliverAll(t, s); len(events) != 0 {
		t.Errorf("delivered and still pending: %+v", events)
	}
}

func verdictsRandom(t *testing.T, open Open) {
	s, _ := open(t)
	ctx := t.Context()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	model, follower := map[string]bool{}, map[string]bool{}
	var all []string
	version := int64(-1)
	for range 60 {
		switch {
		case len(all) == 0 || r.IntN(3) > 0:
			v := verdict(time.Hour)
			check(t, s.AddVerdict(ctx, v, added()))
			model[v.ID] = true
			all = append(all, v.ID)
		default:
			victim := all[r.IntN(len(all))]
			err := s.RemoveVerdict(ctx, victim, noon, removedEvent)
			if model[victim] != (err == nil) {
				t.Fatalf("remove: %v, in force %v", err, model[victim])
			}
			delete(model, victim)
		}
		if r.IntN(4) > 0 {
			continue
		}
		if r.IntN(2) == 0 {
			must[int64](t)(s.SweepVerdicts(ctx, noon, noon))
		}
		// A follower that is away at times ends up with the same set.
		c := changes(t, s, version)
		if c.Snapshot {
			clear(follower)
		}
		for _, v := range c.Verdicts {
			follower[v.ID] = true
		}
		for _, gone := range c.Removed {
			delete(follower, gone)
		}
		version = c.Version
		if !reflect.DeepEqual(follower, model) {
			t.Fatalf("the follower has %d verdicts, the model %d", len(follower), len(model))
		}
	}
}
