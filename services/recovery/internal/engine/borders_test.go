package engine

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestBorders: each window to the millisecond, on both sides.
func TestBorders(t *testing.T) {
	p := shipped(t)
	const ms = time.Millisecond
	lastProof := func(ago time.Duration) Number { return Number{ID: "n", Proofs: []time.Time{now.Add(-ago)}} }
	for ago, want := range map[time.Duration]Liveness{0: Live, 90 * day: Live, 90*day + ms: Dormant, 400 * day: Dormant, 400*day + ms: Stale, -time.Hour: Live} {
		if got := p.LivenessOf(lastProof(ago), now); got != want {
			t.Errorf("proved %s ago: %d, want %d", ago, got, want)
		}
	}
	if p.LivenessOf(Number{}, now) != Stale {
		t.Error("never proved is not stale")
	}
	calm := Facts{Numbers: []Number{aged("o", 390*day, day)}, Evidence: []Evidence{sms("o"), saved}, DeviceKnown: Yes, PlaceFamiliar: Yes}
	for ago, want := range map[time.Duration]Verdict{30*day - ms: Wait, 30 * day: Allow, 0: Wait, -time.Hour: Wait} {
		calm.SecurityChange = Change{Known: true, At: now.Add(-ago)}
		if got := Decide(p, calm, now); got.Verdict != want {
			t.Errorf("a change %s ago: %s, want %s", ago, got.Verdict, want)
		}
	}
	removed := lastProof(100 * day)
	for until, want := range map[time.Duration]State{0: Removed, ms: Retiring, -ms: Removed} {
		removed.RetiringUntil = now.Add(until)
		if got, _ := p.StateOf(removed, now); got != want {
			t.Errorf("retiring until %s: %s, want %s", until, got, want)
		}
	}
}

// TestChangesAt: when a state changes by itself.
func TestChangesAt(t *testing.T) {
	p := shipped(t)
	n := Number{AddedAt: now, Proofs: []time.Time{now}}
	cautious, first, retiring := n, n, n
	cautious.Cautious, first.First = true, true
	retiring.First, retiring.RetiringUntil = true, now.Add(3*day)
	for name, c := range map[string]struct {
		n    Number
		want time.Time
	}{
		"pending": {Number{AddedAt: now}, now.Add(15 * time.Minute)}, "quarantined": {n, now.Add(7 * day)}, "cautious": {cautious, now.Add(30 * day)},
		"trusted": {first, time.Time{}}, "retiring": {retiring, now.Add(3 * day)}, "dead": {Number{AddedAt: now.Add(-day)}, time.Time{}},
	} {
		if _, at := p.StateOf(c.n, now); !at.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, at, c.want)
		}
	}
}

// TestPowers: what each place in the ranking may do; an oldest number reverts
// only while it is live (E25).
func TestPowers(t *testing.T) {
	p := shipped(t)
	trial := Number{ID: "q", AddedAt: now, Proofs: []time.Time{now}}
	pending := Number{ID: "p", AddedAt: now}
	all := []Power{Notify, Freeze, Veto, Recover}
	for alive, oldest := range map[time.Duration][]Power{90 * day: append(slices.Clone(all), Revert), 91 * day: all, 401 * day: all} {
		numbers := []Number{pending, trial, aged("y", 100*day, day), aged("o", 2000*day, alive)}
		for id, want := range map[string][]Power{"o": oldest, "y": all, "q": {Notify}, "p": nil, "x": nil} {
			if got := p.Powers(numbers, id, now); !slices.Equal(got, want) {
				t.Errorf("oldest proved %s ago, %s: %v, want %v", alive, id, got, want)
			}
		}
	}
}

// TestRanked: seniority, then the first proof, then the id (E23), whatever the order.
func TestRanked(t *testing.T) {
	p := shipped(t)
	same := func(id string) Number {
		return Number{ID: id, First: true, Proofs: []time.Time{now.Add(-100 * day)}}
	}
	for _, ids := range [][]string{{"a", "b", "c"}, {"c", "b", "a"}, {"b", "c", "a"}} {
		var numbers []Number
		for _, id := range ids {
			numbers = append(numbers, same(id))
		}
		var got []string
		for _, n := range p.Ranked(numbers, now) {
			got = append(got, n.ID)
		}
		if strings.Join(got, "") != "abc" {
			t.Errorf("%v ranked %v", ids, got)
		}
	}
}

