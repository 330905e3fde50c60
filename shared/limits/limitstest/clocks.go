package limitstest

import (
	"errors"
	"testing"
	"time"

	"centinela/shared/clock"
	"centinela/shared/limits"
)

// Whatever the store says of when something was, nobody waits longer than the window or the longest pause: measured by
// the clock of who waits, from the first refusal.
func clockSetBack(t *testing.T, h *harness) {
	for _, c := range []struct {
		name string
		use  limits.Use
		most time.Duration
	}{
		{"window", limits.Of(own, "ana"), window},
		{"pause", limits.Of(paused, "ana"), longest},
		{"both", limits.Of(twofold, "ana", "x"), window},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.clk.Set(start)
			fillUp(t, h, c.use)
			h.clk.Set(start.Add(-2 * time.Hour))
			waited := time.Duration(0)
			for {
				err := h.Take(t.Context(), c.use)
				if err == nil {
					break
				}
				full, ok := errors.AsType[*limits.Full](err)
				if !ok {
					t.Fatal(err)
				}
				if waited += full.Wait; waited > c.most {
					t.Fatalf("waited %s, at most %s", waited, c.most)
				}
				h.clk.Advance(full.Wait)
			}
			if waited == 0 {
				t.Error("the clock that went back forgave what was counted")
			}
		})
	}
	t.Run("nothing_to_wait_for", func(t *testing.T) {
		h.clk.Set(start)
		use := limits.Of(paused, "eva")
		h.take(t, 1, use) // no pause after the first
		h.clk.Set(start.Add(-2 * time.Hour))
		h.take(t, 1, use)
	})
}

// fillUp takes until the use has to wait, pauses included.
func fillUp(t *testing.T, h *harness, use limits.Use) {
	t.Helper()
	for range 20 {
		err := h.Take(t.Context(), use)
		full, ok := errors.AsType[*limits.Full](err)
		switch {
		case ok && (use.Name == paused || full.Wait > longest):
			return
		case ok:
			h.clk.Advance(full.Wait)
		case err != nil:
			t.Fatal(err)
		}
	}
	t.Fatalf("%s is never full", use.Name)
}

// Two machines whose clocks are 30 s apart: a stranger at one of them makes nobody at the other wait longer, and the one
// that is behind forgives nothing.
func twoClocks(t *testing.T, h *harness) {
	ahead, behind := clock.NewManual(start.Add(30*time.Second)), clock.NewManual(start)
	first, second := h.on(t, ahead), h.on(t, behind)
	use := limits.Of(own, "ana")
	for i := range 3 {
		must(t, []*limits.Limiter{first, second}[i%2].Take(t.Context(), use))
	}
	for name, l := range map[string]*limits.Limiter{"ahead": first, "behind": second} {
		err := l.Take(t.Context(), use)
		if full, ok := errors.AsType[*limits.Full](err); !ok || full.Wait > window || full.Wait < window-time.Minute {
			t.Errorf("%s: %v", name, err)
		}
	}
	slow := limits.Of(paused, "ana")
	must(t, first.Take(t.Context(), slow))
	must(t, first.Take(t.Context(), slow))
	for after := time.Duration(0); after < longest; after += 10 * time.Second {
		behind.Set(start.Add(after))
		err := second.Take(t.Context(), slow)
		if full, ok := errors.AsType[*limits.Full](err); !ok || full.Wait != longest-after {
			t.Fatalf("behind, after %s: %v", after, err)
		}
	}
	behind.Set(start.Add(longest))
	must(t, second.Take(t.Context(), slow))
}
