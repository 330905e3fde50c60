package outbox_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/outbox"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
)

type rig struct {
	src     *outbox.Memory
	got     *outboxtest.Receiver
	shipper *outbox.Shipper
	reg     *prometheus.Registry
	log     *bytes.Buffer // read after the end of Run
	calls   []time.Time
	sizes   []int
	end     func() // ends Run and waits for it
}

// start runs a shipper within a synctest bubble, where time is the bubble's.
func start(t *testing.T, answer func(call int, s record.Shipment) error) *rig {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	g := &rig{src: outbox.NewMemory(outboxtest.Service, 10_000), reg: prometheus.NewRegistry(), log: &bytes.Buffer{}}
	g.got = &outboxtest.Receiver{Key: public, Answer: func(call int, s record.Shipment) error {
		g.calls, g.sizes = append(g.calls, time.Now()), append(g.sizes, len(s.Entries))
		if answer == nil {
			return nil
		}
		return answer(call, s)
	}}
	g.shipper = outbox.New(outbox.Options{
		Service: outboxtest.Service, Log: g.src, Sink: g.got.Take, Sign: func(message []byte) []byte { return ed25519.Sign(private, message) },
		Clock: clock.NewManual(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)), Logger: slog.New(slog.NewTextHandler(g.log, nil)), Registry: g.reg,
	})
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

func (g *rig) ids() []string {
	var ids []string
	for _, env := range g.got.Events() {
		ids = append(ids, env.Event.ID)
	}
	return ids
}

func (g *rig) left(t *testing.T) int {
	t.Helper()
	_, head, err := g.src.Shipped(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entries, err := g.src.After(t.Context(), head.N, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func ids(events []record.Event) []string {
	list := make([]string, len(events))
	for i, e := range events {
		list[i] = e.ID
	}
	return list
}

var away = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "away")

// A receiver that fails and recovers loses nothing, and gets the events in order.
func TestShipAfterFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := start(t, func(call int, _ record.Shipment) error {
			if call <= 8 {
				return away
			}
			return nil
		})
		events := outboxtest.Events(450) // three shipments
		put(t, g.src, events...)
		time.Sleep(30 * time.Second)
		g.end()
		if got := g.ids(); !slices.Equal(got, ids(events)) || g.left(t) != 0 {
			t.Fatalf("got %d events, %d left", len(got), g.left(t))
		}
		if slices.Max(g.sizes) != 200 {
			t.Errorf("shipments of %v, want at most 200", g.sizes)
		}
		for i := 1; i <= 8; i++ {
			pause := g.calls[i].Sub(g.calls[i-1])
			longest := min(50*time.Millisecond<<(i-1), 2*time.Second)
			if pause < longest/2 || pause > longest {
				t.Errorf("pause %d is %s, want %s to %s", i, pause, longest/2, longest)
			}
		}
		for name, want := range map[string]string{"failures_total": "8", "pending": "0", "held": "450", "rejected_total": "0", "shipped_total": "450"} {
			g.metric(t, name, want)
		}
	})
}

// metric compares a metric that exists from the start, whether or not there were events.
func (g *rig) metric(t *testing.T, name, want string) {
	t.Helper()
	name = "centinela_auth_outbox_" + name
	found, err := g.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range found {
		if family.GetName() == name {
			m := family.GetMetric()[0]
			if got := strconv.FormatFloat(m.GetCounter().GetValue()+m.GetGauge().GetValue(), 'g', -1, 64); got != want {
				t.Errorf("%s is %s, not %s", name, got, want)
			}
			return
		}
	}
	t.Errorf("there is no %s", name)
}

// KB: an alert on failures of a service without events must be possible.
func TestMetricsAreThereFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := start(t, nil)
		g.end()
		if n, err := testutil.GatherAndCount(g.reg); err != nil || n != 5 {
			t.Errorf("%d metrics, %v", n, err)
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
				g := start(t, nil)
				synctest.Wait()
				begin := time.Now()
				put(t, g.src, outboxtest.Events(1)...)
				if c.kick {
					g.shipper.Kick()
					g.shipper.Kick() // never blocks
				}
				time.Sleep(time.Second)
				g.end()
				if len(g.calls) != 1 || g.calls[0].Sub(begin) != c.want {
					t.Errorf("shipped at %v after %v, want %s", g.calls, begin, c.want)
				}
			})
		})
	}
}

