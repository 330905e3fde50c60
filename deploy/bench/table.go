package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

// row is one number beside its baseline.
type row struct {
	name     string
	unit     string
	ours     float64
	baseline float64 // 0: there is none
	ratio    float64 // 0: ours / baseline
	goal     goal
}

// compare is a row of two sides, measured slice by slice: the medians, and the median of what neighbours make.
func compare(name, unit string, ours, baseline []float64) row {
	return row{name: name, unit: unit, ours: median(ours), baseline: median(baseline), ratio: median(ratios(ours, baseline))}
}

// aims gives a row its goal.
func (r row) aims(g goal) row {
	r.goal = g
	return r
}

func (r row) quotient() float64 {
	switch {
	case r.ratio != 0:
		return r.ratio
	case r.baseline != 0:
		return r.ours / r.baseline
	}
	return 0
}

// goal is what a number should be; the zero value is none. It never makes the run fail.
type goal struct {
	limit   float64
	atLeast bool // otherwise at most
	ratio   bool // of the ratio, and not of our number
	later   bool // of a later issue: no finding today
}

func (g goal) text(unit string) string {
	if g.limit == 0 {
		return "-"
	}
	sign := "<="
	if g.atLeast {
		sign = ">="
	}
	if g.ratio {
		return fmt.Sprintf("ratio %s %g", sign, g.limit)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %g %s", sign, g.limit, unit))
}

func (g goal) verdict(r row) string {
	value := r.ours
	if g.ratio {
		value = r.quotient()
	}
	switch {
	case g.limit == 0:
		return ""
	case g.atLeast && value >= g.limit, !g.atLeast && value <= g.limit:
		return "met"
	case g.later:
		return "later"
	}
	return "NOT met"
}

func printTable(out io.Writer, rows []row) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tours\tbaseline\tunit\tratio\tgoal\t")
	for _, r := range rows {
		baseline, ratio := "-", "-"
		if r.baseline != 0 {
			baseline = figure(r.baseline)
		}
		if q := r.quotient(); q != 0 {
			ratio = strconv.FormatFloat(q, 'f', 2, 64)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.name, figure(r.ours), baseline, r.unit, ratio, r.goal.text(r.unit), r.goal.verdict(r))
	}
	_ = w.Flush() // to a terminal or a pipe: there is nobody else to tell
}

// figure shows three digits that matter.
func figure(v float64) string {
	digits := 3
	for limit := 1.0; digits > 0 && math.Abs(v) >= limit; limit *= 10 {
		digits--
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}
