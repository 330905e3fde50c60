package telemetry_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/gateway/internal/telemetry"
	"centinela/shared/clock"
	"centinela/shared/outbox"
	"centinela/shared/record"
)

var (
	probe  = telemetry.Refusal{Action: record.GatewayRequestRefused, Address: "203.0.113.1", Reason: "Not Found"}
	origin = record.Origin{Address: "203.0.113.1", UserAgent: "curl", RequestID: "req_1"}
)

const room = 4096 // of the log

// sink is a log whose events are shipped, or not, as it is told.
type sink struct {
	t      *testing.T
	log    *outbox.Memory
	away   bool
	kicks  int
	events []record.Envelope
}

// take ships all there is, unless audit is away.
func (s *sink) take() {
	s.t.Helper()
	_, at, err := s.log.Shipped(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if s.away {
		return
	}
	entries, err := s.log.After(s.t.Context(), at.N, room)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		env, err := record.Parse(e.Body)
		if err == nil {
			err = env.Disclose(e.Openings)
		}
		if err != nil {
			s.t.Fatal(err)
		}
		s.events = append(s.events, env)
		at = at.Next(e.Body)
	}
	if err := s.log.Trim(s.t.Context(), at); err != nil {
		s.t.Fatal(err)
	}
}

// sum adds up the counts of an action's events.
func (s *sink) sum(action, key string) (events, count int) {
	s.t.Helper()
	s.take()
	for _, e := range s.events {
		if e.Event.Action == action {
			events, count = events+1, count+int(e.Data()[key].(float64))
		}
	}
	return events, count
}

// run calls check with a running recorder, in a bubble with its own time.
func run(t *testing.T, check func(t *testing.T, r *telemetry.Recorder, s *sink)) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{t: t, log: outbox.NewMemory("gateway", room)}
		r := telemetry.New(s.log, func() { s.kicks++ }, clock.Real(), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
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
		if events, count := s.sum(probe.Action, "count"); events != 1 || count != 1 || s.kicks != 1 {
			t.Fatalf("%d events of %d refusals, %d kicks, want the first at once", events, count, s.kicks)
		}
		for range 1000 {
			r.Note(probe, origin)
			pass(10 * time.Millisecond)
		}
		pass(time.Minute)
		if events, count := s.sum(probe.Action, "count"); events != 2 || count != 1001 {
			t.Errorf("%d events of %d refusals, want 2 of 1001", events, count)
		}
		if e := s.events[0].Event; e.Outcome != record.Refused || e.Address != origin.Address || e.RequestID != "req_1" || e.Reason != "Not Found" || e.Service != "gateway" {
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
			if e.Event.Address != origin.Address && e.Event.Address != "2001:db8::1" {
				t.Errorf("an event is of %s", e.Event.Address)
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
		for range 3 { // the log is as full as the memory: the marker comes when it has room
			pass(300 * time.Millisecond)
			s.take()
		}
		_, told := s.sum(probe.Action, "count")
		gaps, lost := s.sum(record.AuditGap, "dropped")
		if told != 4096 || gaps != 1 || told+lost != flood {
			t.Errorf("%d told, %d lost in %d gaps", told, lost, gaps)
		}
	})
}

// TestAuditAway: nothing waits for audit; what fits is told when it is back, and
// what doesn't leaves a gap. Nothing is told twice.
func TestAuditAway(t *testing.T) {
	run(t, func(t *testing.T, r *telemetry.Recorder, s *sink) {
		s.away = true
		for minute := range 5 {
			for i := range 3000 {
				r.Note(telemetry.Refusal{Action: probe.Action, Address: fmt.Sprint(minute, i)}, origin)
			}
			pass(2 * time.Minute)
		}
		s.away = false
		for range 5 {
			s.take()
			pass(time.Second)
		}
		events, told := s.sum(probe.Action, "count")
		gaps, lost := s.sum(record.AuditGap, "dropped")
		if events > 2*4096 || gaps != 1 || told+lost != 15_000 {
			t.Errorf("%d events tell of %d, %d lost in %d gaps: want 15000 in all", events, told, lost, gaps)
		}
		ids := map[string]bool{}
		for _, e := range s.events {
			if ids[e.Event.ID] {
				t.Fatalf("%s was told twice", e.Event.ID)
			}
			ids[e.Event.ID] = true
		}
	})
}

// TestLastWords: what was noted before the end is told before the end.
func TestLastWords(t *testing.T) {
	s := &sink{t: t, log: outbox.NewMemory("gateway", room)}
	r := telemetry.New(s.log, func() {}, clock.Real(), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
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
