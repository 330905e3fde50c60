package judgement_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/judgement"
)

var now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// chain is three different judgements.
func chain(t *testing.T) judgement.Chain {
	t.Helper()
	var c judgement.Chain
	for i, verdict := range []engine.Verdict{engine.NeedEvidence, engine.Wait, engine.Allow} {
		facts := engine.Facts{Evidence: make([]engine.Evidence, i)}
		d := engine.Decision{Verdict: verdict, Rules: []engine.Rule{engine.V2}, EarliestAt: now, PolicyHash: "p"}
		if j, err := c.Add(facts, d, now.Add(time.Duration(i)*time.Minute)); err != nil || j == nil {
			t.Fatal(err)
		}
	}
	return c
}

// V19: a chain is whole; none of its judgements can be changed, left out, put
// elsewhere or relinked without its showing (R36b, R37 of the mutants).
func TestWhole(t *testing.T) {
	if c := chain(t); !c.Whole() || c.Head() != c[2].Hash || c.Head() == "" {
		t.Error("a good chain is not whole")
	}
	if (judgement.Chain{}).Whole() != true || (judgement.Chain{}).Head() != "" {
		t.Error("an empty chain")
	}
	for name, change := range map[string]func(c judgement.Chain) judgement.Chain{
		"the time":                      func(c judgement.Chain) judgement.Chain { c[1].At = c[1].At.Add(time.Millisecond); return c },
		"how much was weighed":          func(c judgement.Chain) judgement.Chain { c[1].Weighed++; return c },
		"the facts":                     func(c judgement.Chain) judgement.Chain { c[1].Facts += " "; return c },
		"the decision":                  func(c judgement.Chain) judgement.Chain { c[1].Decision = c[2].Decision; return c },
		"its hash":                      func(c judgement.Chain) judgement.Chain { c[1].Hash = c[0].Hash; return c },
		"what it follows":               func(c judgement.Chain) judgement.Chain { c[1].Prev = ""; return c },
		"the first was cut out":         func(c judgement.Chain) judgement.Chain { return c[1:] },
		"the first was cut out, mended": func(c judgement.Chain) judgement.Chain { c[1].Prev = ""; return c[1:] },
		"one in the middle":             func(c judgement.Chain) judgement.Chain { return slices.Delete(c, 1, 2) },
		"one in the middle, relinked":   func(c judgement.Chain) judgement.Chain { c[2].Prev = c[0].Hash; return slices.Delete(c, 1, 2) },
		"their order":                   func(c judgement.Chain) judgement.Chain { c[0], c[1] = c[1], c[0]; return c },
		"one twice":                     func(c judgement.Chain) judgement.Chain { return append(c, c[2]) },
	} {
		if change(chain(t)).Whole() {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// The same again isn't written again, unless there is more evidence; what was
// decided comes back.
func TestAdd(t *testing.T) {
	var c judgement.Chain
	facts := engine.Facts{Evidence: []engine.Evidence{{Method: engine.SMS, Number: "n", At: now}}}
	d := engine.Decision{
		Verdict: engine.Wait, Rules: []engine.Rule{engine.V2}, Rows: []engine.Row{engine.OldestLiveAlone}, Evidence: []string{engine.SMS}, EarliestAt: now, PolicyHash: "p",
		Counterfactuals: []engine.Counterfactual{{Evidence: engine.WithSavedCode, Saves: time.Hour}},
	}
	add := func(want bool) {
		t.Helper()
		j, err := c.Add(facts, d, now)
		if err != nil || (j != nil) != want || !c.Whole() {
			t.Errorf("%v, %v", j, err)
		}
		if want && j.Hash != c.Head() {
			t.Error("another hash")
		}
	}
	if _, ok, err := c.Last(); ok || err != nil || c.Weighed() != 0 {
		t.Error("an empty chain has a last")
	}
	add(true)
	add(false)
	facts.Evidence = append(facts.Evidence, engine.Evidence{Method: engine.SavedCode, At: now})
	add(true)
	for _, change := range []func(){
		func() { d.Verdict = engine.Allow }, func() { d.EarliestAt = now.Add(time.Millisecond) }, func() { d.PolicyHash = "q" }, func() { d.Rules = nil },
		func() { d.Rows = nil }, func() { d.Counterfactuals = nil },
	} {
		change()
		add(true)
	}
	if got, ok, err := c.Last(); err != nil || !ok || !reflect.DeepEqual(got, d) || c.Weighed() != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	c[len(c)-1].Decision = "{"
	if _, _, err := c.Last(); err == nil {
		t.Error("a damaged decision is read")
	}
}
