package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/obs"
	"centinela/shared/record"
)

const (
	batch       = 200                    // events a shipment
	batchBytes  = 512 << 10              // of a shipment
	idle        = 250 * time.Millisecond // look without a kick: another process may have written
	firstPause  = 50 * time.Millisecond  // after the first failure
	longestWait = 2 * time.Second        // between tries, however long the receiver is away
	sinkBudget  = 10 * time.Second       // one call of the sink
	lastFlush   = time.Second            // at the end of Run

	// The log's cursor follows what the receiver holds at most so far behind: moving
	// it is a write, which a sign-in alone would otherwise pay for. Stopped before
	// that, the shipper sends again what the receiver knows by its high-water mark.
	lag       = 10 * time.Second
	lagEvents = 300 // with a shipment, what one Trim deletes stays below 500 rows
)

// errNotHeld is a receiver that answers without an error, and has nothing.
var errNotHeld = errors.New("outbox: audit answered, and holds none of what it was sent")

// Options is what a Shipper is made of.
type Options struct {
	Service  string // whose events the log holds
	Log      Log
	Sink     Sink
	Sign     func(message []byte) []byte // with the service's key
	Clock    clock.Clock
	Logger   *slog.Logger
	Registry prometheus.Registerer // centinela_<svc>_outbox_{pending,held,shipped_total,failures_total,rejected_total}
}

// Shipper moves a log to its receiver. One Run uses it at a time.
type Shipper struct {
	Options
	metrics *metrics
	kick    chan struct{}

	source string      // the log's, at the last look
	held   record.Head // what the receiver has of it
	cursor record.Head // what the log says that it has
	since  time.Time   // when the cursor fell behind
}

// New returns a Shipper.
func New(o Options) *Shipper {
	return &Shipper{Options: o, metrics: newMetrics(o.Registry, o.Service), kick: make(chan struct{}, 1)}
}

// Kick makes Run look now; call it after a write that appended events. It never blocks.
func (s *Shipper) Kick() {
	select {
	case s.kick <- struct{}{}:
	default: // one kick is waiting already, and a look takes all there is
	}
}

