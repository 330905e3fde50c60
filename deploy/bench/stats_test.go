package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	values := []float64{5, 1, 4, 2, 3}
	for _, c := range []struct{ q, want float64 }{{0, 1}, {0.5, 3}, {0.99, 5}, {1, 5}} {
		if got := quantile(values, c.q); got != c.want {
			t.Errorf("quantile %v: %v, want %v", c.q, got, c.want)
		}
	}
	if !slices.Equal(values, []float64{5, 1, 4, 2, 3}) {
		t.Error("the values were moved")
	}
	if median([]time.Duration(nil)) != 0 || median([]float64{7}) != 7 {
		t.Error("median of none or one")
	}
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	if got := quantile(hundred, 0.99); got != 99 {
		t.Errorf("p99 of 1 to 100: %d", got)
	}
}

// A ratio is of neighbours: a machine that slows down in the middle of a run changes both sides, and not the ratio.
func TestRatiosOfNeighbours(t *testing.T) {
	ours, bare := []float64{70, 7, 14}, []float64{100, 10, 20}
	if got := median(ratios(ours, bare)); got != 0.7 {
		t.Errorf("ratio %v, want 0.7", got)
	}
	if got := ratios([]float64{1, 2}, []float64{0, 4, 5}); !slices.Equal(got, []float64{0.5}) {
		t.Errorf("ratios %v", got)
	}
}

func TestSeries(t *testing.T) {
	var s series
	s.add(0, time.Second, time.Second) // nothing was done: no slice
	s.add(500, 500*time.Millisecond, 50*time.Millisecond)
	if !slices.Equal(s.rate, []float64{1000}) || !slices.Equal(s.cpu, []float64{100}) {
		t.Errorf("rate %v, CPU %v", s.rate, s.cpu)
	}
	s.addLatencies(nil)
	s.addLatencies([]time.Duration{3000, 1000, 2000})
	if !slices.Equal(s.p50, []float64{2}) || !slices.Equal(s.p99, []float64{3}) {
		t.Errorf("p50 %v, p99 %v", s.p50, s.p99)
	}
}

// A goal that is missed is said, and no error; one of a later issue is told apart.
func TestTable(t *testing.T) {
	var out bytes.Buffer
	printTable(&out, []row{
		{name: "a", unit: "1/s", ours: 50, baseline: 100, goal: goal{limit: 0.7, atLeast: true, ratio: true}},
		{name: "b", unit: "MiB", ours: 53.84, goal: goal{limit: 80}},
		{name: "c", unit: "1/s", ours: 1, baseline: 2, ratio: 0.75, goal: goal{limit: 2, atLeast: true, later: true}},
	})
	lines := strings.Split(out.String(), "\n")
	for i, want := range []string{"what ours baseline unit ratio goal", "a 50.0 100 1/s 0.50 ratio >= 0.7 NOT met", "b 53.8 - MiB - <= 80 MiB met", "c 1.00 2.00 1/s 0.75 >= 2 1/s later"} {
		if got := strings.Join(strings.Fields(lines[i]), " "); got != want {
			t.Errorf("line %d: %q, want %q", i, got, want)
		}
	}
}
