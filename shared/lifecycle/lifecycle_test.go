package lifecycle

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// diary is what happened, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) add(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) has(line string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.lines, line)
}

type fake struct {
	name             string
	diary            *diary
	start, run, stop func(ctx context.Context) error
}

// unit of which every step is noted.
func (f *fake) unit() Unit {
	step := func(name string, call func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error {
			f.diary.add(name + " " + f.name)
			if call == nil {
				return nil
			}
			return call(ctx)
		}
	}
	return Unit{Name: f.name, Start: step("start", f.start), Stop: step("stop", f.stop), Run: func(ctx context.Context) error {
		call := f.run
		if call == nil {
			call = untilEnd
		}
		err := call(ctx)
		f.diary.add("ran " + f.name)
		return err
	}}
}

// play runs fakes.
func play(ctx context.Context, budget time.Duration, fakes ...*fake) error {
	var units []Unit
	for _, f := range fakes {
		units = append(units, f.unit())
	}
	return Run(ctx, quiet, budget, units...)
}

func untilEnd(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

var errBroken = errors.New("broken")

func broken(context.Context) error { return errBroken }

func afterSecond(err error) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
			return err
		}
	}
}

// Design "Lifecycle": start in order, stop in reverse; each Run goes on until
// its unit's turn, so that what is still draining keeps what it needs.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		edge := &fake{name: "edge", diary: d, stop: func(context.Context) error {
			if d.has("ran store") || d.has("ran edge") {
				t.Error("a Run was ended before its turn")
			}
			return nil
		}}
		if err := play(ctx, time.Second, &fake{name: "store", diary: d}, &fake{name: "auth", diary: d}, edge); err != nil {
			t.Fatal(err)
		}
		want := []string{"start store", "start auth", "start edge", "stop edge", "ran edge", "stop auth", "ran auth", "stop store", "ran store"}
		if !slices.Equal(d.lines, want) {
			t.Errorf("got %q", d.lines)
		}
	})
}

// Design "Lifecycle": the first failure stops all.
func TestFailureStopsAll(t *testing.T) {
	tests := map[string]struct {
		second fake
		want   string // in the error
		diary  []string
	}{
		"run fails":    {fake{run: afterSecond(errBroken)}, "second: run: broken", []string{"start first", "start second", "start third", "ran second", "stop third", "ran third", "stop second", "stop first", "ran first"}},
		"start fails":  {fake{start: broken}, "second: start: broken", []string{"start first", "start second", "stop first"}},
		"run panics":   {fake{run: func(context.Context) error { panic(errBroken) }}, "second: run: panic: broken\n", nil},
		"start panics": {fake{start: func(context.Context) error { panic(errBroken) }}, "second: start: panic: broken\n", []string{"start first", "start second", "stop first"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &diary{}
				second := test.second
				second.name, second.diary = "second", d
				err := play(t.Context(), time.Second, &fake{name: "first", diary: d}, &second, &fake{name: "third", diary: d})
				if err == nil || !strings.Contains(err.Error(), test.want) || strings.Count(err.Error(), "second: ") != 1 {
					t.Fatalf("got %v", err)
				}
				if test.diary != nil && !slices.Equal(d.lines, test.diary) {
					t.Errorf("got %q", d.lines)
				}
				if strings.Contains(test.want, "panic") && !strings.Contains(err.Error(), "lifecycle_test.go") {
					t.Errorf("no stack: %v", err)
				}
				if !strings.Contains(test.want, "panic") && !errors.Is(err, errBroken) {
					t.Error("errors.Is doesn't reach the cause")
				}
			})
		})
	}
}

func TestRunThatIsDoneStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		err := play(ctx, time.Second, &fake{name: "store", diary: d, run: func(context.Context) error { return nil }}, &fake{name: "edge", diary: d})
		if err != nil || time.Since(began) != time.Hour {
			t.Errorf("ended after %s: %v", time.Since(began), err)
		}
	})
}

// Design "Lifecycle": a stop budget each. A unit that hangs costs its own
// budget and not that of the others, and is named.
func TestStopBudget(t *testing.T) {
	const budget = 5 * time.Second
	hang := func(released chan struct{}) func(context.Context) error {
		return func(context.Context) error { <-released; return nil }
	}
	tests := map[string]struct {
		unit func(released chan struct{}) fake
		want string
		took time.Duration
	}{
		"stop hangs":             {func(r chan struct{}) fake { return fake{stop: hang(r)} }, "edge: stop: took longer than 5s", budget},
		"run hangs":              {func(r chan struct{}) fake { return fake{run: hang(r)} }, "edge: run: didn't return within 5s", budget + lastGrace},
		"stop obeys its context": {func(chan struct{}) fake { return fake{stop: untilEnd} }, "edge: stop: ", budget},
		"run cleans up": {func(chan struct{}) fake {
			return fake{run: func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Second); return nil }}
		}, "", time.Second},
		"stop fails":  {func(chan struct{}) fake { return fake{stop: broken} }, "edge: stop: broken", 0},
		"stop panics": {func(chan struct{}) fake { return fake{stop: func(context.Context) error { panic("x") }} }, "edge: stop: panic: x", 0},
		"run fails at the end": {func(chan struct{}) fake {
			return fake{run: func(ctx context.Context) error { <-ctx.Done(); return errBroken }}
		}, "edge: run: broken", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, released := &diary{}, make(chan struct{})
				edge := test.unit(released)
				edge.name, edge.diary = "edge", d
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var left time.Duration
				store := &fake{name: "store", diary: d, stop: func(ctx context.Context) error {
					end, _ := ctx.Deadline()
					left = time.Until(end)
					return nil
				}}
				began := time.Now()
				err := play(ctx, budget, store, &edge)
				if took := time.Since(began) - time.Minute; took != test.took {
					t.Errorf("the stop took %s, not %s", took, test.took)
				}
				if (err == nil) != (test.want == "") || (err != nil && !strings.Contains(err.Error(), test.want)) {
					t.Errorf("got %v", err)
				}
				if left != budget {
					t.Errorf("the next unit had %s left", left)
				}
				close(released)
			})
		})
	}
}

// A unit has only what it needs.
func TestEmptyUnit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := Run(ctx, quiet, time.Second, Unit{Name: "nothing"}, (&fake{name: "edge", diary: d}).unit())
		if err != nil || !d.has("ran edge") {
			t.Errorf("%v, %q", err, d.lines)
		}
	})
}

func TestAskedToStopWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, slow := range map[string]func(context.Context) error{
			"start gives up": untilEnd,
			"start finishes": func(context.Context) error { time.Sleep(time.Minute); return nil },
		} {
			d := &diary{}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := play(ctx, time.Second, &fake{name: "store", diary: d}, &fake{name: "slow", diary: d, start: slow}, &fake{name: "edge", diary: d})
			cancel()
			if err != nil || d.has("start edge") || !d.has("stop store") || d.has("ran store") || d.has("stop slow") != (name == "start finishes") {
				t.Errorf("%s: %v, %q", name, err, d.lines)
			}
		}
	})
}

func TestLogsStartDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		slow := &fake{name: "slow", diary: &diary{}, start: func(context.Context) error { time.Sleep(3 * time.Second); return nil }}
		if err := Run(ctx, log, time.Second, slow.unit()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), `level=DEBUG msg="unit started" unit=slow took=3s`) {
			t.Errorf("got %s", out.String())
		}
	})
}
