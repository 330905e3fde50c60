package engine

import (
	"slices"
	"testing"
	"time"
)

// three are an account's numbers, oldest first: live ones, and one on trial.
func three() []Number {
	return []Number{aged("o", 900*day, 10*day), aged("m", 500*day, 10*day), aged("y", 100*day, 10*day), {ID: "q", AddedAt: now.Add(-40 * day), Proofs: []time.Time{now.Add(-day)}}}
}

func against(flow string, said ...Objection) Facts {
	return Facts{Numbers: three(), Flow: flow, Objections: said, DeviceKnown: Yes, PlaceFamiliar: Yes, SecurityChange: Change{Known: true}}
}

func by(number string, ago time.Duration) Objection {
	return Objection{Flow: "f", Number: number, At: now.Add(-ago)}
}

func effects(d Decision) (all []Effect) {
	for _, o := range d.Objections {
		all = append(all, o.Effect)
	}
	return all
}

// TestV8 is the rule, line by line (RC B1, B3).
func TestV8(t *testing.T) {
	p := shipped(t)
	elsewhere := func(effect Effect, ago time.Duration) Objection {
		return Objection{Flow: "g", Number: "m", At: now.Add(-ago), Effect: effect}
	}
	alone, two := []Evidence{sms("o")}, []Evidence{sms("m"), saved}
	base := 7 * day // m and a second evidence, while o lives
	for name, c := range map[string]struct {
		evidence []Evidence
		said     []Objection
		verdict  Verdict
		longer   time.Duration
		effects  []Effect
	}{
		"one evidence, nobody objects":                    {alone, nil, Wait, 3*day - base, nil},
		"B1: one evidence, any number":                    {alone, []Objection{by("y", 0)}, NeedEvidence, 0, []Effect{AsksMore}},
		"B1: one evidence, the same number":               {alone, []Objection{by("o", 0)}, NeedEvidence, 0, []Effect{AsksMore}},
		"B1: one evidence, without limit":                 {alone, []Objection{elsewhere(AsksMore, day), elsewhere(Lengthens, day), elsewhere(Lengthens, 2*day), by("y", 0)}, NeedEvidence, 0, []Effect{AsksMore}},
		"V4: one evidence, a number on trial":             {alone, []Objection{by("q", 0)}, Wait, 3*day - base, nil},
		"V4: one evidence, an unknown number":             {alone, []Objection{by("x", 0)}, Wait, 3*day - base, nil},
		"B1: 30 days after an objection":                  {alone, []Objection{elsewhere(AsksMore, 30*day-time.Millisecond)}, NeedEvidence, 0, nil},
		"B1: 30 days are over":                            {alone, []Objection{elsewhere(AsksMore, 30*day)}, Wait, 3*day - base, nil},
		"30 days after an objection, two evidences":       {two, []Objection{elsewhere(AsksMore, day)}, Wait, 0, nil},
		"B3: two evidences, a younger number":             {two, []Objection{by("y", 0)}, Wait, 0, []Effect{Noted}},
		"B3: two evidences, the number itself":            {two, []Objection{by("m", 0)}, Wait, 0, []Effect{Noted}},
		"two evidences, an older number":                  {two, []Objection{by("o", 0)}, Wait, 7 * day, []Effect{Lengthens}},
		"two evidences, an older number, twice":           {two, []Objection{by("o", 2*day), by("o", 0)}, Wait, 14 * day, []Effect{Lengthens, Lengthens}},
		"two evidences, an older number, thrice":          {two, []Objection{by("o", 4*day), by("o", 2*day), by("o", 0)}, Wait, 14 * day, []Effect{Lengthens, Lengthens, Noted}},
		"twice an account: one was spent elsewhere":       {two, []Objection{elsewhere(Lengthens, 89*day), by("o", 2*day), by("o", 0)}, Wait, 7 * day, []Effect{Lengthens, Noted}},
		"twice an account: 90 days ago is over":           {two, []Objection{elsewhere(Lengthens, 90*day), elsewhere(Lengthens, 91*day), by("o", 0)}, Wait, 7 * day, []Effect{Lengthens}},
		"what is spent elsewhere later takes none away":   {two, []Objection{elsewhere(Lengthens, 0), elsewhere(Lengthens, 0), by("o", day)}, Wait, 7 * day, []Effect{Lengthens}},
		"one of the presented numbers is older still":     {[]Evidence{sms("m"), sms("o"), saved}, []Objection{by("o", 0)}, Allow, 0, []Effect{Noted}},
		"two codes by SMS are one evidence (V3)":          {[]Evidence{sms("o"), sms("m")}, []Objection{by("y", 0)}, NeedEvidence, 0, []Effect{AsksMore}},
		"the owner, signed in, against one evidence":      {alone, []Objection{by("", 0)}, NeedEvidence, 0, []Effect{AsksMore}},
		"no possession: nothing is there to object to":    {[]Evidence{saved}, []Objection{by("o", 0)}, NeedEvidence, 0, nil},
		"a younger number alone while an older one lives": {[]Evidence{sms("y")}, []Objection{by("o", 0)}, Refuse, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := against("f", c.said...)
			f.Evidence = c.evidence
			if c.verdict != Allow { // a known device would make a code a way of its own
				f.DeviceKnown = No
			}
			d := Decide(p, f, now)
			if d.Verdict != c.verdict || !slices.Equal(effects(d), c.effects) {
				t.Fatalf("%s %v, want %s %v", d.Verdict, effects(d), c.verdict, c.effects)
			}
			if d.Verdict == Wait && !d.EarliestAt.Equal(now.Add(base+c.longer)) {
				t.Errorf("from %s", d.EarliestAt.Sub(now))
			}
			if heard := len(c.effects) > 0 || d.Verdict == NeedEvidence && len(d.Rows) > 0; d.cites(V8) != heard {
				t.Errorf("rules %v", d.Rules)
			}
			if d.Verdict == NeedEvidence && len(d.Rows) > 0 && !slices.Contains(d.Counterfactuals, Counterfactual{Evidence: WithSavedCode, Opens: true}) {
				t.Errorf("what would help: %v", d.Counterfactuals)
			}
		})
	}
}

