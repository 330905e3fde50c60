package firewall_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"centinela/services/audit/internal/firewall"
	"centinela/services/audit/internal/store/sqlite"
	"centinela/shared/clock"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) (*firewall.Firewall, *sqlite.Store, *clock.Manual) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "audit.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.DB.Close(); err != nil {
			t.Error(err)
		}
	})
	clk := clock.NewManual(noon)
	f := firewall.New(store, clk, testkit.Logger(t), "audit", func() {})
	if err := f.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f, store, clk
}

func order(subject string) firewall.Order {
	return firewall.Order{Kind: firewall.IP, Subject: subject, Action: firewall.Refuse, Reason: "why", TTL: time.Minute}
}

func add(t *testing.T, f *firewall.Firewall, o firewall.Order) firewall.Verdict {
	t.Helper()
	v, err := f.Add(t.Context(), o, record.Origin{Address: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// R5.4: each change is in the outbox with who, what and until when.
func TestChangesAreRecorded(t *testing.T) {
	f, store, clk := open(t)
	v := add(t, f, order("::ffff:203.0.113.9"))
	if v.Subject != "203.0.113.9" || !v.Until.Equal(noon.Add(time.Minute)) || f.Current() != 1 {
		t.Errorf("%+v, %d in force", v, f.Current())
	}
	if err := f.Remove(t.Context(), v.ID, record.Origin{}); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(t.Context(), v.ID, record.Origin{}); !errors.Is(err, firewall.ErrVerdictNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	events, err := store.PendingEvents(t.Context(), 10)
	if err != nil || len(events) != 2 {
		t.Fatalf("%+v, %v", events, err)
	}
	for i, action := range []string{record.FirewallVerdictAdded, record.FirewallVerdictRemoved} {
		e := events[i]
		if err := e.Validate(); err != nil {
			t.Error(err)
		}
		if e.Action != action || e.Target != v.ID || e.Service != "audit" || e.Data["subject"] != v.Subject || e.Data["source"] != firewall.Operator || e.Data["until"] != "2026-03-01T12:01:00Z" {
			t.Errorf("%+v", e)
		}
	}
	// What is over stays out of the list, and the count follows at the sweep.
	add(t, f, order("203.0.113.10"))
	clk.Advance(time.Minute)
	if err := f.Sweep(t.Context()); err != nil || f.Current() != 0 {
		t.Errorf("%d in force, %v", f.Current(), err)
	}
	if page, err := f.List(t.Context(), "", 10); err != nil || len(page.Verdicts) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestListPages(t *testing.T) {
	f, _, _ := open(t)
	for _, subject := range []string{"203.0.113.1", "203.0.113.2", "203.0.113.3"} {
		add(t, f, order(subject))
	}
	page, err := f.List(t.Context(), "", 2)
	if err != nil || len(page.Verdicts) != 2 || page.Verdicts[0].Subject != "203.0.113.3" || page.Next == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	page, err = f.List(t.Context(), page.Next, 2)
	if err != nil || len(page.Verdicts) != 1 || page.Verdicts[0].Subject != "203.0.113.1" || page.Next != "" {
		t.Errorf("%+v, %v", page, err)
	}
}

// R5.3: a decision that comes again after a crash makes no second verdict, and one that is over makes none.
func TestImposeTwice(t *testing.T) {
	f, store, _ := open(t)
	d := firewall.Decision{Rule: "r", Trigger: "evt_x", Account: "acc_x", Verdict: firewall.Verdict{
		ID: "vrd_0123456789abcdefghjkmnpq", Kind: firewall.IP, Subject: "203.0.113.9", Action: firewall.Refuse, Reason: "why", Source: "r",
		CreatedAt: noon, Until: noon.Add(time.Minute),
	}}
	for range 3 {
		if err := f.Impose(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	d.Verdict.ID, d.Verdict.Until = "vrd_1123456789abcdefghjkmnpq", noon
	if err := f.Impose(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	events, err := store.PendingEvents(t.Context(), 10)
	if err != nil || len(events) != 1 || events[0].Data["trigger"] != "evt_x" || events[0].Account != "acc_x" || f.Current() != 1 {
		t.Errorf("%+v, %v, %d in force", events, err, f.Current())
	}
}

// A service whose clock is a year ahead makes no ban of a year.
func TestImposeFromAClockAhead(t *testing.T) {
	f, store, _ := open(t)
	ahead := noon.AddDate(1, 0, 0)
	err := f.Impose(t.Context(), firewall.Decision{Rule: "r", Trigger: "evt_x", Verdict: firewall.Verdict{
		ID: "vrd_0123456789abcdefghjkmnpq", Kind: firewall.IP, Subject: "203.0.113.9", Action: firewall.Refuse, Reason: "why", Source: "r",
		CreatedAt: ahead, Until: ahead.Add(time.Minute),
	}})
	if err != nil {
		t.Fatal(err)
	}
	found, err := store.VerdictsBefore(t.Context(), noon, 10, 10)
	if err != nil || len(found) != 1 || !found[0].CreatedAt.Equal(noon) || !found[0].Until.Equal(noon.Add(time.Minute)) {
		t.Errorf("%+v, %v", found, err)
	}
}

// R5.4: whoever watches hears of a change at once, of nothing after the wait, and of the stop.
func TestWatch(t *testing.T) {
	f, _, _ := open(t)
	watch := func(since int64, wait time.Duration) <-chan firewall.Changes {
		answer := make(chan firewall.Changes, 1)
		go func() {
			c, err := f.Watch(t.Context(), since, wait)
			if err != nil {
				t.Error(err)
			}
			answer <- c
		}()
		return answer
	}
	if c := <-watch(firewall.NoVersion, time.Hour); !c.Snapshot || c.Version != 0 {
		t.Errorf("without a version: %+v", c)
	}
	if c := <-watch(0, 0); c.Snapshot || c.Version != 0 || len(c.Verdicts) != 0 {
		t.Errorf("without a wait: %+v", c)
	}
	if c := <-watch(0, time.Millisecond); c.Version != 0 {
		t.Errorf("after the wait: %+v", c)
	}
	waiting := watch(0, time.Hour)
	v := add(t, f, order("203.0.113.9"))
	if c := <-waiting; c.Snapshot || c.Version != 1 || len(c.Verdicts) != 1 || c.Verdicts[0].ID != v.ID {
		t.Errorf("a change: %+v", c)
	}
	waiting = watch(1, time.Hour)
	f.Release()
	if c := <-waiting; c.Version != 1 || len(c.Verdicts) != 0 {
		t.Errorf("released: %+v", c)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	f2, _, _ := open(t)
	if _, err := f2.Watch(gone, 0, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who left: %v", err)
	}
}

// shared is a store that another instance writes to as well.
type shared struct {
	firewall.Store
	version atomic.Int64
	fault   atomic.Bool
}

func (s *shared) VerdictVersion(context.Context) (int64, error) {
	if s.fault.Swap(false) {
		panic("store fault")
	}
	return s.version.Load(), nil
}

func (s *shared) Changes(context.Context, time.Time, int64) (firewall.Changes, error) {
	return firewall.Changes{Version: s.version.Load()}, nil
}

// R5.4: what another instance changes on the same database is noticed within 250 ms.
func TestRunNoticesOtherInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &shared{}
		f := firewall.New(store, clock.NewManual(noon), testkit.Logger(t), "audit", func() {})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if err := f.Run(ctx); err != nil {
				t.Error(err)
			}
		}()
		began := time.Now()
		answered := make(chan time.Duration, 1)
		go func() {
			if _, err := f.Watch(ctx, 0, time.Minute); err != nil {
				t.Error(err)
			}
			answered <- time.Since(began)
		}()
		synctest.Wait()
		store.version.Store(1)
		if took := <-answered; took > 250*time.Millisecond {
			t.Errorf("after %s", took)
		}
		cancel()
		synctest.Wait()
	})
}

// R3: a panic of the loop doesn't shut the feed: who waits goes on waiting, and
// is told of the next change by the loop that was begun again.
func TestRunAgainAfterAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &shared{}
		f := firewall.New(store, clock.NewManual(noon), testkit.Logger(t), "audit", func() {})
		ctx, cancel := context.WithCancel(t.Context())
		answers := make(chan int64, 1)
		go func() {
			c, err := f.Watch(ctx, 0, time.Minute)
			if err != nil {
				t.Error(err)
			}
			answers <- c.Version
		}()
		synctest.Wait()
		store.fault.Store(true)
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			if err := f.Run(ctx); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		select {
		case version := <-answers:
			t.Fatalf("the panic answered who waits, at version %d", version)
		default:
		}
		go func() {
			if err := f.Run(ctx); err != nil {
				t.Error(err)
			}
		}()
		began := time.Now()
		synctest.Wait()
		store.version.Store(1)
		if version := <-answers; version != 1 || time.Since(began) > time.Second {
			t.Errorf("version %d after %s", version, time.Since(began))
		}
		cancel()
		synctest.Wait()
	})
}
