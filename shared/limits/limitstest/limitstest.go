package limitstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"centinela/shared/clock"
	"centinela/shared/limits"
	"centinela/shared/secret"
	"centinela/shared/testkit"
)

// The limits of the cases: each kind, two of them to be taken together.
const (
	own     limits.Name = "own"
	shared  limits.Name = "shared"
	paused  limits.Name = "paused"
	twofold limits.Name = "twofold"
)

const (
	window  = time.Hour
	longest = time.Minute
)

var start = time.Date(2026, 11, 24, 10, 0, 0, int(123*time.Millisecond), time.UTC)

func pause(uses int) time.Duration {
	if uses < 2 {
		return 0
	}
	return longest
}

var table = []limits.Limit{
	{Name: own, Fields: []string{"who"}, Limit: 3, Window: window, SharedBy: "nobody"},
	{Name: shared, Fields: []string{"where"}, Limit: 5, Window: 2 * window, SharedBy: "all of a place"},
	{Name: paused, Fields: []string{"who"}, Pause: pause, Window: window, SharedBy: "nobody"},
	{Name: twofold, Fields: []string{"who", "what"}, Limit: 4, Pause: pause, Window: window, SharedBy: "nobody"},
}

// Run runs every case; open gives each an empty store.
func Run(t *testing.T, open func(t *testing.T) limits.Store) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *harness)
	}{
		{"window_borders", windowBorders},
		{"pause_borders", pauseBorders},
		{"pause_ends_with_its_window", pauseAtWindowEnd},
		{"the_longest_wait_is_told", longestTold},
		{"all_or_nothing", allOrNothing},
		{"one_hundred_at_once", contiguous},
		{"one_winner_of_the_last_place", oneWinner},
		{"forgive", forgive},
		{"clock_set_back", clockSetBack},
		{"two_clocks_apart", twoClocks},
		{"prune", prune},
		{"cancelled_context_writes_nothing", cancelled},
		{"random_operations_against_a_model", randomOperations},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, newHarness(t, open(t)))
		})
	}
}

type harness struct {
	*limits.Limiter
	store limits.Store
	clk   *clock.Manual
	key   secret.Key
}

func newHarness(t *testing.T, store limits.Store) *harness {
	t.Helper()
	h := &harness{store: store, clk: clock.NewManual(start), key: secret.RandomKey()}
	h.Limiter = h.on(t, h.clk)
	return h
}

// on is a Limiter of another machine: same store and key, its own clock.
func (h *harness) on(t *testing.T, clk clock.Clock) *limits.Limiter {
	t.Helper()
	l, err := limits.New(h.store, h.key, clk, table...)
	must(t, err)
	return l
}

// take fails unless the uses are granted n times.
func (h *harness) take(t *testing.T, n int, uses ...limits.Use) {
	t.Helper()
	for range n {
		if err := h.Take(t.Context(), uses...); err != nil {
			t.Fatalf("%v: %v", uses, err)
		}
	}
}

// full fails unless the uses have to wait so long because of that limit, now and when asked again.
func (h *harness) full(t *testing.T, name limits.Name, wait time.Duration, uses ...limits.Use) {
	t.Helper()
	for range 2 {
		err := h.Take(t.Context(), uses...)
		if got, ok := errors.AsType[*limits.Full](err); !ok || got.Name != name || got.Wait != wait {
			t.Errorf("%v: %v, want %s full for %s", uses, err, name, wait)
		}
	}
}

var must = testkit.Must

func windowBorders(t *testing.T, h *harness) {
	use := limits.Of(own, "ana")
	for range 3 {
		h.take(t, 1, use)
		h.clk.Advance(time.Minute)
	}
	h.full(t, own, window-3*time.Minute, use)
	h.clk.Set(start.Add(window - time.Millisecond))
	h.full(t, own, time.Millisecond, use)
	h.take(t, 1, limits.Of(own, "eva")) // another counter
	h.clk.Set(start.Add(window))
	h.take(t, 3, use)
	h.full(t, own, window, use)
	h.clk.Advance(window + time.Millisecond)
	h.take(t, 1, use)
}