// Kicks don't shorten the pause after a failure.
func TestKickDuringAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := start(t, func(int, record.Shipment) error { return errors.New("away") })
		put(t, g.src, outboxtest.Events(1)...)
		for range 1000 {
			g.shipper.Kick()
			time.Sleep(time.Millisecond)
		}
		g.end()
		if len(g.calls) > 10 {
			t.Errorf("%d calls in a second of a dead receiver", len(g.calls))
		}
	})
}

// What is there at the end is tried once more; what can't go stays.
func TestLastFlush(t *testing.T) {
	t.Run("delivers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := start(t, nil)
			synctest.Wait()
			events := outboxtest.Events(250)
			put(t, g.src, events...)
			g.end()
			if got := g.ids(); !slices.Equal(got, ids(events)) {
				t.Errorf("got %d of 250", len(got))
			}
		})
	})
	t.Run("gives up after a second", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := start(t, nil)
			g.end()
			put(t, g.src, outboxtest.Events(1)...)
			g.shipper.Sink = func(ctx context.Context, _ record.Shipment) (record.Head, error) {
				<-ctx.Done()
				return record.Head{}, ctx.Err()
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			begin := time.Now()
			if err := g.shipper.Run(ctx); err != nil {
				t.Error(err)
			}
			if took := time.Since(begin); took != time.Second || g.left(t) != 1 {
				t.Errorf("took %s, %d left", took, g.left(t))
			}
		})
	})
}

// refusing answers invalid to any shipment with that event.
func refusing(id string) func(int, record.Shipment) error {
	return func(_ int, s record.Shipment) error {
		if slices.ContainsFunc(s.Entries, func(e record.Sealed) bool { return strings.Contains(string(e.Body), `"id":"`+id+`"`) }) {
			return fault.New(fault.KindInvalid, fault.CodeInvalidRequest, "no such action")
		}
		return nil
	}
}

// A poisoned event doesn't hold the others up, and doesn't vanish silently: a gap
// marker has its number.
func TestPoisonedEvent(t *testing.T) {
	for _, at := range []int{0, 3, 9} {
		synctest.Test(t, func(t *testing.T) {
			events := outboxtest.Events(10)
			g := start(t, refusing(events[at].ID))
			put(t, g.src, events...)
			time.Sleep(time.Second)
			g.end()
			got := g.got.Events()
			if len(got) != 10 || g.left(t) != 0 {
				t.Fatalf("%d events, %d left", len(got), g.left(t))
			}
			for i, env := range got {
				if i == at {
					if env.Event.Action != record.AuditGap || env.Data()["n"] != float64(at+1) {
						t.Errorf("in its place: %s", env.Body)
					}
				} else if env.Event.ID != events[i].ID {
					t.Errorf("event %d is %s", i, env.Event.ID)
				}
			}
			if len(g.calls) > 2+at+2 { // the whole, one by one up to it, and what is behind it
				t.Errorf("%d calls", len(g.calls))
			}
			if log := g.log.String(); strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "no such action") {
				t.Errorf("log %q", log)
			}
			g.metric(t, "rejected_total", "1")
		})
	}
}

// Only a verdict on the content rejects: everything else is tried again.
func TestOtherRefusalsAreNotRejections(t *testing.T) {
	for _, kind := range []fault.Kind{fault.KindInternal, fault.KindUnauthenticated, fault.KindForbidden, fault.KindNotFound, fault.KindTooMany, fault.KindUnavailable, fault.KindTimeout} {
		synctest.Test(t, func(t *testing.T) {
			g := start(t, func(int, record.Shipment) error { return fault.New(kind, fault.CodeInternal, "x") })
			put(t, g.src, outboxtest.Events(2)...)
			time.Sleep(5 * time.Second)
			g.end()
			if g.left(t) != 2 {
				t.Errorf("kind %v: %d left", kind, g.left(t))
			}
			g.metric(t, "rejected_total", "0")
		})
	}
}

