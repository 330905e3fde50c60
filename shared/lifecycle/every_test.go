package lifecycle

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/testkit"
)

// KA W4: one loop for what is done each so often. A turn that fails or panics takes
// no other turn along, is counted each time and logged once in a row (R3).
func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out testkit.Buffer
		reg := prometheus.NewRegistry()
		group := NewGroup("audit", slog.New(slog.NewTextHandler(&out, nil)), reg)
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var turns []time.Duration
		group.Every(ctx, time.Minute, "sweep", func(context.Context) error {
			turns = append(turns, time.Since(began))
			switch len(turns) {
			case 2:
				return errors.New("planted")
			case 3:
				panic("planted too")
			case 5:
				time.Sleep(150 * time.Second) // two turns fall out
			}
			return nil
		})
		time.Sleep(8*time.Minute - time.Second)
		synctest.Wait()
		want := []time.Duration{0, time.Minute, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute, 390 * time.Second, 7 * time.Minute}
		if !slices.Equal(turns, want) {
			t.Errorf("turns at %v, want %v", turns, want)
		}
		if n := failures(t, reg, "sweep"); n != 2 {
			t.Errorf("%v failures counted, want 2", n)
		}
		if log := out.String(); strings.Count(log, "level=ERROR") != 1 || strings.Count(log, "goes on") != 1 || !strings.Contains(log, "planted") {
			t.Errorf("log = %s", log)
		}
		cancel()
		group.Wait()
	})
}

// A turn that ends because the process stops is no failure.
func TestEveryStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out testkit.Buffer
		reg := prometheus.NewRegistry()
		group := NewGroup("audit", slog.New(slog.NewTextHandler(&out, nil)), reg)
		ctx, cancel := context.WithCancel(t.Context())
		group.Every(ctx, time.Minute, "sweep", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		time.Sleep(time.Hour)
		cancel()
		group.Wait()
		if n := failures(t, reg, "sweep"); n != 0 || out.String() != "" {
			t.Errorf("%v failures, %s", n, out.String())
		}
	})
}
