package due

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"centinela/shared/fault"
)

// TestPaced: the next whole multiple, in whatever time the work is done; nobody
// waits for "unavailable", nor after hanging up.
func TestPaced(t *testing.T) {
	const each = 200 * time.Millisecond
	for name, c := range map[string]struct {
		work, want time.Duration
		err        error
	}{
		"no work":       {0, each, nil},
		"some":          {150 * time.Millisecond, each, nil},
		"more than one": {250 * time.Millisecond, 2 * each, nil},
		"many":          {5*each + 1, 6 * each, nil},
		"a refusal":     {0, each, errors.New("x")},
		"unavailable":   {0, 0, fault.New(fault.KindUnavailable, fault.CodeUnavailable, "")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				func() {
					failed := c.err
					defer Paced(t.Context(), each)(&failed)
					<-time.After(c.work) // made up time
				}()
				if got := time.Since(began); got != c.want {
					t.Errorf("took %s, want %s", got, c.want)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var err error
		wait := Paced(ctx, each)
		cancel()
		wait(&err)
		Paced(t.Context(), 0)(&err)
		if time.Since(began) != 0 {
			t.Error("waited for nobody")
		}
	})
}
