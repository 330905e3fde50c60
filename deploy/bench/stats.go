package main

import (
	"cmp"
	"slices"
	"time"
)

// median of the values; 0 for none. The values are left in their order.
func median[T cmp.Ordered](values []T) T { return quantile(values, 0.5) }

// quantile is the value that a share q of all values doesn't exceed (nearest rank); 0 for none.
func quantile[T cmp.Ordered](values []T, q float64) T {
	if len(values) == 0 {
		var none T
		return none
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(q*float64(len(sorted))+0.999999) - 1
	return sorted[min(max(rank, 0), len(sorted)-1)]
}

// series is one side of a comparison, a number a slice.
type series struct {
	rate     []float64 // a second
	cpu      []float64 // µs of the side's own CPU a unit
	p50, p99 []float64 // µs
}

func (s *series) add(units int, took, cpu time.Duration) {
	if units == 0 || took <= 0 {
		return
	}
	s.rate = append(s.rate, float64(units)/took.Seconds())
	s.cpu = append(s.cpu, micros(cpu)/float64(units))
}

func (s *series) addLatencies(all []time.Duration) {
	if len(all) == 0 {
		return
	}
	s.p50 = append(s.p50, micros(quantile(all, 0.50)))
	s.p99 = append(s.p99, micros(quantile(all, 0.99)))
}

// ratios of two series, slice by slice: neighbours in time saw the same machine.
func ratios(ours, baseline []float64) []float64 {
	var out []float64
	for i := range min(len(ours), len(baseline)) {
		if baseline[i] > 0 {
			out = append(out, ours[i]/baseline[i])
		}
	}
	return out
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
