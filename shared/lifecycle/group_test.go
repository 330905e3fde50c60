package lifecycle

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// failures is what the group has counted for a loop, or -1 where it counts none.
func failures(t *testing.T, reg prometheus.Gatherer, loop string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "centinela_audit_background_failures_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == loop {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

// R3: a panic in a background loop ends neither the process nor another loop:
// the loop begins again after a growing pause, counted, and logged with its stack.
func TestGroupBeginsAgain(t *testing.T) {
	for name, fail := range map[string]func() error{
		"panic": func() error { panic("planted") },
		"error": func() error { return errors.New("planted") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				reg := prometheus.NewRegistry()
				group := NewGroup("audit", slog.New(slog.NewTextHandler(&out, nil)), reg)
				ctx, cancel := context.WithCancel(t.Context())
				began := time.Now()
				var begun []time.Duration
				others := 0
				group.Go(ctx, "broken", func(ctx context.Context) error {
					begun = append(begun, time.Since(began))
					if len(begun) <= 3 {
						return fail()
					}
					return untilEnd(ctx)
				})
				group.Go(ctx, "whole", func(ctx context.Context) error { others++; return untilEnd(ctx) })
				time.Sleep(time.Hour)
				synctest.Wait()
				want := []time.Duration{0, firstRestart, 3 * firstRestart, 7 * firstRestart}
				if len(begun) != len(want) || begun[1] != want[1] || begun[2] != want[2] || begun[3] != want[3] {
					t.Errorf("begun after %v, not %v", begun, want)
				}
				if others != 1 {
					t.Errorf("the other loop was begun %d times", others)
				}
				if broken, whole := failures(t, reg, "broken"), failures(t, reg, "whole"); broken != 3 || whole != 0 {
					t.Errorf("counted %v and %v, not 3 and 0", broken, whole)
				}
				cancel()
				group.Wait()
				log := out.String()
				if strings.Count(log, "planted") != 3 || !strings.Contains(log, "loop=broken") || strings.Contains(log, "loop=whole") {
					t.Errorf("logged: %s", log)
				}
				if name == "panic" && !strings.Contains(log, "group_test.go") {
					t.Errorf("no stack: %s", log)
				}
			})
		})
	}
}

// A loop that worked for long begins again quickly; one that keeps failing is
// left alone for at most lastRestart.
func TestGroupPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group := NewGroup("audit", quiet, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var ended time.Time
		var pauses []time.Duration
		const hopeless = 12
		group.Go(ctx, "loop", func(ctx context.Context) error {
			if !ended.IsZero() {
				pauses = append(pauses, time.Since(ended))
			}
			if len(pauses) == hopeless { // it works for a while, then fails again
				time.Sleep(calmAfter)
			}
			ended = time.Now()
			if len(pauses) > hopeless {
				return untilEnd(ctx)
			}
			return errBroken
		})
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(pauses) != hopeless+1 || pauses[hopeless-1] != lastRestart || pauses[hopeless] != firstRestart {
			t.Errorf("pauses %v", pauses)
		}
		cancel()
		group.Wait()
	})
}

// A loop ends with nil, or with its context: also in the middle of a pause, and
// also when its last words fail, which is told.
func TestGroupEnds(t *testing.T) {
	for name, test := range map[string]struct {
		loop    func(ctx context.Context) error
		after   time.Duration
		counted float64
	}{
		"done":                     {func(context.Context) error { return nil }, 0, 0},
		"told to":                  {untilEnd, time.Second, 0},
		"while it rests":           {broken, time.Second, 4},
		"fails in its last words":  {func(ctx context.Context) error { <-ctx.Done(); return errBroken }, time.Second, 1},
		"panics in its last words": {func(ctx context.Context) error { <-ctx.Done(); panic("planted") }, time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				reg := prometheus.NewRegistry()
				group := NewGroup("audit", slog.New(slog.NewTextHandler(&out, nil)), reg)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				began := time.Now()
				group.Go(ctx, "loop", test.loop)
				group.Wait()
				if took := time.Since(began); took != test.after {
					t.Errorf("ended after %s, not %s", took, test.after)
				}
				if got := failures(t, reg, "loop"); got != test.counted {
					t.Errorf("counted %v failures, not %v", got, test.counted)
				}
				if strings.Contains(out.String(), "while stopping") != strings.Contains(name, "last words") {
					t.Errorf("logged: %s", out.String())
				}
			})
		})
	}
}

// A Run that is called twice in one process shares its counters.
func TestGroupTwice(t *testing.T) {
	reg := prometheus.NewRegistry()
	for range 2 {
		group := NewGroup("audit", quiet, reg)
		group.Go(t.Context(), "loop", func(context.Context) error { return nil })
		group.Wait()
	}
	if got := failures(t, reg, "loop"); got != 0 {
		t.Errorf("counted %v", got)
	}
}
