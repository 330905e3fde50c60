package outbox

import (
	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/obs"
)

type metrics struct {
	waiting                     prometheus.Gauge
	shipped, failures, rejected prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, service string) *metrics {
	counter := func(thing, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: obs.Metric(service, thing), Help: help})
	}
	m := &metrics{
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: obs.Metric(service, "outbox_pending"),
			Help: "Events that waited at the last look, counted up to one batch of 200.",
		}),
		shipped:  counter("outbox_shipped_total", "Events that audit has, by its own answer."),
		failures: counter("outbox_failures_total", "Tries that failed and are repeated."),
		rejected: counter("outbox_rejected_total", "Events that audit refuses for good; a gap marker took their place."),
	}
	reg.MustRegister(m.waiting, m.shipped, m.failures, m.rejected)
	return m
}
