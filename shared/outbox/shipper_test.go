package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"centinela/shared/fault"
	"centinela/shared/outbox"
	"centinela/shared/record"
)

// kept is a Source in memory.
type kept struct {
	mu       sync.Mutex
	events   []record.Event
	rejected []string
}

func (k *kept) add(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for range n {
		k.events = append(k.events, record.Event{ID: "evt_" + strconv.Itoa(len(k.events)), Service: "chat-relay", Action: record.ChatMessageSent})
	}
}

func (k *kept) PendingEvents(_ context.Context, limit int) ([]record.Event, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.events[:min(limit, len(k.events))]), nil
}

func (k *kept) DeliveredEvents(_ context.Context, ids []string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.events = slices.DeleteFunc(k.events, func(e record.Event) bool { return slices.Contains(ids, e.ID) })
	return nil
}

func (k *kept) left() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.events)
}

// aside is a Source that can also reject.
type aside struct{ kept }

func (a *aside) RejectEvent(ctx context.Context, id, reason string) error {
	a.mu.Lock()
	a.rejected = append(a.rejected, id+" "+reason)
	a.mu.Unlock()
	return a.DeliveredEvents(ctx, []string{id})
}

// receiver is a Sink that records; answer decides on each call.
type receiver struct {
	mu     sync.Mutex
	got    []string
	calls  []time.Time
	sizes  []int
	answer func(call int, events []record.Event) error
}

func (r *receiver) take(ctx context.Context, events []record.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, time.Now())
	r.sizes = append(r.sizes, len(events))
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.answer != nil {
		if err := r.answer(len(r.calls), events); err != nil {
			return err
		}
	}
	for _, e := range events {
		r.got = append(r.got, e.ID)
	}
	return nil
}

func (r *receiver) snapshot() (got []string, calls []time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got), slices.Clone(r.calls)
}

type rig struct {
	shipper *outbox.Shipper
	reg     *prometheus.Registry
	log     *bytes.Buffer // read after the end of Run
	end     func()        // ends Run and waits for it
}

// start runs a shipper within a synctest bubble, where time is the bubble's.
func start(t *testing.T, src outbox.Source, r *receiver) rig {
	t.Helper()
	g := rig{reg: prometheus.NewRegistry(), log: &bytes.Buffer{}}
	g.shipper = outbox.New(src, r.take, slog.New(slog.NewTextHandler(g.log, nil)), g.reg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.shipper.Run(ctx) }()
	g.end = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	return g
}

func ids(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = "evt_" + strconv.Itoa(i)
	}
	return all
}

// A receiver that fails and recovers loses nothing, and gets the events in order.
func TestShipAfterFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, r := &kept{}, &receiver{}
		r.answer = func(call int, _ []record.Event) error {
			if call <= 8 {
				return fault.New(fault.KindUnavailable, fault.CodeUnavailable, "away")
			}
			return nil
		}
		src.add(450) // three batches
		g := start(t, src, r)
		time.Sleep(30 * time.Second)
		g.end()
		got, calls := r.snapshot()
		if !slices.Equal(got, ids(450)) || src.left() != 0 {
			t.Fatalf("got %d events, %d left", len(got), src.left())
		}
		if slices.Max(r.sizes) != 200 {
			t.Errorf("batches of %v, want at most 200", r.sizes)
		}
		for i := 1; i <= 8; i++ {
			pause := calls[i].Sub(calls[i-1])
			longest := min(50*time.Millisecond<<(i-1), 2*time.Second)
			if pause < longest/2 || pause > longest {
				t.Errorf("pause %d is %s, want %s to %s", i, pause, longest/2, longest)
			}
		}
		want := `# HELP centinela_chat_relay_outbox_failures_total Tries that failed and are repeated.
# TYPE centinela_chat_relay_outbox_failures_total counter
centinela_chat_relay_outbox_failures_total 8
# HELP centinela_chat_relay_outbox_pending Events that waited at the last look, counted up to one batch of 200.
# TYPE centinela_chat_relay_outbox_pending gauge
centinela_chat_relay_outbox_pending 0
# HELP centinela_chat_relay_outbox_rejected_total Events that their receiver refuses for good, moved aside.
# TYPE centinela_chat_relay_outbox_rejected_total counter
centinela_chat_relay_outbox_rejected_total 0
# HELP centinela_chat_relay_outbox_shipped_total Events that their receiver took.
# TYPE centinela_chat_relay_outbox_shipped_total counter
centinela_chat_relay_outbox_shipped_total 450
`
		if err := testutil.GatherAndCompare(g.reg, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	})
}

