package obs

import (
	"errors"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// NewRegistry returns a private registry that holds one metric yet: centinela_service_info{service} = 1, which says
// which services this process runs. The collectors of the runtime belong to the process: see Ops.
func NewRegistry(service string) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "centinela_service_info", Help: "1 for each service of this process.",
		ConstLabels: prometheus.Labels{"service": service},
	})
	info.Set(1)
	reg.MustRegister(info)
	return reg
}

// Metric returns the name of a service's metric: centinela_<svc>_<thing>, "-" of the service's name as "_".
func Metric(service, thing string) string {
	return "centinela_" + strings.ReplaceAll(service, "-", "_") + "_" + thing
}

// Register registers c, or returns the collector of the same name and labels that is there already: several clients
// of one service share their metrics. Any other refusal is a mistake in the code and panics. A nil reg registers nothing.
func Register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	if reg == nil {
		return c
	}
	err := reg.Register(c)
	if there, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if same, ok := there.ExistingCollector.(C); ok {
			return same
		}
	}
	if err != nil {
		panic("obs: register metric: " + err.Error())
	}
	return c
}

// Outcomes counts what came of something, by outcomes that are known beforehand: each has its series from the start, at 0,
// and one that isn't among them counts as "other", so that no caller can make labels without end.
type Outcomes struct{ counters map[string]prometheus.Counter }

// NewOutcomes registers the counter name{outcome}.
func NewOutcomes(reg prometheus.Registerer, name, help string, outcomes ...string) *Outcomes {
	vec := Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"outcome"}))
	o := &Outcomes{counters: map[string]prometheus.Counter{}}
	for _, outcome := range append(outcomes, "other") {
		o.counters[outcome] = vec.WithLabelValues(outcome)
	}
	return o
}

// Count counts one.
func (o *Outcomes) Count(outcome string) {
	counter, ok := o.counters[outcome]
	if !ok {
		counter = o.counters["other"]
	}
	counter.Inc()
}
