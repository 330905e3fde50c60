package telemetry

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/clock"
	"centinela/shared/module"
	"centinela/shared/outbox"
	"centinela/shared/ratelimit"
	"centinela/shared/record"
)

const (
	maxKeys    = 4096                   // different refusals that are summed up at once
	flushEvery = 250 * time.Millisecond // how often what was seen is told
	quiet      = time.Minute            // the same refusal is told once in this time, with its count
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
	events  *outbox.Memory
	kick    func()
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

// New makes a recorder that tells events, and kicks who ships them.
func New(events *outbox.Memory, kick func(), clk clock.Clock, log *slog.Logger, reg prometheus.Registerer) *Recorder {
	r := &Recorder{events: events, kick: kick, clock: clk, log: log, seen: map[Refusal]*tally{}, dropped: prometheus.NewCounter(prometheus.CounterOpts{
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

// Run tells what was noted until ctx ends, and then once more.
func (r *Recorder) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			r.tell()
			return nil
		case <-tick.C:
			r.tell()
		}
	}
}

// tell appends what must be told now, and forgets what was quiet. What has no room
// goes on being summed up. A gap is told when everything before it was.
func (r *Recorder) tell() {
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	told, room := false, true
	for refusal, t := range r.seen {
		switch {
		case t.count > 0 && (t.toldAt.IsZero() || now.Sub(t.toldAt) >= quiet):
			if room = room && r.append(t.event(now, refusal)); room {
				t.count, t.toldAt, told = 0, now, true
			}
		case t.count == 0 && now.Sub(t.toldAt) >= quiet:
			delete(r.seen, refusal)
		}
	}
	if r.lost > 0 && room {
		gap := record.New(now, module.Gateway, record.AuditGap, record.Failure, record.Origin{})
		gap.Reason, gap.Data = "more different refusals than are summed up at once", record.Data{"dropped": r.lost}
		if r.append(gap) {
			r.lost, told = 0, true
		}
	}
	if told {
		r.kick()
	}
}

func (r *Recorder) append(e record.Event) bool {
	taken, err := r.events.Append(e)
	if err != nil { // can't be: what the client chose is bounded
		r.log.Error("a refusal has no place in the record", slog.String("action", e.Action), slog.Any("error", err))
		return true
	}
	return taken
}

func (t *tally) event(now time.Time, refusal Refusal) record.Event {
	e := record.New(now, module.Gateway, refusal.Action, record.Refused, t.first)
	e.Account, e.Reason = refusal.Account, refusal.Reason
	e.Data = record.Data{countKey: t.count}
	return e
}
