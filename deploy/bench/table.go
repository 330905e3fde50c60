package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"text/tabwriter"
)

// row is one number beside its baseline.
type row struct {
	name     string
	unit     string
	ours     float64
	baseline float64 // 0: there is none
	ratio    float64 // 0: ours / baseline
	goal     string  // as the design words it; "" for none
	met      verdict
}

// verdict says whether a goal is met. It never makes the run fail.
type verdict string

const (
	noGoal verdict = ""
	yes    verdict = "met"
	no     verdict = "NOT met"
	later  verdict = "later" // not met, and the design says that it is a later goal
)

func met(ok bool) verdict {
	if ok {
		return yes
	}
	return no
}

// metLater is met, for a goal that is not this issue's.
func metLater(ok bool) verdict {
	if ok {
		return yes
	}
	return later
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
		goal := r.goal
		if goal == "" {
			goal = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.name, figure(r.ours), baseline, r.unit, ratio, goal, r.met)
	}
	_ = w.Flush() // to a terminal or a pipe: there is nobody else to tell
}

// figure shows three digits that matter.
func figure(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}