// A use that comes too early isn't counted and doesn't lengthen the wait.
func pauseBorders(t *testing.T, h *harness) {
	use := limits.Of(paused, "ana")
	h.take(t, 2, use)
	for _, after := range []time.Duration{0, time.Second, longest - time.Millisecond} {
		h.clk.Set(start.Add(after))
		h.full(t, paused, longest-after, use)
	}
	h.clk.Set(start.Add(longest))
	h.take(t, 1, use)
	h.full(t, paused, longest, use)
	h.clk.Advance(longest + time.Millisecond)
	h.take(t, 1, use)
}

// A new window has no pause left over, and so none is told that is longer than the rest of the old one.
func pauseAtWindowEnd(t *testing.T, h *harness) {
	use := limits.Of(paused, "ana")
	h.take(t, 1, use)
	h.clk.Set(start.Add(window - time.Second))
	h.take(t, 1, use)
	h.full(t, paused, time.Second, use)
	h.clk.Advance(time.Second)
	h.take(t, 1, use)
}

func longestTold(t *testing.T, h *harness) {
	mine, ours := limits.Of(own, "ana"), limits.Of(shared, "here")
	h.take(t, 3, mine, ours)
	h.take(t, 2, limits.Of(own, "eva"), ours)
	h.full(t, own, window, mine)
	h.full(t, shared, 2*window, ours)
	h.full(t, shared, 2*window, mine, ours)
	h.full(t, shared, 2*window, ours, mine)
}

func allOrNothing(t *testing.T, h *harness) {
	mine, ours := limits.Of(own, "ana"), limits.Of(shared, "here")
	h.take(t, 3, mine)
	// In either order the one with room isn't used up by being refused.
	for range 9 {
		h.full(t, own, window, mine, ours)
		h.full(t, own, window, ours, mine)
	}
	h.take(t, 5, ours)
	h.full(t, shared, 2*window, ours)
}

// 100 at once: every one saw a value of its own, and the values are contiguous.
func contiguous(t *testing.T, h *harness) {
	const racers = 100
	values := make([]int, racers)
	testkit.Together(racers, func(i int) {
		err := h.store.Update(t.Context(), []string{"k"}, func(counters []limits.Counter) {
			values[i] = counters[0].Count + 1
			counters[0] = limits.Counter{Count: values[i], End: start, Last: start}
		})
		if err != nil {
			t.Error(err)
		}
	})
	slices.Sort(values)
	for i, v := range values {
		if v != i+1 {
			t.Fatalf("values are not 1 to %d: %v", racers, values)
		}
	}
}

// Of many at the last free place of a shared limit one is let through, and the others' own counters are as they were.
func oneWinner(t *testing.T, h *harness) {
	const racers = 16
	ours := limits.Of(shared, "here")
	h.take(t, 4, ours)
	errs := make([]error, racers)
	var all sync.WaitGroup
	for i := range racers {
		// Machines of their own, so that nothing but the store decides.
		l := h.on(t, clock.NewManual(start))
		all.Go(func() { errs[i] = l.Take(t.Context(), limits.Of(own, fmt.Sprint(i)), ours) })
	}
	all.Wait()
	winners := 0
	for i, err := range errs {
		mine, left := limits.Of(own, fmt.Sprint(i)), 3
		if err == nil {
			winners++
			left--
		} else if full, ok := errors.AsType[*limits.Full](err); !ok || full.Name != shared {
			t.Errorf("racer %d: %v", i, err)
		}
		h.take(t, left, mine)
		h.full(t, own, window, mine)
	}
	if winners != 1 {
		t.Errorf("%d of %d were let through", winners, racers)
	}
}