// TestRetireWindow: the oldest keeps its powers longer; one that has none is not it.
func TestRetireWindow(t *testing.T) {
	p := shipped(t)
	numbers := []Number{aged("y", 100*day, day), aged("o", 390*day, day), {ID: "q", AddedAt: now, Proofs: []time.Time{now}}}
	for id, want := range map[string]time.Duration{"o": 30 * day, "y": 7 * day, "q": 7 * day, "x": 7 * day} {
		if got := p.RetireWindow(numbers, id, now); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	if got := p.RetireWindow(numbers[2:], "q", now); got != 7*day {
		t.Errorf("a number on trial alone: %s", got)
	}
}

// TestWindowsOfPolicies: what a file may not say of windows, each on its own, to
// the border (E28, E29, E31b).
func TestWindowsOfPolicies(t *testing.T) {
	for name, c := range map[string]struct {
		change func(p *Policy)
		want   string // empty: it is allowed
	}{
		"dormant below live":                 {func(p *Policy) { p.Numbers.Dormant = p.Numbers.Live - 1 }, "numbers.dormant: must be at least"},
		"dormant as live":                    {func(p *Policy) { p.Numbers.Dormant = p.Numbers.Live }, ""},
		"cautious below plain":               {func(p *Policy) { p.Numbers.QuarantineCautious = p.Numbers.Quarantine - 1 }, "numbers.quarantine_cautious: must be at least"},
		"cautious as plain":                  {func(p *Policy) { p.Numbers.QuarantineCautious = p.Numbers.Quarantine }, ""},
		"the oldest removed sooner":          {func(p *Policy) { p.Numbers.RetireOldest = p.Numbers.Retire - 1 }, "numbers.retire_oldest: must be at least"},
		"the oldest removed as soon":         {func(p *Policy) { p.Numbers.RetireOldest = p.Numbers.Retire }, ""},
		"no number at all":                   {func(p *Policy) { p.Numbers.MaxActive = 0 }, "numbers.max_active"},
		"six numbers":                        {func(p *Policy) { p.Numbers.MaxActive = 6 }, "numbers.max_active"},
		"one number":                         {func(p *Policy) { p.Numbers.MaxActive = 1 }, ""},
		"no veto":                            {func(p *Policy) { p.Vetoes.PerNumber = 0 }, "vetoes.per_number"},
		"a veto window of no time":           {func(p *Policy) { p.Vetoes.Window = 0 }, "vetoes.window"},
		"no pending time":                    {func(p *Policy) { p.Numbers.PendingTTL = 0 }, "numbers.pending_ttl"},
		"no quarantine":                      {func(p *Policy) { p.Numbers.Quarantine = 0 }, "numbers.quarantine: must be > 0"},
		"a quarantine of a day":              {func(p *Policy) { p.Numbers.Quarantine = 24 * time.Hour }, ""},
		"a quarantine of less":               {func(p *Policy) { p.Numbers.Quarantine = 24*time.Hour - 1 }, "numbers.quarantine: must be at least 24h"},
		"a removal of a week":                {func(p *Policy) { p.Numbers.Retire = 168 * time.Hour }, ""},
		"a removal of less":                  {func(p *Policy) { p.Numbers.Retire = 168*time.Hour - 1 }, "numbers.retire: must be at least 168h"},
		"no cautious quarantine":             {func(p *Policy) { p.Numbers.QuarantineCautious = 0 }, "numbers.quarantine_cautious: must be > 0"},
		"never cautious":                     {func(p *Policy) { p.Numbers.CautiousWithin = 0 }, "numbers.cautious_within"},
		"no removal's window":                {func(p *Policy) { p.Numbers.Retire = 0 }, "numbers.retire: must be > 0"},
		"no removal's window for the oldest": {func(p *Policy) { p.Numbers.RetireOldest = 0 }, "numbers.retire_oldest: must be > 0"},
		"no custody":                         {func(p *Policy) { p.Numbers.GapCap = 0 }, "numbers.gap_cap"},
		"no change is recent":                {func(p *Policy) { p.Changes.Recent = 0 }, "changes.recent"},
	} {
		t.Run(name, func(t *testing.T) {
			p := shipped(t)
			c.change(&p)
			err := p.validate()
			if (c.want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	if _, err := Parse(make([]byte, maxPolicy+1)); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a file without end: %v", err)
	}
	if _, err := Parse(append(slices.Clone(defaultYAML), "\n---\nversion: 1\n"...)); err == nil {
		t.Error("two documents are one policy")
	}
}

// TestRules: each has a sentence in both languages, and only these are rules.
func TestRules(t *testing.T) {
	all := []Rule{V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12, V13, V14, V15, V16, V17, V18, V19, V20, V21, V22, V23, V24}
	if len(ruleTexts) != len(all) {
		t.Errorf("%d sentences", len(ruleTexts))
	}
	seen := map[string]bool{}
	for _, rule := range all {
		en, es := rule.Sentence("en"), rule.Sentence("es")
		if en == "" || es == "" || en == es || len(en) > 256 || len(es) > 256 || rule.Sentence("fr") != en || seen[en] || seen[es] {
			t.Errorf("%s: %q, %q", rule, en, es)
		}
		seen[en], seen[es] = true, true
	}
}

// TestExplain: what a claimant is told, in his language (V19).
func TestExplain(t *testing.T) {
	live := []Number{aged("o", 390*day, day), aged("y", 100*day, day)}
	stale := []Number{aged("o", 390*day, 500*day), aged("y", 100*day, day)}
	calm := Change{Known: true}
	for name, c := range map[string]struct {
		facts   Facts
		reason  string
		shorter string
	}{
		"nothing":      {Facts{Numbers: live}, "hacen falta más pruebas", "un código enviado al número más antiguo lo haría posible"},
		"not alone":    {Facts{Numbers: live, Evidence: []Evidence{sms("y")}}, "este número solo no basta", "un código guardado lo haría posible,un código enviado al número más antiguo lo haría posible"},
		"silent":       {Facts{Numbers: stale, Evidence: []Evidence{sms("o"), saved}}, V9.Sentence("es"), ""},
		"older ones":   {Facts{Numbers: live, Evidence: []Evidence{sms("y"), saved}, DeviceKnown: No, PlaceFamiliar: Yes, SecurityChange: calm}, V6.Sentence("es"), "un código enviado al número más antiguo quitaría 144 h"},
		"a new place":  {Facts{Numbers: live, Evidence: []Evidence{sms("o"), saved}, SecurityChange: calm}, V14.Sentence("es"), ""},
		"a change":     {Facts{Numbers: live, Evidence: []Evidence{sms("o"), saved}, DeviceKnown: Yes, PlaceFamiliar: Yes}, "los ajustes de seguridad de la cuenta cambiaron hace poco", ""},
		"alone":        {Facts{Numbers: live, Evidence: []Evidence{sms("o")}, DeviceKnown: Yes, PlaceFamiliar: Yes, SecurityChange: calm}, V2.Sentence("es"), "un código guardado quitaría 72 h"},
		"nothing left": {Facts{Numbers: live, Evidence: []Evidence{sms("o"), saved}, DeviceKnown: Yes, PlaceFamiliar: Yes, SecurityChange: calm}, "", ""},
	} {
		d := Decide(shipped(t), c.facts, now)
		if got := Explain(d, "es"); got != c.reason {
			t.Errorf("%s: %q, want %q", name, got, c.reason)
		}
		if got := strings.Join(Shorter(d, "es"), ","); got != c.shorter {
			t.Errorf("%s: %q, want %q", name, got, c.shorter)
		}
		if c.reason != "" && Explain(d, "en") == c.reason {
			t.Errorf("%s: the same in English", name)
		}
	}
	for d, want := range map[time.Duration]string{30 * time.Minute: "30m", 59*time.Minute + 40*time.Second: "1h0m", time.Hour: "1 h", 90 * time.Minute: "2 h", 72 * time.Hour: "72 h"} {
		if got := hours(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