// What a number may do is judged as of its objection: its removal meanwhile takes
// nothing back, and a quarantine that ends gives nothing.
func TestV8AsOfTheObjection(t *testing.T) {
	p := shipped(t)
	f := against("f", by("o", 3*day))
	f.Evidence = []Evidence{sms("m"), saved}
	f.Numbers[0].RetiringUntil = now.Add(-day)
	if d := Decide(p, f, now); !slices.Equal(effects(d), []Effect{Lengthens}) {
		t.Errorf("removed meanwhile: %v", effects(d))
	}
	f = against("f", by("q", 3*day))
	f.Evidence = []Evidence{sms("o")}
	if d := Decide(p, f, now.Add(10*day)); len(d.Objections) != 0 {
		t.Errorf("on trial then: %v", effects(d))
	}
}

// More evidence is never later, whoever objected to what (V8 and monotony).
func TestV8MoreEvidenceIsNeverLater(t *testing.T) {
	p := shipped(t)
	rank := func(d Decision) time.Duration {
		if d.EarliestAt.IsZero() {
			return 1 << 62
		}
		return d.EarliestAt.Sub(now)
	}
	all := []Evidence{sms("o"), sms("m"), sms("y"), saved}
	for who := range 1 << 4 { // o, m, y here; m elsewhere
		var said []Objection
		for i, o := range []Objection{by("o", 0), by("m", day), by("y", 2*day), {Flow: "g", Number: "m", At: now.Add(-day), Effect: AsksMore}} {
			if who&(1<<i) != 0 {
				said = append(said, o)
			}
		}
		for set := range 1 << len(all) {
			f := against("f", said...)
			for i, e := range all {
				if set&(1<<i) != 0 {
					f.Evidence = append(f.Evidence, e)
				}
			}
			less := Decide(p, f, now)
			for i, e := range all {
				if set&(1<<i) != 0 {
					continue
				}
				g := f
				g.Evidence = append(slices.Clone(f.Evidence), e)
				if more := Decide(p, g, now); rank(more) > rank(less) {
					t.Fatalf("objections %04b, evidence %04b: %v more makes %s of %s", who, set, e, more.EarliestAt, less.EarliestAt)
				}
			}
		}
	}
}

// An account's record holds what can count, and no more: it can't be grown.
func TestRemember(t *testing.T) {
	p := shipped(t)
	var all []Objection
	for i := range 100 {
		at := now.Add(time.Duration(i) * day)
		all = p.Remember(all, []Objection{{Flow: "f", Number: "o", At: at, Effect: AsksMore}, {Flow: "g", Number: "o", At: at, Effect: Noted}}, at)
		all = p.Remember(all, []Objection{{Flow: "f", Number: "o", At: at.Add(-time.Hour), Effect: AsksMore}}, at)
	}
	if len(all) != 1 || !all[0].At.Equal(now.Add(99*day)) {
		t.Errorf("%v", all)
	}
	long := Objection{Flow: "f", Number: "o", At: now, Effect: Lengthens}
	all = p.Remember(all, []Objection{long, long}, now.Add(99*day))
	if len(all) != 1 {
		t.Errorf("one that is over: %v", all)
	}
	all = p.Remember(nil, []Objection{long, long}, now.Add(90*day-time.Millisecond))
	if len(all) != 1 || !all[0].Same(long) {
		t.Errorf("%v", all)
	}
	if got := p.Remember(all, nil, now.Add(90*day)); len(got) != 0 {
		t.Errorf("%v", got)
	}
	later := long
	later.At = now.Add(day)
	if long.Same(later) || len(With([]Objection{long}, later)) != 2 || len(With([]Objection{long}, long)) != 1 {
		t.Error("the next day it is another one")
	}
}
