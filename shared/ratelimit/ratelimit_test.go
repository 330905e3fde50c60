package ratelimit_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ulule/limiter/v3"

	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/ratelimit"
)

var start = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

func table(t *testing.T, clk clock.Clock, limits ...ratelimit.Limit) *ratelimit.Table {
	t.Helper()
	tab, err := ratelimit.NewTable(limits, ratelimit.NewMemory(clk, 0), clk)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func check(t *testing.T, tab *ratelimit.Table, class, key string) ratelimit.Result {
	t.Helper()
	r, ok, err := tab.Check(context.Background(), class, key)
	if err != nil || !ok {
		t.Fatalf("Check = %v, %v", ok, err)
	}
	return r
}

// TestMemoryIsBounded holds gateway.md "Memory is bounded however many keys come": 1 M keys.
func TestMemoryIsBounded(t *testing.T) {
	const limit = 100_000
	mem := ratelimit.NewMemory(clock.NewManual(start), limit)
	rate := limiter.Rate{Period: time.Minute, Limit: 60}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range uint32(1_000_000) {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], i)
		if _, err := mem.Get(context.Background(), ratelimit.KeyOf(netip.AddrFrom4(b)), rate); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n := mem.Len(); n > limit {
		t.Errorf("holds %d keys, want at most %d", n, limit)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 40<<20 {
		t.Errorf("1 M keys left %d MiB on the heap, want at most 40", grown>>20)
	}
	runtime.KeepAlive(mem)
}

// TestWindow: the edges of the limit and of the window, to the millisecond.
func TestWindow(t *testing.T) {
	clk := clock.NewManual(start)
	tab := table(t, clk, ratelimit.Limit{Name: "default", Rate: "3-M"})
	for i, want := range []struct {
		remaining int64
		reached   bool
	}{{2, false}, {1, false}, {0, false}, {0, true}} {
		r := check(t, tab, "read", "a")
		if r.Remaining != want.remaining || r.Reached != want.reached {
			t.Errorf("request %d: %+v", i+1, r)
		}
	}
	if check(t, tab, "read", "b").Reached {
		t.Error("another key shares the window")
	}
	clk.Advance(time.Minute - time.Millisecond)
	if !check(t, tab, "read", "a").Reached {
		t.Error("the window ended a millisecond early")
	}
	clk.Advance(time.Millisecond)
	if check(t, tab, "read", "a").Reached {
		t.Error("the window did not end")
	}
}

func TestConcurrentRequestsPassExactlyTheLimit(t *testing.T) {
	tab := table(t, clock.NewManual(start), ratelimit.Limit{Name: "default", Rate: "50-M"})
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 10 {
				if r, _, err := tab.Check(context.Background(), "c", "k"); err == nil && !r.Reached {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if passed.Load() != 50 {
		t.Errorf("%d of 200 passed, want 50", passed.Load())
	}
}

func TestClassesAndTheWorstLimit(t *testing.T) {
	clk := clock.NewManual(start)
	tab := table(t, clk, ratelimit.Limit{Name: "all", Rate: "100-H"}, ratelimit.Limit{Name: "sign_in", Rate: "2-M", Class: "sign_in"})
	if r := check(t, tab, "read", "a"); r.Name != "all" {
		t.Errorf("class read is limited by %s", r.Name)
	}
	check(t, tab, "sign_in", "a")
	check(t, tab, "sign_in", "a")
	if r := check(t, tab, "sign_in", "a"); r.Name != "sign_in" || !r.Reached {
		t.Errorf("the third sign-in: %+v", r)
	}
	if check(t, tab, "read", "a").Reached {
		t.Error("a reached limit of one class stopped another")
	}
	if r := check(t, tab, "write", "a"); r.Name != "all" || r.Remaining != 100-6 {
		t.Errorf("after five requests of two classes a third has %d of %s left: a limit for every class counts them together (R2.2)", r.Remaining, r.Name)
	}
	none := table(t, clk, ratelimit.Limit{Name: "x", Rate: "1-S", Class: "x"})
	if _, ok, err := none.Check(context.Background(), "y", "a"); ok || err != nil {
		t.Errorf("a class without limits: %v, %v", ok, err)
	}
}

func TestHeaders(t *testing.T) {
	clk := clock.NewManual(start)
	tab := table(t, clk, ratelimit.Limit{Name: "default", Rate: "2-M"})
	check(t, tab, "c", "a")
	clk.Advance(30 * time.Second)
	h := http.Header{}
	r := check(t, tab, "c", "a")
	r.Headers(h)
	if got := h.Get("RateLimit-Policy"); got != `"default";q=2;w=60` {
		t.Errorf("RateLimit-Policy: %s", got)
	}
	if got := h.Get("RateLimit"); got != `"default";r=0;t=30` {
		t.Errorf("RateLimit: %s", got)
	}
	if r.Err() != nil {
		t.Errorf("at the limit: %v", r.Err())
	}
	err := check(t, tab, "c", "a").Err()
	if !errors.Is(err, ratelimit.ErrTooMany) || fault.From(err).RetryAfter != 30*time.Second {
		t.Errorf("over the limit: %v, wait %v", err, fault.From(err).RetryAfter)
	}
}

func TestKeyOf(t *testing.T) {
	same := [][2]string{
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"fe80::1%eth0", "fe80::2"},
	}
	differ := [][2]string{
		{"192.0.2.1", "192.0.2.2"},
		{"2001:db8:1:2::1", "2001:db8:1:3::1"},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.2"},
	}
	key := func(s string) string { return ratelimit.KeyOf(netip.MustParseAddr(s)) }
	for _, p := range same {
		if key(p[0]) != key(p[1]) {
			t.Errorf("%s and %s have different keys %s, %s", p[0], p[1], key(p[0]), key(p[1]))
		}
	}
	for _, p := range differ {
		if key(p[0]) == key(p[1]) {
			t.Errorf("%s and %s share the key %s", p[0], p[1], key(p[0]))
		}
	}
}

func TestStorePeekAndReset(t *testing.T) {
	ctx := context.Background()
	mem := ratelimit.NewMemory(clock.NewManual(start), 100)
	l := limiter.New(mem, limiter.Rate{Period: time.Minute, Limit: 2})
	for range 3 {
		if _, err := l.Get(ctx, "k"); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := l.Peek(ctx, "k"); err != nil || !c.Reached {
		t.Errorf("Peek = %+v, %v", c, err)
	}
	if c, err := l.Reset(ctx, "k"); err != nil || c.Reached || c.Remaining != 2 {
		t.Errorf("Reset = %+v, %v", c, err)
	}
	if c, err := l.Peek(ctx, "k"); err != nil || c.Remaining != 2 {
		t.Errorf("Peek after Reset = %+v, %v", c, err)
	}
}

func TestBadTables(t *testing.T) {
	clk := clock.NewManual(start)
	for name, limits := range map[string][]ratelimit.Limit{
		"rate":       {{Name: "a", Rate: "60"}},
		"zero":       {{Name: "a", Rate: "0-M"}},
		"period":     {{Name: "a", Rate: "1-X"}},
		"name":       {{Name: `a"b`, Rate: "1-M"}},
		"name_twice": {{Name: "a", Rate: "1-M"}, {Name: "a", Rate: "2-M"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ratelimit.NewTable(limits, ratelimit.NewMemory(clk, 0), clk); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// TestResetIsWithinTheWindow: what the headers say at the very start of a window is the window, also between two
// seconds (draft-ietf-httpapi-ratelimit-headers-10 §4).
func TestResetIsWithinTheWindow(t *testing.T) {
	tab := table(t, clock.NewManual(start.Add(300*time.Millisecond)), ratelimit.Limit{Name: "x", Rate: "60-H"})
	if r := check(t, tab, "", "k"); r.Reset != time.Hour {
		t.Errorf("Reset = %s", r.Reset)
	}
}
