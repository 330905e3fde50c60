package socket

import (
	"github.com/prometheus/client_golang/prometheus"

	"centinela/services/chat-relay/internal/protocol"
	"centinela/shared/obs"
)

type metrics struct {
	open, ready               prometheus.Gauge
	frames, refused, rejected *prometheus.CounterVec
	violations, closed        *prometheus.CounterVec
	delivered, shed, panics   prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	name := func(thing string) string { return obs.Metric("chat-relay", thing) }
	counter := func(thing, help string) prometheus.Counter {
		return obs.Register(reg, prometheus.NewCounter(prometheus.CounterOpts{Name: name(thing), Help: help}))
	}
	vector := func(thing, help, label string) *prometheus.CounterVec {
		return obs.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name(thing), Help: help}, []string{label}))
	}
	gauge := func(thing, help string) prometheus.Gauge {
		return obs.Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{Name: name(thing), Help: help}))
	}
	m := &metrics{
		open: gauge("sockets", "Open sockets."), ready: gauge("sockets_ready", "Sockets after welcome."),
		frames:     vector("frames_total", "Frames taken from clients.", "type"),
		refused:    vector("refused_total", "Commands refused.", "code"),
		rejected:   vector("handshakes_rejected_total", "Sockets that were not opened.", "code"),
		violations: vector("violations_total", "Frames that broke the protocol.", "fault"),
		closed:     vector("closed_total", "Sockets closed by the server.", "code"),
		delivered:  counter("frames_sent_total", "Frames written to clients."),
		shed:       counter("frames_shed_total", "Frames left out for slow clients."),
		// The same counter as httpkit's: a socket is a request that lasts.
		panics: counter("panics_total", "Requests that ended in a panic."),
	}
	for _, fault := range protocol.Faults() {
		m.violations.WithLabelValues(string(fault))
	}
	return m
}
