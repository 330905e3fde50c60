package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"centinela/services/recovery/internal/recovery"
)

// V17: values are unique and contiguous, whoever counts.
func counterRace(t *testing.T, s Store) {
	const callers = 100
	seen := make([]int, callers+1)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			n, err := s.Count(context.WithoutCancel(t.Context()), "k", now, time.Hour)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || n < 1 || n > callers {
				t.Errorf("count %d: %v", n, err)
				return
			}
			seen[n]++
		})
	}
	wg.Wait()
	for n := 1; n <= callers; n++ {
		if seen[n] != 1 {
			t.Fatalf("the value %d was given %d times", n, seen[n])
		}
	}
}

func counterWindow(t *testing.T, s Store) {
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {time.Hour - time.Millisecond, 2}, {time.Hour, 1}, {time.Hour + time.Millisecond, 2}} {
		n, err := s.Count(t.Context(), "k", now.Add(c.after), time.Hour)
		if err != nil || n != c.want {
			t.Errorf("after %s: %d, %v, want %d", c.after, n, err, c.want)
		}
	}
}

func uncount(t *testing.T, s Store) {
	ctx := t.Context()
	must(t, s.Uncount(ctx, "k"))
	for _, key := range []string{"k", "k", "other"} {
		_, err := s.Count(ctx, key, now, time.Hour)
		must(t, err)
	}
	must(t, s.Uncount(ctx, "k"))
	for key, want := range map[string]int{"k": 1, "other": 2} {
		if n, err := s.Count(ctx, key, now, time.Hour); err != nil || n != want {
			t.Errorf("%s is %d, %v, want %d", key, n, err, want)
		}
	}
}

func prune(t *testing.T, s Store) {
	ctx := t.Context()
	gone, kept := flow("rec_gone", ""), flow("rec_kept", "acc_a")
	gone.ForgetAt, kept.ForgetAt = now, now.Add(time.Millisecond)
	must(t, s.CreateFlow(ctx, gone, recovery.Effects{}))
	must(t, s.CreateFlow(ctx, kept, recovery.Effects{}))
	for key, window := range map[string]time.Duration{"over": time.Hour, "runs": time.Hour + time.Millisecond} {
		if _, err := s.Count(ctx, key, now.Add(-time.Hour), window); err != nil {
			t.Fatal(err)
		}
	}
	old, fresh := text("txt_old", "acc_a", time.Time{}), text("txt_fresh", "acc_a", time.Time{})
	old.FinishedAt, old.ProviderID = now.Add(-7*24*time.Hour), "p_old"
	fresh.FinishedAt, fresh.ProviderID = old.FinishedAt.Add(time.Millisecond), "p_fresh"
	withTexts(t, s, old, fresh)
	must(t, s.Prune(ctx, now))
	if _, err := s.Flow(ctx, "rec_gone"); !errors.Is(err, recovery.ErrNoFlow) {
		t.Errorf("an old flow stays: %v", err)
	}
	if _, err := s.Flow(ctx, "rec_kept"); err != nil {
		t.Error(err)
	}
	if _, err := s.TextByProvider(ctx, "p_old"); !errors.Is(err, recovery.ErrNoText) {
		t.Errorf("an old text stays: %v", err)
	}
	if _, err := s.TextByProvider(ctx, "p_fresh"); err != nil {
		t.Error(err)
	}
	if n, err := s.Count(ctx, "runs", now, time.Hour); err != nil || n != 2 {
		t.Errorf("a running counter was pruned: %d, %v", n, err)
	}
}
