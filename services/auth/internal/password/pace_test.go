package password

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// MU A28: refusals take as long as real verifications do, on the average of the last ones, and never less than the floor.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPace(50 * time.Millisecond)
		took := func(work time.Duration) time.Duration {
			start := time.Now()
			time.Sleep(work)
			if err := p.Hold(t.Context(), start); err != nil {
				t.Fatal(err)
			}
			return time.Since(start)
		}
		for _, step := range []struct{ learned, want time.Duration }{
			{0, 50 * time.Millisecond}, // nothing learned
			{160 * time.Millisecond, 160 * time.Millisecond},
			{320 * time.Millisecond, 170 * time.Millisecond}, // a sixteenth of the way
			{10 * time.Millisecond, 160 * time.Millisecond},
		} {
			if step.learned > 0 {
				p.Learn(step.learned)
			}
			if got := took(time.Millisecond); got != step.want {
				t.Errorf("after %s was learned: %s, want %s", step.learned, got, step.want)
			}
		}
		for range 200 {
			p.Learn(time.Millisecond)
		}
		if got := took(time.Millisecond); got != 50*time.Millisecond {
			t.Errorf("below the floor: %s", got)
		}
		if got := took(time.Second); got != time.Second {
			t.Errorf("who is late already: %s", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := p.Hold(ctx, time.Now()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who leaves: %v", err)
		}
	})
}
