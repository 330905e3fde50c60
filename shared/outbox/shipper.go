package outbox

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/fault"
	"centinela/shared/record"
)

const (
	batch       = 200                    // events a call of the sink
	idle        = 250 * time.Millisecond // look without a kick: another process may have written
	firstPause  = 50 * time.Millisecond  // after the first failure
	longestWait = 2 * time.Second        // between tries, however long the receiver is away
	sinkBudget  = 10 * time.Second       // one call of the sink
	lastFlush   = time.Second            // at the end of Run
)

// Source keeps the events until they are delivered.
type Source interface {
	// PendingEvents returns the oldest undelivered events, at most limit.
	PendingEvents(ctx context.Context, limit int) ([]record.Event, error)
	// DeliveredEvents forgets events by id; unknown ids are ignored.
	DeliveredEvents(ctx context.Context, ids []string) error
}

// Rejecter is a Source that can move an event aside for an operator. Without it
// a rejected event is only logged and counted before it is forgotten.
type Rejecter interface {
	RejectEvent(ctx context.Context, id, reason string) error
}

// Sink hands events over. It returns nil only when the receiver keeps them all.
type Sink func(ctx context.Context, events []record.Event) error

// Shipper moves events from a Source to a Sink.
type Shipper struct {
	src     Source
	sink    Sink
	log     *slog.Logger
	metrics *metrics
	kick    chan struct{}
}

// New returns a Shipper. Its metrics are registered on reg with the first event,
// which names the service: centinela_<svc>_outbox_{pending,shipped_total,
// failures_total,rejected_total}.
func New(src Source, sink Sink, log *slog.Logger, reg prometheus.Registerer) *Shipper {
	return &Shipper{src: src, sink: sink, log: log, metrics: &metrics{reg: reg}, kick: make(chan struct{}, 1)}
}

// Kick makes Run look now; call it after a write that appended events. It never blocks.
func (s *Shipper) Kick() {
	select {
	case s.kick <- struct{}{}:
	default: // one kick is waiting already, and a look takes all there is
	}
}

// Run ships until ctx ends, then tries once more for at most a second, and
// returns nil: what is left stays in the source for the next start.
func (s *Shipper) Run(ctx context.Context) error {
	pause := time.Duration(0)
	for ctx.Err() == nil {
		err := s.shipAll(ctx)
		switch {
		case err == nil:
			pause = 0
		case ctx.Err() != nil:
			// Not a failure of the receiver: the flush below repeats the call.
		default:
			pause = min(max(2*pause, firstPause), longestWait)
			s.metrics.failed()
			s.log.Warn("outbox: not shipped, trying again", "error", err.Error(), "pause", pause)
		}
		s.wait(ctx, pause)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
	defer cancel()
	if err := s.shipAll(last); err != nil {
		s.metrics.failed()
		s.log.Warn("outbox: last flush failed; the events stay for the next start", "error", err.Error())
	}
	return nil
}

// wait returns at a kick or after idle; after a failure kicks don't shorten the
// pause, or a busy service would hammer a receiver that is down.
func (s *Shipper) wait(ctx context.Context, pause time.Duration) {
	kick := s.kick
	limit := idle
	if pause > 0 {
		kick = nil
		limit = pause/2 + rand.N(pause/2+1)
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-kick:
	case <-timer.C:
	}
}

// shipAll empties the source, batch by batch, in order.
func (s *Shipper) shipAll(ctx context.Context) error {
	for {
		events, err := s.src.PendingEvents(ctx, batch)
		if err != nil {
			return err
		}
		s.metrics.waiting(events)
		if len(events) == 0 {
			return nil
		}
		if err := s.ship(ctx, events); err != nil {
			return err
		}
	}
}

// ship delivers a batch, or its events one by one when the receiver refuses the
// batch for what is in it.
func (s *Shipper) ship(ctx context.Context, events []record.Event) error {
	err := s.send(ctx, events)
	if err == nil {
		return s.delivered(ctx, events)
	}
	if !refused(err) {
		return err
	}
	if len(events) == 1 {
		return s.reject(ctx, events[0], err)
	}
	for i := range events {
		if err := s.ship(ctx, events[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Shipper) send(ctx context.Context, events []record.Event) error {
	ctx, cancel := context.WithTimeout(ctx, sinkBudget)
	defer cancel()
	return s.sink(ctx, events)
}

func (s *Shipper) delivered(ctx context.Context, events []record.Event) error {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	if err := s.src.DeliveredEvents(ctx, ids); err != nil {
		return err
	}
	s.metrics.sent(len(events))
	return nil
}

// reject moves one event aside, and only then says so: a failing source leaves
// it in place and it is tried again.
func (s *Shipper) reject(ctx context.Context, e record.Event, cause error) error {
	var err error
	if aside, ok := s.src.(Rejecter); ok {
		err = aside.RejectEvent(ctx, e.ID, cause.Error())
	} else {
		err = s.src.DeliveredEvents(ctx, []string{e.ID})
	}
	if err != nil {
		return err
	}
	s.metrics.refused()
	s.log.Error("outbox: event rejected by its receiver and moved aside", "event", e.ID, "action", e.Action, "error", cause.Error())
	return nil
}

// refused tells "never" from "not now": only a verdict on the content itself.
func refused(err error) bool {
	kind := fault.From(err).Kind
	return kind == fault.KindInvalid || kind == fault.KindTooLarge
}
