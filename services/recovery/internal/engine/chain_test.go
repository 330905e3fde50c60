package engine

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

// chain is three different judgements.
func chain(t *testing.T) Chain {
	t.Helper()
	var c Chain
	for i, verdict := range []Verdict{NeedEvidence, Wait, Allow} {
		facts := Facts{Evidence: make([]Evidence, i)}
		d := Decision{Verdict: verdict, Rules: []Rule{V2}, EarliestAt: now, PolicyHash: "p"}
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
	if (Chain{}).Whole() != true || (Chain{}).Head() != "" {
		t.Error("an empty chain")
	}
	for name, change := range map[string]func(c Chain) Chain{
		"the time":                      func(c Chain) Chain { c[1].At = c[1].At.Add(time.Millisecond); return c },
		"how much was weighed":          func(c Chain) Chain { c[1].Weighed++; return c },
		"the facts":                     func(c Chain) Chain { c[1].Facts += " "; return c },
		"the decision":                  func(c Chain) Chain { c[1].Decision = c[2].Decision; return c },
		"its hash":                      func(c Chain) Chain { c[1].Hash = c[0].Hash; return c },
		"what it follows":               func(c Chain) Chain { c[1].Prev = ""; return c },
		"the first was cut out":         func(c Chain) Chain { return c[1:] },
		"the first was cut out, mended": func(c Chain) Chain { c[1].Prev = ""; return c[1:] },
		"one in the middle":             func(c Chain) Chain { return slices.Delete(c, 1, 2) },
		"one in the middle, relinked":   func(c Chain) Chain { c[2].Prev = c[0].Hash; return slices.Delete(c, 1, 2) },
		"their order":                   func(c Chain) Chain { c[0], c[1] = c[1], c[0]; return c },
		"one twice":                     func(c Chain) Chain { return append(c, c[2]) },
	} {
		if change(chain(t)).Whole() {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// The same again isn't written again, unless there is more evidence; what was
// decided comes back.
func TestAdd(t *testing.T) {
	var c Chain
	facts := Facts{Evidence: []Evidence{{Method: SMS, Number: "n", At: now}}}
	d := Decision{
		Verdict: Wait, Rules: []Rule{V2}, Rows: []Row{"W-oldest-live-alone"}, Evidence: []string{SMS}, EarliestAt: now, PolicyHash: "p",
		Counterfactuals: []Counterfactual{{Evidence: WithSavedCode, Saves: time.Hour}},
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
	facts.Evidence = append(facts.Evidence, Evidence{Method: SavedCode, At: now})
	add(true)
	for _, change := range []func(){
		func() { d.Verdict = Allow }, func() { d.EarliestAt = now.Add(time.Millisecond) }, func() { d.PolicyHash = "q" }, func() { d.Rules = nil },
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

// V18, V19: a decision is made again on the facts that were kept with it; facts that
// can't be read are an error.
func TestAgain(t *testing.T) {
	p := shipped(t)
	f := Facts{Numbers: []Number{aged("o", 390*day, day), aged("y", 100*day, day)}, Evidence: []Evidence{sms("o")}}
	var c Chain
	j, err := c.Add(f, Decide(p, f, now), now)
	if err != nil {
		t.Fatal(err)
	}
	then, err := j.Decided()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := j.Again(p); err != nil || again.Verdict != Wait || !again.EarliestAt.Equal(then.EarliestAt) {
		t.Errorf("%+v, %v, not %+v", again, err, then)
	}
	j.Facts = "{"
	if _, err := j.Again(p); err == nil {
		t.Error("decided on nothing")
	}
}