// Run ships until ctx ends, then tries once more for at most a second, and
// returns nil: what is left stays in the log for the next start.
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
			s.metrics.failures.Inc()
			s.Logger.Warn("outbox: not shipped, trying again", "error", err.Error(), "pause", pause)
		}
		s.wait(ctx, pause)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
	defer cancel()
	if err := errors.Join(s.shipAll(last), s.settle(last, 0)); err != nil {
		s.metrics.failures.Inc()
		s.Logger.Warn("outbox: last flush failed; the events stay for the next start", "error", err.Error())
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

// shipAll empties the log, shipment by shipment, in order.
func (s *Shipper) shipAll(ctx context.Context) error {
	for {
		more, err := s.shipOne(ctx)
		if err != nil || !more {
			return err
		}
	}
}

func (s *Shipper) shipOne(ctx context.Context) (more bool, _ error) {
	source, at, err := s.look(ctx)
	if err != nil {
		return false, err
	}
	entries, err := s.Log.After(ctx, at.N, batch)
	if err != nil {
		return false, err
	}
	s.metrics.waiting.Set(float64(len(entries)))
	if len(entries) == 0 {
		return false, s.settle(ctx, lag)
	}
	if entries[0].N != at.N+1 {
		return true, s.mark(ctx, source, at.N+1, "the log has no event with this number")
	}
	shipment := s.pack(source, at, entries)
	held, err := s.send(ctx, shipment)
	if refused(err) {
		return true, s.sift(ctx, source, at, entries, err)
	}
	if err != nil {
		return false, err
	}
	left := len(entries) - len(shipment.Entries)
	more = held != shipment.Head || left > 0 || len(entries) == batch
	s.metrics.waiting.Set(float64(left))
	return more, s.answered(ctx, source, at, shipment, held)
}

// look returns the log's source, and what the receiver has of it.
func (s *Shipper) look(ctx context.Context) (source string, held record.Head, _ error) {
	instance, at, err := s.Log.Shipped(ctx)
	if err != nil {
		return "", record.Head{}, err
	}
	source = s.Service + "/" + instance
	if source != s.source || at.N >= s.held.N {
		s.source, s.held = source, at
	}
	s.cursor = at
	s.metrics.held.Set(float64(s.held.N))
	return s.source, s.held, nil
}

// advance notes what the receiver holds by its own answer.
func (s *Shipper) advance(ctx context.Context, held record.Head) error {
	if s.held == s.cursor {
		s.since = time.Now()
	}
	s.held = held
	s.metrics.held.Set(float64(held.N))
	return s.settle(ctx, lag)
}

// settle moves the log's cursor if it is far enough behind, or has been for longer
// than patience.
func (s *Shipper) settle(ctx context.Context, patience time.Duration) error {
	behind := s.held.N - s.cursor.N
	if behind == 0 || behind < lagEvents && time.Since(s.since) < patience {
		return nil
	}
	if err := s.Log.Trim(ctx, s.held); err != nil {
		return err
	}
	s.cursor = s.held
	return nil
}

// answered moves on to what the receiver holds.
func (s *Shipper) answered(ctx context.Context, source string, at record.Head, shipment record.Shipment, held record.Head) error {
	switch held {
	case at:
		return errNotHeld
	case shipment.Head:
		s.metrics.shipped.Add(float64(len(shipment.Entries)))
		return s.advance(ctx, held)
	}
	return s.agree(ctx, source, at, held)
}

// pack takes the entries up to the first that would be too much or out of order.
func (s *Shipper) pack(source string, at record.Head, entries []Entry) record.Shipment {
	shipment := record.Shipment{Source: source, From: at.N + 1, Head: at}
	bytes := 0
	for _, e := range entries {
		bytes += len(e.Body) + len(e.Openings)
		if len(shipment.Entries) > 0 && bytes > batchBytes || e.N != shipment.Head.N+1 {
			break
		}
		shipment.Entries = append(shipment.Entries, e.Sealed)
		shipment.Head = shipment.Head.Next(e.Body)
	}
	shipment.Signature = s.Sign(shipment.Head.Message(source))
	return shipment
}

func (s *Shipper) send(ctx context.Context, shipment record.Shipment) (record.Head, error) {
	ctx, cancel := context.WithTimeout(ctx, sinkBudget)
	defer cancel()
	return s.Sink(ctx, shipment)
}

// sift ships the entries of a refused shipment one by one, until the one that is
// refused alone; that one's number goes to a gap marker.
func (s *Shipper) sift(ctx context.Context, source string, at record.Head, entries []Entry, cause error) error {
	if len(entries) > 1 && entries[1].N == at.N+2 {
		alone := s.pack(source, at, entries[:1])
		held, err := s.send(ctx, alone)
		if err == nil {
			if err := s.answered(ctx, source, at, alone, held); err != nil || held != alone.Head {
				return err
			}
			return s.sift(ctx, source, held, entries[1:], cause)
		}
		if !refused(err) {
			return err
		}
		cause = err
	}
	return s.mark(ctx, source, at.N+1, cause.Error())
}

// mark puts a gap marker in the place of number n.
func (s *Shipper) mark(ctx context.Context, source string, n int64, why string) error {
	sealed, err := Gap(s.Clock.Now(), s.Service, source, n)
	if err != nil {
		return err
	}
	if err := s.Log.Supersede(ctx, n, sealed, why); err != nil {
		return err
	}
	s.metrics.rejected.Inc()
	s.Logger.Error("outbox: an event was rejected and moved aside; a gap marker took its number", "source", source, "n", n, "error", why)
	return nil
}

// agree deals with a receiver that holds something else than what was sent. It may
// be ahead, because another process ships the same log, or because this one was
// stopped between the answer and the cursor; or it was put back a little, to what
// the log has not forgotten yet. Then this log holds what it holds, and goes on from
// there. Otherwise one of the two was put back to an older state.
func (s *Shipper) agree(ctx context.Context, source string, at, held record.Head) error {
	has, err := Holds(ctx, s.Log, s.cursor, held)
	if err != nil {
		return err
	}
	if has {
		return s.advance(ctx, held)
	}
	if err := s.settle(ctx, 0); err != nil { // a renewed log sends nothing again
		return err
	}
	// Another process may have moved the cursor beyond all of this meanwhile.
	if instance, now, err := s.Log.Shipped(ctx); err != nil || s.Service+"/"+instance != source || now != at {
		return err
	}
	return s.renew(ctx, source, at, held)
}

func (s *Shipper) renew(ctx context.Context, source string, at, held record.Head) error {
	notice := record.New(s.Clock.Now(), s.Service, record.AuditGap, record.Failure, record.Origin{})
	notice.Reason = "the log and the record don't agree, as after a restore of one of them: it goes on under a new name"
	notice.Data = record.Data{"source": source, "shipped": at.N, "held": held.N}
	if err := s.Log.Renew(ctx, notice); err != nil {
		return errors.Join(fmt.Errorf("outbox: audit holds another log of %s", source), err)
	}
	s.Logger.Error("outbox: audit holds another log of this source; it goes on under a new name, and the record says so", "source", source, "shipped", at.N, "held", held.N)
	return nil
}

// refused tells "never" from "not now": only a verdict on the content itself.
func refused(err error) bool {
	if err == nil {
		return false
	}
	kind := fault.From(err).Kind
	return kind == fault.KindInvalid || kind == fault.KindTooLarge
}

type metrics struct {
	waiting, held               prometheus.Gauge
	shipped, failures, rejected prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, service string) *metrics {
	counter := func(thing, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: obs.Metric(service, thing), Help: help})
	}
	gauge := func(thing, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: obs.Metric(service, thing), Help: help})
	}
	m := &metrics{
		waiting:  gauge("outbox_pending", "Events that waited at the last look, counted up to one batch of 200."),
		held:     gauge("outbox_held", "Number of the newest event that audit has, by its own answer."),
		shipped:  counter("outbox_shipped_total", "Events that audit has, by its own answer."),
		failures: counter("outbox_failures_total", "Tries that failed and are repeated."),
		rejected: counter("outbox_rejected_total", "Events that audit refuses for good; a gap marker took their place."),
	}
	reg.MustRegister(m.waiting, m.held, m.shipped, m.failures, m.rejected)
	return m
}