// CA A2: nothing is acknowledged by inference. A receiver that answers without an
// error, and holds less than it was sent, is sent the same again.
func TestNothingIsAcknowledgedByInference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := start(t, nil)
		var swallowing atomic.Bool
		swallowing.Store(true)
		take := g.shipper.Sink
		g.shipper.Sink = func(ctx context.Context, s record.Shipment) (record.Head, error) {
			if swallowing.Load() {
				return record.Head{N: s.From - 1, Hash: record.Hash{}}, nil
			}
			return take(ctx, s)
		}
		events := outboxtest.Events(3)
		put(t, g.src, events...)
		time.Sleep(2 * time.Second)
		if g.left(t) != 3 {
			t.Fatalf("%d left of what nobody has", g.left(t))
		}
		swallowing.Store(false)
		time.Sleep(5 * time.Second)
		g.end()
		if got := g.ids(); !slices.Equal(got, ids(events)) {
			t.Errorf("got %v", got)
		}
	})
}

// Stopped between the receiver's answer and the cursor: what it has isn't recorded twice.
func TestShippedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := start(t, nil)
		g.end()
		events := outboxtest.Events(5)
		put(t, g.src, events[:3]...)
		g.shipper.Log = forgetful{g.src}
		if err := g.shipper.Run(cancelled(t)); err != nil || g.left(t) != 3 || len(g.ids()) != 3 {
			t.Fatalf("%v, %d left, %d had", err, g.left(t), len(g.ids()))
		}
		again := g.shipper.Options
		again.Log, again.Registry = g.src, prometheus.NewRegistry()
		g.shipper = outbox.New(again)
		put(t, g.src, events[3:]...)
		if err := g.shipper.Run(cancelled(t)); err != nil || g.left(t) != 0 {
			t.Fatalf("%v, %d left", err, g.left(t))
		}
		if got := g.ids(); !slices.Equal(got, ids(events)) {
			t.Errorf("got %v", got)
		}
	})
}

// Another process that ships the same log was faster, by more than a shipment: the cursor follows, and nothing is sent
// again and again.
func TestAnotherWasFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := start(t, nil)
		g.end()
		put(t, g.src, outboxtest.Events(250)...)
		instance, head, err := g.src.Shipped(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		entries, err := g.src.After(t.Context(), 0, 250)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			head = head.Next(e.Body)
		}
		g.got.Hold("auth/"+instance, head)
		g.calls = nil
		if err := g.shipper.Run(cancelled(t)); err != nil || g.left(t) != 0 || len(g.calls) != 1 {
			t.Errorf("%v, %d left after %d calls", err, g.left(t), len(g.calls))
		}
	})
}

type forgetful struct{ outbox.Log }

func (forgetful) Trim(context.Context, record.Head) error { return errors.New("stopped") }

func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// A log and a record that don't agree, because one of them was put back to an
// older state: nothing hangs, nothing that waits is lost, and the record is told.
func TestDisagreementIsTold(t *testing.T) {
	other := record.Head{N: 2, Hash: record.Hash{1}}
	for name, held := range map[string]record.Head{
		"the record is ahead":     {N: 40, Hash: record.Hash{1}},
		"the record has another":  other,
		"the record is far ahead": {N: 1_000_000, Hash: record.Hash{2}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := start(t, nil)
				synctest.Wait()
				instance, _, err := g.src.Shipped(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				g.got.Hold("auth/"+instance, held)
				events := outboxtest.Events(3)
				put(t, g.src, events...)
				time.Sleep(5 * time.Second)
				g.end()
				g.told(t, instance, held.N, events)
				g.metric(t, "failures_total", "0")
			})
		})
	}
	// The record was put back to a state before what the log has forgotten, or is about
	// to: what was held is not sent again under the new name.
	for name, past := range map[string]time.Duration{"forgotten": 15 * time.Second, "not yet forgotten": time.Second} {
		t.Run("the record is behind what was "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := start(t, nil)
				put(t, g.src, outboxtest.Events(4)...)
				time.Sleep(past)
				instance, _, err := g.src.Shipped(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				g.got.Hold("auth/"+instance, other)
				events := outboxtest.Events(6)[4:]
				put(t, g.src, events...)
				time.Sleep(5 * time.Second)
				g.end()
				g.told(t, instance, 2, events)
				if n := len(g.got.Events()); n != 4+1+2 {
					t.Errorf("%d events", n)
				}
			})
		})
	}
}

