package storetest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/shared/id"
	"centinela/shared/record"
)

func raise(t *testing.T, s Store, key string, now time.Time, pause func(int) time.Duration) account.Counter {
	t.Helper()
	c, err := s.RegisterFailure(t.Context(), key, now, time.Minute, pause)
	must(t, err)
	return c
}

// 100 at once: every one saw a value of its own, and the values are contiguous.
func failuresContiguous(t *testing.T, s Store) {
	const racers = 100
	values := make([]int, racers)
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			c, err := s.RegisterFailure(t.Context(), "k", start, time.Minute, nil)
			if err != nil {
				t.Error(err)
			}
			values[i] = c.Count
		})
	}
	all.Wait()
	slices.Sort(values)
	for i, v := range values {
		if v != i+1 {
			t.Fatalf("values are not 1 to %d: %v", racers, values)
		}
	}
}

func failuresWindow(t *testing.T, s Store) {
	first := raise(t, s, "k", start, nil)
	if want := (account.Counter{Count: 1, WindowStart: start, LastAt: start}); first != want {
		t.Errorf("first %+v", first)
	}
	later := start.Add(time.Minute - time.Millisecond)
	if got, want := raise(t, s, "k", later, nil), (account.Counter{Count: 2, WindowStart: start, LastAt: later}); got != want {
		t.Errorf("1 ms before the end %+v", got)
	}
	end := start.Add(time.Minute)
	if got, want := raise(t, s, "k", end, nil), (account.Counter{Count: 1, WindowStart: end, LastAt: end}); got != want {
		t.Errorf("at the end %+v", got)
	}
	if got := raise(t, s, "other", end, nil); got.Count != 1 {
		t.Errorf("other key %+v", got)
	}
}

// A try that comes too early is not counted and doesn't lengthen the wait.
func failuresPause(t *testing.T, s Store) {
	pause := func(count int) time.Duration {
		if count < 2 {
			return 0
		}
		return 10 * time.Second
	}
	raise(t, s, "k", start, pause)
	raise(t, s, "k", start, pause)
	for _, at := range []time.Duration{0, 9 * time.Second, 10*time.Second - time.Millisecond} {
		got := raise(t, s, "k", start.Add(at), pause)
		if want := (account.Counter{Count: 2, WindowStart: start, LastAt: start, Wait: 10*time.Second - at}); got != want {
			t.Errorf("after %s: %+v", at, got)
		}
	}
	if got := raise(t, s, "k", start.Add(10*time.Second), pause); got.Count != 3 || got.Wait != 0 {
		t.Errorf("in time: %+v", got)
	}
	// Of many at once when one is due, one is let through: guesses can't be bought by asking in parallel.
	at := start.Add(30 * time.Second)
	passed := make([]bool, 16)
	var all sync.WaitGroup
	for i := range passed {
		all.Go(func() {
			c, err := s.RegisterFailure(t.Context(), "k", at, time.Minute, pause)
			if err != nil {
				t.Error(err)
			}
			passed[i] = c.Wait == 0
		})
	}
	all.Wait()
	if n := len(slices.DeleteFunc(passed, func(ok bool) bool { return !ok })); n != 1 {
		t.Errorf("%d of 16 passed at once", n)
	}
}

func failuresForgive(t *testing.T, s Store) {
	must(t, s.ForgiveFailures(t.Context(), "unknown", 1))
	must(t, s.ForgiveFailures(t.Context(), "unknown", 0))
	for range 3 {
		raise(t, s, "k", start, nil)
	}
	must(t, s.ForgiveFailures(t.Context(), "k", 1))
	if got := raise(t, s, "k", start, nil); got.Count != 3 {
		t.Errorf("after one was forgiven: %+v", got)
	}
	must(t, s.ForgiveFailures(t.Context(), "k", 9))
	if got := raise(t, s, "k", start, nil); got.Count != 1 {
		t.Errorf("after more than all: %+v", got)
	}
	raise(t, s, "k", start, nil)
	must(t, s.ForgiveFailures(t.Context(), "k", 0))
	if got := raise(t, s, "k", start, nil); got.Count != 1 {
		t.Errorf("after all: %+v", got)
	}
}

func failuresReport(t *testing.T, s Store) {
	raise(t, s, "k", start, nil)
	must(t, s.ReportFailure(t.Context(), "k", event(record.SessionRefused)))
	must(t, s.ReportFailure(t.Context(), "never raised", event(record.SessionRefused), event(record.SavedCodeUsed)))
	if got := pending(t, s); got[record.SessionRefused] != 2 || got[record.SavedCodeUsed] != 1 {
		t.Errorf("events %v", got)
	}
	if got := raise(t, s, "k", start, nil); got.Count != 2 {
		t.Errorf("the report changed the count: %+v", got)
	}
}

// What still has events to ship outlives the sweep; so does what is not old enough, to the millisecond.
func sweep(t *testing.T, s Store) {
	owner := id.New("acc")
	expired, ended, live := newSession(owner, start), newSession(owner, start), newSession(owner, start)
	expired.ExpiresAt = start
	ended.EndedAt = start
	for _, sess := range []account.Session{expired, ended, live} {
		must(t, s.CreateSession(t.Context(), sess))
	}
	raise(t, s, "k", start, nil)
	must(t, s.ReportFailure(t.Context(), "reported", event(record.SessionRefused)))

	must(t, s.Sweep(t.Context(), start))
	for name, sess := range map[string]account.Session{"expired": expired, "ended": ended, "live": live} {
		if _, err := s.Session(t.Context(), sess.ID); err != nil {
			t.Errorf("%s was swept too early: %v", name, err)
		}
	}
	if got := raise(t, s, "k", start, nil); got.Count != 2 {
		t.Errorf("counter was swept too early: %+v", got)
	}

	must(t, s.Sweep(t.Context(), start.Add(time.Millisecond)))
	for name, sess := range map[string]account.Session{"expired": expired, "ended": ended} {
		if _, err := s.Session(t.Context(), sess.ID); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	if _, err := s.Session(t.Context(), live.ID); err != nil {
		t.Errorf("live: %v", err)
	}
	if got := raise(t, s, "k", start, nil); got.Count != 1 {
		t.Errorf("counter is still there: %+v", got)
	}
	if got := pending(t, s); got[record.SessionRefused] != 1 {
		t.Errorf("the sweep took events away: %v", got)
	}
}
