package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/gateway/internal/telemetry"
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/record"
)

var (
	probe  = telemetry.Refusal{Action: record.GatewayRequestRefused, Address: "203.0.113.1", Reason: "Not Found"}
	origin = record.Origin{Address: "203.0.113.1", UserAgent: "curl", RequestID: "req_1"}
)

// sink takes batches, or fails as it is told.
type sink struct {
	mu     sync.Mutex
	err    error
	never  string // an address whose events it will never take
	events []record.Event
	most   int
}

func (s *sink) take(_ context.Context, events []record.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = max(s.most, len(events))
	if s.err != nil {
		return s.err
	}
	if s.never != "" && events[0].Address == s.never {
		return fault.New(fault.KindInvalid, fault.CodeInvalidRequest, "no")
	}
	s.events = append(s.events, events...)
	return nil
}

func (s *sink) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// sum adds up the counts of an action's events.
func (s *sink) sum(action, key string) (events, count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Action == action {
			n, err := strconv.Atoi(e.Data[key])
			if err != nil {
				panic(err)
			}
			events, count = events+1, count+n
		}
	}
	return events, count
}

// run calls check with a running recorder, in a bubble with its own time.
func run(t *testing.T, check func(t *testing.T, r *telemetry.Recorder, s *sink)) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		r := telemetry.New(s.take, clock.Real(), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		check(t, r, s)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func pass(d time.Duration) {
	time.Sleep(d) // the bubble's time: it costs nothing
	synctest.Wait()
}

// TestSumsUp: the first refusal is told at once, what repeats within a minute in
// one line with its count, so that a flood doesn't fill the record (R5).
func TestSumsUp(t *testing.T) {
	run(t, func(t *testing.T, r *telemetry.Recorder, s *sink) {
		r.Note(probe, origin)
		pass(300 * time.Millisecond)
		if events, count := s.sum(probe.Action, "count"); events != 1 || count != 1 {
			t.Fatalf("%d events of %d refusals, want the first at once", events, count)
		}
		for range 1000 {
			r.Note(probe, origin)
			pass(10 * time.Millisecond)
		}
		pass(time.Minute)
		if events, count := s.sum(probe.Action, "count"); events != 2 || count != 1001 {
			t.Errorf("%d events of %d refusals, want 2 of 1001", events, count)
		}
		if e := s.events[0]; e.Outcome != record.Refused || e.Address != origin.Address || e.RequestID != "req_1" || e.Reason != "Not Found" || e.Service != "gateway" {
			t.Errorf("the event is %+v", e)
		}
		pass(10 * time.Minute)
		r.Note(probe, origin) // forgotten meanwhile: it is a first one again
		pass(300 * time.Millisecond)
		if events, count := s.sum(probe.Action, "count"); events != 3 || count != 1002 {
			t.Errorf("%d events of %d refusals after a quiet time, want 3 of 1002", events, count)
		}
	})
}

// TestSumsUpAPrefix: whoever holds an IPv6 /64 can't fill the memory with its
// addresses, and hide the refusals of others (R5).
func TestSumsUpAPrefix(t *testing.T) {
	run(t, func(t *testing.T, r *telemetry.Recorder, s *sink) {
		for i := range 10_000 {
			address := fmt.Sprintf("2001:db8::%x", i+1)
			r.Note(telemetry.Refusal{Action: probe.Action, Address: address, Reason: "Not Found"}, record.Origin{Address: address})
		}
		r.Note(probe, origin)
		pass(300 * time.Millisecond)
		if events, count := s.sum(probe.Action, "count"); events != 2 || count != 10_001 {
			t.Errorf("%d events of %d refusals, want 2 of 10001", events, count)
		}
		if gaps, _ := s.sum(record.AuditGap, "dropped"); gaps != 0 {
			t.Error("refusals were lost")
		}
		for _, e := range s.events {
			if e.Address != origin.Address && e.Address != "2001:db8::1" {
				t.Errorf("an event is of %s", e.Address)
			}
		}
	})
}

// TestBounded: more kinds of refusals than fit are counted, and the record gets a
// marker with their number, so that nobody takes silence for peace.
func TestBounded(t *testing.T) {
	run(t, func(t *testing.T, r *telemetry.Recorder, s *sink) {
		const flood = 10_000
		for i := range flood {
			r.Note(telemetry.Refusal{Action: probe.Action, Address: fmt.Sprint(i)}, origin)
		}
		pass(300 * time.Millisecond)
		_, told := s.sum(probe.Action, "count")
		gaps, lost := s.sum(record.AuditGap, "dropped")
		if told != 4096 || gaps != 1 || told+lost != flood {
			t.Errorf("%d told, %d lost in %d gaps", told, lost, gaps)
		}
		if s.most > 200 {
			t.Errorf("a batch of %d events, audit takes 200", s.most)
		}
	})
}

// TestAuditAway: nothing waits for audit; what fits is sent when it is back, and
// what doesn't leaves a gap. Nothing is sent twice.
func TestAuditAway(t *testing.T) {
	run(t, func(t *testing.T, r *telemetry.Recorder, s *sink) {
		s.fail(errors.New("down"))
		for minute := range 5 {
			for i := range 3000 {
				r.Note(telemetry.Refusal{Action: probe.Action, Address: fmt.Sprint(minute, i)}, origin)
			}
			pass(2 * time.Minute)
		}
		s.fail(nil)
		pass(time.Second)
		events, told := s.sum(probe.Action, "count")
		gaps, lost := s.sum(record.AuditGap, "dropped")
		if events > 2*4096 || gaps != 1 || told+lost != 15_000 {
			t.Errorf("%d events tell of %d, %d lost in %d gaps: want 15000 in all", events, told, lost, gaps)
		}
		ids := map[string]bool{}
		for _, e := range s.events {
			if ids[e.ID] {
				t.Fatalf("%s was sent twice", e.ID)
			}
			ids[e.ID] = true
		}
	})
}

// TestRefusedBatch: a batch that audit will never take doesn't stop the others.
func TestRefusedBatch(t *testing.T) {
	run(t, func(t *testing.T, r *telemetry.Recorder, s *sink) {
		s.never = probe.Address
		r.Note(probe, origin)
		pass(time.Second)
		if gaps, lost := s.sum(record.AuditGap, "dropped"); gaps != 1 || lost != 1 {
			t.Errorf("%d lost in %d gaps, want one", lost, gaps)
		}
		r.Note(telemetry.Refusal{Action: probe.Action, Address: "203.0.113.2"}, record.Origin{Address: "203.0.113.2"})
		pass(time.Second)
		if _, count := s.sum(probe.Action, "count"); count != 1 {
			t.Errorf("%d refusals told after it, want 1", count)
		}
	})
}

// TestLastWords: what was noted before the end is sent before the end.
func TestLastWords(t *testing.T) {
	s := &sink{}
	r := telemetry.New(s.take, clock.Real(), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(t.Context())
	r.Note(probe, origin)
	cancel()
	if err := r.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if _, count := s.sum(probe.Action, "count"); count != 1 {
		t.Errorf("%d refusals told, want 1", count)
	}
}