// A log that can't take its new name yet is a failure, tried again after a pause; that it goes on is said when it does.
func TestANewNameThatCannotBeTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := start(t, nil)
		g.end()
		g.shipper.Log = &stubborn{Memory: g.src}
		instance, _, err := g.src.Shipped(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		g.got.Hold("auth/"+instance, record.Head{N: 40, Hash: record.Hash{1}})
		events := outboxtest.Events(3)
		put(t, g.src, events...)
		for range 2 { // the last flush of either is one try
			if strings.Contains(g.log.String(), "it goes on under a new name") {
				t.Errorf("log %q", g.log.String())
			}
			if err := g.shipper.Run(cancelled(t)); err != nil {
				t.Fatal(err)
			}
			g.metric(t, "failures_total", "1")
		}
		g.told(t, instance, 40, events)
	})
}

// stubborn is a log that can't be renewed at the first try.
type stubborn struct {
	*outbox.Memory
	tried bool
}

func (s *stubborn) Renew(ctx context.Context, notice record.Event) error {
	if !s.tried {
		s.tried = true
		return errors.New("read-only")
	}
	return s.Memory.Renew(ctx, notice)
}

// A log that its receiver knows otherwise, and in which an event is refused: the parts of the shipment find out as the
// whole would have.
func TestDisagreementIsToldBesideAPoisonedEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := outboxtest.Events(7)
		poisoned := refusing(events[6].ID)
		calls := 0
		g := start(t, func(call int, s record.Shipment) error {
			if calls = call; call > 50 {
				return away
			}
			return poisoned(call, s)
		})
		put(t, g.src, events[:4]...)
		time.Sleep(time.Second)
		instance, _, err := g.src.Shipped(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		g.got.Hold("auth/"+instance, record.Head{N: 2, Hash: record.Hash{1}})
		put(t, g.src, events[4:]...)
		time.Sleep(5 * time.Second)
		g.end()
		if all := g.got.Events(); calls > 50 || g.left(t) != 0 || len(all) != 4+1+3 || all[4].Event.Action != record.AuditGap || all[7].Event.Action != record.AuditGap {
			t.Errorf("%d calls, %d left: %d events", calls, g.left(t), len(all))
		}
		g.metric(t, "rejected_total", "1")
	})
}

// told checks that the events came at last, behind a notice, under another name.
func (g *rig) told(t *testing.T, former string, held int64, events []record.Event) {
	t.Helper()
	all := g.got.Events()
	if len(all) < len(events)+1 || g.left(t) != 0 {
		t.Fatalf("%d events, %d left", len(all), g.left(t))
	}
	last := all[len(all)-len(events)-1:]
	notice := last[0]
	if notice.Event.Action != record.AuditGap || notice.N != 1 || notice.Source == "auth/"+former ||
		notice.Data()["source"] != "auth/"+former || notice.Data()["held"] != float64(held) {
		t.Errorf("the notice is %s", notice.Body)
	}
	for i, env := range last[1:] {
		if env.Event.ID != events[i].ID || env.N != int64(i)+2 {
			t.Errorf("event %d is %s, number %d", i, env.Event.ID, env.N)
		}
	}
	if !strings.Contains(g.log.String(), "holds another log") {
		t.Errorf("log %q", g.log.String())
	}
}

// A number that is missing in the log doesn't stop it.
func TestMissingNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := start(t, nil)
		g.end()
		events := outboxtest.Events(4)
		put(t, g.src, events...)
		g.shipper.Log = &holed{Memory: g.src, missing: 2}
		if err := g.shipper.Run(cancelled(t)); err != nil {
			t.Fatal(err)
		}
		got := g.got.Events()
		if len(got) != 4 || got[1].Event.Action != record.AuditGap || got[3].Event.ID != events[3].ID {
			t.Errorf("got %v", g.ids())
		}
	})
}

// holed is a log from which somebody deleted an entry.
type holed struct {
	*outbox.Memory
	missing int64
}

func (h *holed) After(ctx context.Context, n int64, limit int) ([]outbox.Entry, error) {
	entries, err := h.Memory.After(ctx, n, limit)
	return slices.DeleteFunc(entries, func(e outbox.Entry) bool { return e.N == h.missing }), err
}

func (h *holed) Supersede(ctx context.Context, n int64, with record.Sealed, reason string) error {
	h.missing = 0
	return h.Memory.Supersede(ctx, n, with, reason)
}
