package telemetry

import (
	"context"
	"log/slog"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/module"
	"centinela/shared/outbox"
	"centinela/shared/ratelimit"
	"centinela/shared/record"
)

const (
	maxKeys    = 4096                   // different refusals that are summed up at once
	flushEvery = 250 * time.Millisecond // how often what was seen is sent
	quiet      = time.Minute            // the same refusal is told once in this time, with its count
	batch      = 200                    // events a request to audit
	countKey   = "count"                // of an event's data: the refusals that it stands for
)

// Refusal is one kind of refusal of one client.
type Refusal struct {
	Action  string // record.Action…
	Address string
	Reason  string // an error code, or a verdict's id
	Account string
}

// Recorder collects refusals. It is safe for concurrent use.
type Recorder struct {
	sink    outbox.Sink
	clock   clock.Clock
	log     *slog.Logger
	dropped prometheus.Counter

	mu   sync.Mutex
	seen map[Refusal]*tally
	lost int
}

type tally struct {
	first  record.Origin
	count  int
	toldAt time.Time // zero until it was told for the first time
}

// New makes a recorder that sends to sink.
func New(sink outbox.Sink, clk clock.Clock, log *slog.Logger, reg prometheus.Registerer) *Recorder {
	r := &Recorder{sink: sink, clock: clk, log: log, seen: map[Refusal]*tally{}, dropped: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "centinela_gateway_telemetry_dropped_total",
		Help: "Refusals that no longer fitted, and are in the record as a gap only.",
	})}
	reg.MustRegister(r.dropped)
	return r
}

// Note counts a refusal. It never waits. An IPv6 /64 is one client, who would fill
// the memory with its addresses and so hide everybody else's refusals; the event
// has the first of them.
func (r *Recorder) Note(refusal Refusal, origin record.Origin) {
	if addr, err := netip.ParseAddr(refusal.Address); err == nil {
		refusal.Address = ratelimit.KeyOf(addr)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if t, ok := r.seen[refusal]; ok {
		t.count++
		return
	}
	if len(r.seen) >= maxKeys {
		r.lost++
		r.dropped.Inc()
		return
	}
	r.seen[refusal] = &tally{first: origin, count: 1}
}

// Run sends what was noted until ctx ends, and then once more.
func (r *Recorder) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	var unsent []record.Event
	for {
		select {
		case <-ctx.Done():
			r.last(ctx, unsent)
			return nil
		case <-tick.C:
			unsent = r.round(ctx, unsent)
		}
	}
}

// last is the round after the end.
func (r *Recorder) last(ctx context.Context, unsent []record.Event) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	r.round(last, unsent)
}

// round sends what is left of former rounds and what is due, and returns what
// could not be sent. A gap is told when everything before it was.
func (r *Recorder) round(ctx context.Context, unsent []record.Event) []record.Event {
	unsent = r.send(ctx, append(unsent, r.due(maxKeys-len(unsent))...))
	if len(unsent) > 0 {
		return unsent
	}
	return r.send(ctx, r.gap())
}

// due returns what must be told now, at most so many events, and forgets what was
// quiet. What doesn't fit goes on being summed up.
func (r *Recorder) due(most int) []record.Event {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	var events []record.Event
	for refusal, t := range r.seen {
		switch {
		case t.count > 0 && (t.toldAt.IsZero() || now.Sub(t.toldAt) >= quiet):
			if len(events) < most {
				events = append(events, t.event(now, refusal))
				t.count, t.toldAt = 0, now
			}
		case t.count == 0 && now.Sub(t.toldAt) >= quiet:
			delete(r.seen, refusal)
		}
	}
	return events
}

// gap is the marker of what was lost since the last one, if anything was.
func (r *Recorder) gap() []record.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost == 0 {
		return nil
	}
	gap := record.New(r.clock.Now(), module.Gateway, record.AuditGap, record.Failure, record.Origin{})
	gap.Data = map[string]string{"dropped": strconv.Itoa(r.lost)}
	r.lost = 0
	return []record.Event{gap}
}

func (t *tally) event(now time.Time, refusal Refusal) record.Event {
	e := record.New(now, module.Gateway, refusal.Action, record.Refused, t.first)
	e.Account, e.Reason = refusal.Account, refusal.Reason
	e.Data = map[string]string{countKey: strconv.Itoa(t.count)}
	return e
}

// send returns what could not be sent.
func (r *Recorder) send(ctx context.Context, events []record.Event) []record.Event {
	for len(events) > 0 {
		n := min(len(events), batch)
		err := r.sink(ctx, events[:n])
		if err != nil && !refusedForGood(err) {
			r.log.Debug("audit takes no telemetry now", slog.Any("error", err))
			return events
		}
		if err != nil {
			r.log.Warn("audit refused telemetry, which is left out", slog.Int("events", n), slog.Any("error", err))
			r.lose(events[:n])
		}
		events = events[n:]
	}
	return nil
}

// refusedForGood: the same batch would be refused again, and must not stand in
// the way of the others.
func refusedForGood(err error) bool {
	kind := fault.From(err).Kind
	return kind == fault.KindInvalid || kind == fault.KindTooLarge || kind == fault.KindUnsupportedMedia
}

// lose counts the refusals that are in the record as a gap only.
func (r *Recorder) lose(events []record.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range events {
		if n, err := strconv.Atoi(e.Data[countKey]); err == nil { // a gap marker has none, and isn't told of again
			r.lost += n
			r.dropped.Add(float64(n))
		}
	}
}
