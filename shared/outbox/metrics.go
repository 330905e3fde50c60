package outbox

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/obs"
	"centinela/shared/record"
)

// metrics are made with the first event, because only events know the service's
// name; failures before that are added then.
type metrics struct {
	reg prometheus.Registerer

	mu       sync.Mutex
	early    float64
	pending  prometheus.Gauge
	shipped  prometheus.Counter
	failures prometheus.Counter
	rejected prometheus.Counter
}

func (m *metrics) waiting(events []record.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pending == nil {
		if len(events) == 0 {
			return
		}
		m.register(events[0].Service)
	}
	m.pending.Set(float64(len(events)))
}

func (m *metrics) register(service string) {
	counter := func(thing, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: obs.Metric(service, thing), Help: help})
	}
	m.pending = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: obs.Metric(service, "outbox_pending"),
		Help: "Events that waited at the last look, counted up to one batch of 200.",
	})
	m.shipped = counter("outbox_shipped_total", "Events that their receiver took.")
	m.failures = counter("outbox_failures_total", "Tries that failed and are repeated.")
	m.rejected = counter("outbox_rejected_total", "Events that their receiver refuses for good, moved aside.")
	m.reg.MustRegister(m.pending, m.shipped, m.failures, m.rejected)
	m.failures.Add(m.early)
}

func (m *metrics) failed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failures == nil {
		m.early++
		return
	}
	m.failures.Inc()
}

// sent and refused come after waiting, which made the counters.
func (m *metrics) sent(n int) { m.shipped.Add(float64(n)) }
func (m *metrics) refused()   { m.rejected.Inc() }
