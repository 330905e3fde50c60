package limits_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/store/sqlite"
	"centinela/shared/clock"
	"centinela/shared/fault"
	counters "centinela/shared/limits"
	"centinela/shared/secret"
	"centinela/shared/testkit"
)

type budget struct {
	*limits.Budget
	t   *testing.T
	clk *clock.Manual
}

func newBudget(t *testing.T) budget {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"))
	testkit.Must(t, err)
	testkit.CloseAfter(t, s)
	clk := clock.NewManual(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	b, err := limits.New(s.Counters(), secret.RandomKey(), clk, limits.Config{StartsPerAddress: 10, StartsPerAccount: 20})
	testkit.Must(t, err)
	return budget{b, t, clk}
}

// take expects room for n times the uses, a while apart, and then none for wait.
func (b budget) take(n int, wait time.Duration, uses ...limits.Use) {
	b.t.Helper()
	for i := range n {
		if err := b.Take(b.t.Context(), uses...); err != nil {
			b.t.Fatalf("%s, use %d: %v", uses[0].Name, i+1, err)
		}
	}
	b.full(wait, uses...)
}

func (b budget) full(wait time.Duration, uses ...limits.Use) {
	b.t.Helper()
	err := b.Take(b.t.Context(), uses...)
	if full, ok := errors.AsType[*counters.Full](err); !ok || full.Wait != wait {
		b.t.Errorf("%s: %v, want to wait %s", uses[0].Name, err, wait)
	}
}

// TestTable is every row: how often, in which window, and that the time to wait
// is what is left of that window (KA D5).
func TestTable(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		use    limits.Use
		n      int
		window time.Duration
	}{
		{limits.StartFrom(limits.LaneAnonymous, "203.0.113.7"), 10, time.Hour},
		{limits.StartOf("acc"), 20, day},
		{limits.StartTold("acc"), 1, day},
		{limits.RemovalTold("acc", "phn"), 2, day},
		{limits.TextToProved("acc", "phn")[0], 5, 10 * time.Minute},
		{limits.TextToProved("acc", "phn")[1], 10, day},
		{limits.TextToProved("acc", "phn")[2], 20, day},
		{limits.TextToNew("acc2", "mac")[0], 5, 10 * time.Minute},
		{limits.TextToNew("acc2", "mac")[1], 10, day},
		{limits.TextToNew("acc2", "mac")[2], 20, day},
		{limits.TextOfFlow("l", "acc", "phn")[0], 5, 10 * time.Minute},
		{limits.TextOfFlow("l", "acc", "phn")[1], 10, day},
		{limits.TextOfFlow("l", "acc", "phn")[2], 20, day},
		{limits.Try("cod"), 5, day},
		{limits.TryOwn("acc", "phn")[0], 10, day},
		{limits.TryOwn("acc", "phn")[1], 100, 365 * day},
		{limits.TryOfFlow("l", "acc", "phn")[0], 10, day},
		{limits.TryOfFlow("l", "acc", "phn")[1], 100, 365 * day},
	} {
		t.Run(string(c.use.Name), func(t *testing.T) {
			b := newBudget(t)
			b.take(c.n, c.window, c.use)
			b.clk.Advance(c.window - time.Millisecond)
			b.full(time.Millisecond, c.use)
			b.clk.Advance(time.Millisecond)
			b.take(c.n, c.window, c.use)
		})
	}
}

// TestLanes: who shares a counter with whom, and who doesn't.
func TestLanes(t *testing.T) {
	one := func(u limits.Use) []limits.Use { return []limits.Use{u} }
	for name, c := range map[string]struct {
		spent, other []limits.Use
		shared       bool
	}{
		"a network, IPv4":                     {one(limits.StartFrom("d", "203.0.113.7")), one(limits.StartFrom("d", "203.0.113.8")), false},
		"a network, IPv6 /64":                 {one(limits.StartFrom("d", "2001:db8::1")), one(limits.StartFrom("d", "2001:db8::ffff:1")), true},
		"another /64":                         {one(limits.StartFrom("d", "2001:db8::1")), one(limits.StartFrom("d", "2001:db8:0:1::1")), false},
		"IPv4 in IPv6":                        {one(limits.StartFrom("d", "203.0.113.7")), one(limits.StartFrom("d", "::ffff:203.0.113.7")), true},
		"a zone":                              {one(limits.StartFrom("d", "fe80::1%eth0")), one(limits.StartFrom("d", "fe80::2")), true},
		"no address":                          {one(limits.StartFrom("d", "")), one(limits.StartFrom("d", "nonsense")), true},
		"another door":                        {one(limits.StartFrom("known", "203.0.113.7")), one(limits.StartFrom("anonymous", "203.0.113.7")), false},
		"KA D2: a proved number, others' new": {limits.TextToNew("thief", "mac"), limits.TextToProved("owner", "phn"), false},
		"a new number, all accounts":          {limits.TextToNew("thief", "mac"), limits.TextToNew("owner", "mac"), true},
		"one's own account, both":             {limits.TextToNew("owner", "mac"), limits.TextToProved("owner", "phn"), false},
		"R48: another lane of texts":          {limits.TextOfFlow("anonymous", "acc", "phn"), limits.TextOfFlow("known", "acc", "phn"), false},
		"another lane of tries":               {limits.TryOfFlow("anonymous", "acc", "phn"), limits.TryOfFlow("known", "acc", "phn"), false},
		"tries of one's own number":           {limits.TryOfFlow("anonymous", "acc", "phn"), limits.TryOwn("acc", "phn"), false},
		"the same number elsewhere":           {limits.TryOfFlow("anonymous", "acc", "phn"), limits.TryOfFlow("anonymous", "acc2", "phn"), false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBudget(t)
			for b.Take(t.Context(), c.spent...) == nil { //nolint:revive // until it is full
			}
			if _, full := limits.Full(b.Take(t.Context(), c.other...)); full != c.shared {
				t.Errorf("shared %v, want %v", full, c.shared)
			}
		})
	}
}

