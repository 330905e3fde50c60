package sweep_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"centinela/shared/sweep"
)

// GR G1: at most 500 at a time, a pause between, and all in the end.
func TestInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for left, pauses := range map[int]int{0: 0, 499: 0, 500: 1, 501: 1, 1_700: 3} {
			start, all := time.Now(), left
			total, err := sweep.InPieces(t.Context(), time.Second, func(_ context.Context, limit int) (int, error) {
				if limit != 500 {
					t.Errorf("a piece of %d", limit)
				}
				n := min(left, limit)
				left -= n
				return n, nil
			})
			if total != all || err != nil || left != 0 || time.Since(start) != time.Duration(pauses)*time.Second {
				t.Errorf("of %d: %d, %v, in %s", all, total, err, time.Since(start))
			}
		}
	})
}

func TestInPiecesStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		total, err := sweep.InPieces(ctx, time.Second, func(_ context.Context, limit int) (int, error) { return limit, nil })
		if total != 3*sweep.Rows || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d, %v", total, err)
		}
		own, calls := errors.New("own"), 0
		total, err = sweep.InPieces(t.Context(), time.Second, func(context.Context, int) (int, error) {
			calls++
			return sweep.Rows, map[int]error{2: own}[calls]
		})
		if total != 2*sweep.Rows || !errors.Is(err, own) || calls != 2 {
			t.Errorf("%d, %v, %d calls", total, err, calls)
		}
	})
}