// A kick ships at once; without one it takes at most 250 ms.
func TestKick(t *testing.T) {
	for name, c := range map[string]struct {
		kick bool
		want time.Duration
	}{"kicked": {true, 0}, "not kicked": {false, 250 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, r := &kept{}, &receiver{}
				g := start(t, src, r)
				synctest.Wait()
				begin := time.Now()
				src.add(1)
				if c.kick {
					g.shipper.Kick()
					g.shipper.Kick() // never blocks
				}
				time.Sleep(time.Second)
				g.end()
				_, calls := r.snapshot()
				if len(calls) != 1 || calls[0].Sub(begin) != c.want {
					t.Errorf("shipped at %v after %v, want %s", calls, begin, c.want)
				}
			})
		})
	}
}

// Kicks don't shorten the pause after a failure.
func TestKickDuringAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, r := &kept{}, &receiver{}
		r.answer = func(int, []record.Event) error { return errors.New("away") }
		src.add(1)
		g := start(t, src, r)
		for range 1000 {
			g.shipper.Kick()
			time.Sleep(time.Millisecond)
		}
		g.end()
		if _, calls := r.snapshot(); len(calls) > 10 {
			t.Errorf("%d calls in a second of a dead receiver", len(calls))
		}
	})
}

// What is there at the end is tried once more; what can't go stays.
func TestLastFlush(t *testing.T) {
	t.Run("delivers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			src, r := &kept{}, &receiver{}
			g := start(t, src, r)
			synctest.Wait()
			src.add(250)
			g.end()
			if got, _ := r.snapshot(); !slices.Equal(got, ids(250)) {
				t.Errorf("got %d of 250", len(got))
			}
		})
	})
	t.Run("gives up after a second", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			src := &kept{}
			shipper := outbox.New(src, func(ctx context.Context, _ []record.Event) error {
				<-ctx.Done()
				return ctx.Err()
			}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
			src.add(1)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			begin := time.Now()
			if err := shipper.Run(ctx); err != nil {
				t.Error(err)
			}
			if took := time.Since(begin); took != time.Second || src.left() != 1 {
				t.Errorf("took %s, %d left", took, src.left())
			}
		})
	})
}

// refusing is a receiver that answers invalid to any batch with that event.
func refusing(id string) func(int, []record.Event) error {
	return func(_ int, events []record.Event) error {
		if slices.ContainsFunc(events, func(e record.Event) bool { return e.ID == id }) {
			return fault.New(fault.KindInvalid, fault.CodeInvalidRequest, "no such action")
		}
		return nil
	}
}

// A poisoned event doesn't hold the others up, and doesn't vanish silently.
func TestPoisonedEvent(t *testing.T) {
	const bad = "evt_3"
	want := slices.DeleteFunc(ids(10), func(id string) bool { return id == bad })
	check := func(t *testing.T, g rig, r *receiver, left int) {
		t.Helper()
		if got, _ := r.snapshot(); !slices.Equal(got, want) || left != 0 {
			t.Errorf("got %v, %d left", got, left)
		}
		if log := g.log.String(); strings.Count(log, bad) != 1 || !strings.Contains(log, "level=ERROR") {
			t.Errorf("log %q", log)
		}
		expected := "# HELP centinela_chat_relay_outbox_rejected_total Events that their receiver refuses for good, moved aside.\n# TYPE centinela_chat_relay_outbox_rejected_total counter\ncentinela_chat_relay_outbox_rejected_total 1\n"
		if err := testutil.GatherAndCompare(g.reg, strings.NewReader(expected), "centinela_chat_relay_outbox_rejected_total"); err != nil {
			t.Error(err)
		}
	}
	t.Run("moved aside by the source", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			src, r := &aside{}, &receiver{answer: refusing(bad)}
			src.add(10)
			g := start(t, src, r)
			time.Sleep(time.Second)
			g.end()
			check(t, g, r, src.left())
			if !slices.Equal(src.rejected, []string{bad + " invalid_request: no such action"}) {
				t.Errorf("aside: %q", src.rejected)
			}
		})
	})
	t.Run("source without a place for it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			src, r := &kept{}, &receiver{answer: refusing(bad)}
			src.add(10)
			g := start(t, src, r)
			time.Sleep(time.Second)
			g.end()
			check(t, g, r, src.left())
		})
	})
}

// Only a verdict on the content rejects: everything else is tried again.
func TestOtherRefusalsAreNotRejections(t *testing.T) {
	for _, kind := range []fault.Kind{fault.KindInternal, fault.KindUnauthenticated, fault.KindForbidden, fault.KindNotFound, fault.KindTooMany, fault.KindUnavailable, fault.KindTimeout} {
		synctest.Test(t, func(t *testing.T) {
			src, r := &aside{}, &receiver{}
			r.answer = func(int, []record.Event) error { return fault.New(kind, fault.CodeInternal, "x") }
			src.add(2)
			g := start(t, src, r)
			time.Sleep(5 * time.Second)
			g.end()
			if src.left() != 2 || len(src.rejected) != 0 {
				t.Errorf("kind %v: %d left, aside %v", kind, src.left(), src.rejected)
			}
		})
	}
}