func forgive(t *testing.T, h *harness) {
	mine, ours := limits.Of(own, "ana"), limits.Of(shared, "here")
	must(t, h.Forgive(t.Context(), mine.One(), ours.All())) // never raised
	h.take(t, 3, mine, ours)
	must(t, h.Forgive(t.Context(), mine.One(), ours.All()))
	h.take(t, 1, mine)
	h.full(t, own, window, mine)
	h.take(t, 5, ours)
	h.full(t, shared, 2*window, ours)
	// Not below zero: more given back than taken is no credit.
	other := limits.Of(own, "eva")
	h.take(t, 1, other)
	must(t, h.Forgive(t.Context(), other.One()))
	must(t, h.Forgive(t.Context(), other.One()))
	h.take(t, 3, other)
	h.full(t, own, window, other)
}

// Each counter goes when its own window is over, whatever other windows the table has.
func prune(t *testing.T, h *harness) {
	for i := range 7 {
		h.take(t, 1, limits.Of(own, fmt.Sprint(i)))
	}
	late, longer := limits.Of(own, "late"), limits.Of(shared, "here")
	h.take(t, 1, longer)
	h.clk.Advance(time.Second)
	h.take(t, 1, late)
	for _, step := range []struct {
		at          time.Duration
		limit, want int
	}{
		{0, 100, 0},
		{window - time.Millisecond, 100, 0},
		{window, 3, 3},
		{window, 3, 3},
		{window, 3, 1},
		{window, 3, 0},
	} {
		h.clk.Set(start.Add(step.at))
		if n, err := h.Prune(t.Context(), step.limit); n != step.want || err != nil {
			t.Errorf("at %s, %d at most: %d, %v; want %d", step.at, step.limit, n, err, step.want)
		}
	}
	h.take(t, 2, late)
	h.full(t, own, time.Second, late)
	h.take(t, 4, longer)
	h.full(t, shared, window, longer)
}

func cancelled(t *testing.T, h *harness) {
	mine, ours := limits.Of(own, "ana"), limits.Of(shared, "here")
	h.take(t, 1, mine, ours)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, pruned := h.store.Prune(ctx, start.Add(1000*time.Hour), 10)
	for name, err := range map[string]error{
		"take": h.Take(ctx, mine, ours), "forgive": h.Forgive(ctx, mine.All(), ours.All()), "prune": pruned,
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.take(t, 2, mine)
	h.full(t, own, window, mine)
	h.take(t, 4, ours)
	h.full(t, shared, 2*window, ours)
}

// randomOperations holds the store against plain lists of when something was taken.
func randomOperations(t *testing.T, h *harness) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	type window struct {
		from  time.Time
		count int
	}
	counters := map[string]window{}
	// in is the window that a use would fall into: a new one begins with a use that is granted, not with one that asks.
	in := func(key string, lasts time.Duration) window {
		w, ok := counters[key]
		if !ok || h.clk.Now().Sub(w.from) >= lasts {
			return window{from: h.clk.Now()}
		}
		return w
	}
	less := func(key string, n int) {
		w := counters[key]
		w.count = max(0, w.count-n)
		counters[key] = w
	}
	for range 150 {
		who, where := fmt.Sprint("who", random.IntN(3)), fmt.Sprint("where", random.IntN(2))
		mine, ours := limits.Of(own, who), limits.Of(shared, where)
		switch random.IntN(6) {
		case 0:
			must(t, h.Forgive(t.Context(), mine.One(), ours.All()))
			less(who, 1)
			less(where, counters[where].count)
		case 1:
			h.clk.Advance(time.Duration(random.IntN(40)) * time.Minute)
		default:
			m, o := in(who, time.Hour), in(where, 2*time.Hour)
			want := m.count < 3 && o.count < 5
			err := h.Take(t.Context(), mine, ours)
			if _, full := errors.AsType[*limits.Full](err); want != (err == nil) || full == want {
				t.Fatalf("%s at %s: %v, want room %t", who, where, err, want)
			}
			if want {
				counters[who], counters[where] = window{m.from, m.count + 1}, window{o.from, o.count + 1}
			}
		}
	}
}