var errRefused = fault.New(fault.KindConflict, fault.CodeConflict, "refused")

// V24: what turns out to be refused gives its uses back; where nobody knows
// whether it was done, they stay taken.
func TestSpend(t *testing.T) {
	use := limits.StartTold("acc") // one a day
	for name, c := range map[string]struct {
		err  error
		back bool
	}{
		"done":        {nil, false},
		"refused":     {errRefused, true},
		"not found":   {fault.New(fault.KindNotFound, fault.CodeNotFound, ""), true},
		"wrong code":  {fault.New(fault.KindUnprocessable, fault.CodeCodeInvalid, ""), true},
		"unavailable": {fault.New(fault.KindUnavailable, fault.CodeUnavailable, ""), false},
		"unlisted":    {errors.New("x"), false},
		"too late":    {context.DeadlineExceeded, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBudget(t)
			if err := b.Spend(t.Context(), func(context.Context) error { return c.err }, use); !errors.Is(err, c.err) {
				t.Errorf("%v, want %v", err, c.err)
			}
			if _, full := limits.Full(b.Take(t.Context(), use)); full == c.back {
				t.Errorf("given back %v, want %v", !full, c.back)
			}
		})
	}
	b := newBudget(t)
	calls := 0
	do := func(context.Context) error { calls++; return nil }
	if err := b.Spend(t.Context(), do, use); err != nil || calls != 1 {
		t.Fatal(err)
	}
	if _, full := limits.Full(b.Spend(t.Context(), do, use)); !full || calls != 1 {
		t.Error("done without room")
	}
}

// A caller who hangs up once the use is taken doesn't use it up for nothing.
func TestSpendOutlivesItsCaller(t *testing.T) {
	b := newBudget(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := b.Spend(ctx, func(inner context.Context) error {
		cancel()
		if deadline, ok := inner.Deadline(); !ok || time.Until(deadline) > time.Minute {
			t.Error("it isn't bounded")
		}
		return inner.Err()
	}, limits.StartTold("acc"))
	if err != nil {
		t.Error(err)
	}
}

// TestSpendOr: with room once, without it in the smaller way.
func TestSpendOr(t *testing.T) {
	b := newBudget(t)
	var rooms []bool
	for range 3 {
		err := b.SpendOr(t.Context(), func(_ context.Context, room bool) error { rooms = append(rooms, room); return nil }, limits.RemovalTold("acc", "phn"))
		if err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(rooms) != "[true true false]" {
		t.Errorf("%v", rooms)
	}
	if err := b.SpendOr(t.Context(), func(context.Context, bool) error { return errRefused }, limits.RemovalTold("acc", "other")); !errors.Is(err, errRefused) {
		t.Error(err)
	}
}

// TestWorked: a proof sets the tries in a row back, in every lane or in one, and
// not those of the day.
func TestWorked(t *testing.T) {
	b := newBudget(t)
	all := []limits.Use{limits.TryOwn("acc", "phn")[1]}
	for _, lane := range []string{limits.LaneKnown, limits.LaneFamiliar, limits.LaneAnonymous} {
		all = append(all, limits.TryOfFlow(lane, "acc", "phn")[1])
	}
	window := 365 * 24 * time.Hour
	for _, use := range all {
		b.take(100, window, use)
	}
	if err := b.WorkedIn(t.Context(), limits.LaneFamiliar, "acc", "phn"); err != nil {
		t.Fatal(err)
	}
	for i, use := range all {
		if i == 2 {
			b.take(100, window, use)
			continue
		}
		b.full(window, use)
	}
	if err := b.Worked(t.Context(), "acc", "phn"); err != nil {
		t.Fatal(err)
	}
	for _, use := range all {
		b.take(100, window, use)
	}
	day := limits.TryOwn("acc", "phn")[0]
	b.take(10, 24*time.Hour, day)
	if err := b.Worked(t.Context(), "acc", "phn"); err != nil {
		t.Fatal(err)
	}
	b.full(24*time.Hour, day)
}

// A code whose own guesses are used up is worth no waiting: another one helps. The
// number's limit is.
func TestFullOfACode(t *testing.T) {
	b := newBudget(t)
	wait := func(err error) time.Duration {
		t.Helper()
		wait, full := limits.Full(err)
		if !full {
			t.Error(err)
		}
		return wait
	}
	uses := append(limits.TryOwn("acc", "phn"), limits.Try("cod1"))
	b.take(5, 24*time.Hour, uses...)
	if got := wait(b.Take(t.Context(), uses...)); got != 0 {
		t.Errorf("the code's own limit says to wait %s", got)
	}
	b.clk.Advance(time.Hour)
	b.take(5, 24*time.Hour, append(limits.TryOwn("acc", "phn"), limits.Try("cod2"))...)
	if got := wait(b.Take(t.Context(), append(limits.TryOwn("acc", "phn"), limits.Try("cod3"))...)); got != 23*time.Hour {
		t.Errorf("the number's limit says to wait %s", got)
	}
	if _, full := limits.Full(nil); full {
		t.Error("no limit")
	}
	if _, full := limits.Full(errRefused); full {
		t.Error("another error")
	}
}
