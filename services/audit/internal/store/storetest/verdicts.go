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
	"centinela/shared/verdicts"
)

func verdict(until time.Duration) firewall.Verdict {
	return firewall.Verdict{Verdict: verdicts.Verdict{
		ID: id.New("vrd"), Subjects: []verdicts.Subject{{Kind: verdicts.KindIP, Value: "203.0.113.9"}}, Action: verdicts.Refuse, Reason: "why",
		Source: firewall.Operator, CreatedAt: noon, Until: noon.Add(until),
	}}
}

func added() record.Event { return event(record.FirewallVerdictAdded) }

func removedEvent(firewall.Verdict) record.Event { return event(record.FirewallVerdictRemoved) }

func longer(firewall.Verdict) record.Event { return event(record.FirewallVerdictAdded) }

func changes(t *testing.T, s Store, since int64) []firewall.Verdict {
	t.Helper()
	return must[[]firewall.Verdict](t)(s.Changes(t.Context(), since, 1000))
}

func versions(t *testing.T, s Store) (newest, floor int64) {
	t.Helper()
	there, err := s.VerdictVersions(t.Context())
	check(t, err)
	return there.Newest, there.Floor
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
	if got := changes(t, again(), 0); len(got) != 1 || !reflect.DeepEqual(got[0], v) {
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
	if n, _ := versions(t, s); n != 1 {
		t.Errorf("version %d", n)
	}
}

func verdictsExpire(t *testing.T, open Open) {
	s, _ := open(t)
	for _, until := range []time.Duration{-time.Millisecond, 0, time.Millisecond} {
		v := verdict(until)
		check(t, s.AddVerdict(t.Context(), v, added()))
		want := until > 0
		page := must[[]firewall.Verdict](t)(s.VerdictsBefore(t.Context(), noon, 1<<62, 10))
		if got := len(page) == 1; got != want {
			t.Errorf("until now%+v: listed %v", until, got)
		}
		if n := must[int64](t)(s.CountVerdicts(t.Context(), noon)); (n == 1) != want {
			t.Errorf("until now%+v: counted %d", until, n)
		}
		more := v
		more.Until = noon.Add(time.Hour)
		done, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.LengthenVerdict(done, more, noon, longer); !errors.Is(err, context.Canceled) {
			t.Errorf("done context: %v", err)
		}
		if !want { // one that is over isn't made longer
			if found := must[bool](t)(s.LengthenVerdict(t.Context(), more, noon, longer)); found {
				t.Errorf("until now%+v: lengthened", until)
			}
		}
		err := s.RemoveVerdict(t.Context(), v.ID, noon, removedEvent)
		if want && err != nil || !want && !errors.Is(err, firewall.ErrVerdictNotFound) {
			t.Errorf("until now%+v: remove: %v", until, err)
		}
	}
}

// KB D4: one offender has one verdict, which is made longer; each time it has a new
// version and a level more, and its event.
func verdictsLengthen(t *testing.T, open Open) {
	s, again := open(t)
	v := verdict(time.Hour)
	v.Source, v.Decision = "rule", "evt_1"
	check(t, s.AddVerdict(t.Context(), v, added()))
	other := v
	other.ID, other.Source = id.New("vrd"), "another"
	check(t, s.AddVerdict(t.Context(), other, added()))
	lengthen := func(s Store, by time.Duration, decision string, change func(*firewall.Verdict)) bool {
		more := v
		more.ID, more.Until, more.Decision = id.New("vrd"), noon.Add(by), decision
		change(&more)
		return must[bool](t)(s.LengthenVerdict(t.Context(), more, noon, longer))
	}
	same := func(*firewall.Verdict) {}
	if !lengthen(s, 2*time.Hour, "evt_2", same) || !lengthen(again(), 3*time.Hour, "evt_3", same) {
		t.Fatal("not found")
	}
	want := v
	want.Version, want.Level, want.Decision, want.Until = 4, 2, "evt_3", noon.Add(3*time.Hour)
	if got := changes(t, s, 2); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	// A shorter or equal one, as after a replay, changes nothing.
	for _, by := range []time.Duration{time.Hour, 3 * time.Hour} {
		if !lengthen(s, by, "evt_4", same) {
			t.Error("not found")
		}
	}
	if got := changes(t, s, 2); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("a replay changed it: %+v", got)
	}
	for name, change := range map[string]func(*firewall.Verdict){
		"another rule":   func(v *firewall.Verdict) { v.Source = "a third" },
		"another action": func(v *firewall.Verdict) { v.Action = verdicts.Throttle },
		"another subject": func(v *firewall.Verdict) {
			v.Subjects = []verdicts.Subject{{Kind: verdicts.KindIP, Value: "203.0.113.10"}}
		},
		"one subject more": func(v *firewall.Verdict) {
			v.Subjects = append([]verdicts.Subject{{Kind: verdicts.KindDevice, Value: "0123456789abcdef"}}, v.Subjects...)
		},
	} {
		if lengthen(s, 9*time.Hour, "evt_5", change) {
			t.Errorf("%s: found", name)
		}
	}
	check(t, s.RemoveVerdict(t.Context(), v.ID, noon, removedEvent))
	if lengthen(s, 9*time.Hour, "evt_6", same) {
		t.Error("a lifted verdict was made longer")
	}
	events := deliverAll(t, s)
	if len(events) != 5 {
		t.Errorf("%d events, want 2 added, 2 longer, 1 removed", len(events))
	}
	var wg sync.WaitGroup
	for i := range 20 { // of many at once each that is longer counts, and the longest stays
		wg.Go(func() {
			more := other
			more.Until, more.Decision = noon.Add(time.Duration(2+i)*time.Hour), "evt_7"
			if found, err := s.LengthenVerdict(t.Context(), more, noon, longer); err != nil || !found {
				t.Errorf("%v, %v", found, err)
			}
		})
	}
	wg.Wait()
	found := must[[]firewall.Verdict](t)(s.VerdictsBefore(t.Context(), noon, 1<<62, 10))
	if len(found) != 1 || !found[0].Until.Equal(noon.Add(21*time.Hour)) || found[0].Level < 1 || found[0].Level > 20 {
		t.Errorf("%+v", found)
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
	if len(got) != 100 {
		t.Fatalf("%d verdicts", len(got))
	}
	for i, v := range got {
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
	if n, _ := versions(t, s); n != 2 {
		t.Errorf("version %d", n)
	}
}

// The epoch is the database's: the same after a restart, another in another one.
func verdictsEpoch(t *testing.T, open Open) {
	s, again := open(t)
	other, _ := open(t)
	there := must[firewall.Versions](t)(s.VerdictVersions(t.Context()))
	if there.Epoch == "" || there != must[firewall.Versions](t)(again().VerdictVersions(t.Context())) {
		t.Errorf("%+v", there)
	}
	if elsewhere := must[firewall.Versions](t)(other.VerdictVersions(t.Context())); elsewhere.Epoch == there.Epoch {
		t.Errorf("%+v and %+v", there, elsewhere)
	}
}

func verdictsChanges(t *testing.T, open Open) {
	s, _ := open(t)
	if got := changes(t, s, 0); len(got) != 0 {
		t.Errorf("empty: %+v", got)
	}
	a, b, c := verdict(time.Hour), verdict(time.Hour), verdict(time.Hour)
	for _, v := range []firewall.Verdict{a, b, c} {
		check(t, s.AddVerdict(t.Context(), v, added()))
	}
	check(t, s.RemoveVerdict(t.Context(), b.ID, noon, removedEvent)) // version 4
	for _, test := range []struct {
		since int64
		limit int
		want  []string
	}{
		{0, 10, []string{a.ID, c.ID, b.ID}},
		{0, 2, []string{a.ID, c.ID}},
		{1, 10, []string{c.ID, b.ID}},
		{2, 10, []string{c.ID, b.ID}},
		{3, 10, []string{b.ID}},
		{4, 10, []string{}},
	} {
		got := must[[]firewall.Verdict](t)(s.Changes(t.Context(), test.since, test.limit))
		if !slices.Equal(ids(got), test.want) {
			t.Errorf("%d since %d: %+v", test.limit, test.since, got)
		}
		for _, v := range got {
			if v.Removed != (v.ID == b.ID) || v.Removed && !v.RemovedAt.Equal(noon) {
				t.Errorf("%+v", v)
			}
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
	if n := must[int](t)(s.SweepVerdicts(ctx, noon, noon.Add(-time.Millisecond), 10)); n != 1 {
		t.Errorf("the first sweep took %d, want the one that expired", n)
	}
	if got := changes(t, s, 3); len(got) != 2 || got[0].ID != gone.ID {
		t.Errorf("a fresh tombstone: %+v", got)
	}
	if newest, floor := versions(t, s); newest != 5 || floor != 0 {
		t.Errorf("newest %d, floor %d", newest, floor)
	}
	if n := must[int](t)(s.SweepVerdicts(ctx, noon, noon, 10)); n != 1 {
		t.Errorf("the second sweep took %d, want the tombstone", n)
	}
	s = again()
	if newest, floor := versions(t, s); newest != 5 || floor != 4 {
		t.Errorf("newest %d, floor %d after the sweep", newest, floor)
	}
	if got := ids(changes(t, s, 0)); !slices.Equal(got, []string{kept.ID, last.ID}) {
		t.Errorf("left %v", got)
	}
	check(t, s.AddVerdict(ctx, verdict(time.Hour), added()))
	if n, _ := versions(t, s); n != 6 {
		t.Errorf("version %d after a sweep: used twice", n)
	}
}

// GR G1: a sweep takes no more than it is told, however much there is.
func verdictsSweepPieces(t *testing.T, open Open) {
	s, _ := open(t)
	for i := range 12 {
		v := verdict(-time.Hour)
		if i%2 == 0 {
			v = verdict(time.Hour)
		}
		check(t, s.AddVerdict(t.Context(), v, added()))
		if i%2 == 0 {
			check(t, s.RemoveVerdict(t.Context(), v.ID, noon, removedEvent))
		}
	}
	check(t, s.AddVerdict(t.Context(), verdict(time.Hour), added()))
	deliverAll(t, s)
	for _, want := range []int{5, 5, 2, 0} {
		if n := must[int](t)(s.SweepVerdicts(t.Context(), noon, noon, 5)); n != want {
			t.Errorf("%d, want %d", n, want)
		}
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
	if !slices.Equal(asked.Subjects, v.Subjects) || asked.ID != v.ID {
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
	version := int64(0)
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
			must[int](t)(s.SweepVerdicts(ctx, noon, noon, 3))
		}
		// A follower that is away at times ends up with the same set.
		if _, floor := versions(t, s); version < floor {
			clear(follower)
			version = 0
		}
		for _, v := range changes(t, s, version) {
			delete(follower, v.ID)
			if !v.Removed {
				follower[v.ID] = true
			}
			version = v.Version
		}
		if !reflect.DeepEqual(follower, model) {
			t.Fatalf("the follower has %d verdicts, the model %d", len(follower), len(model))
		}
	}
}
