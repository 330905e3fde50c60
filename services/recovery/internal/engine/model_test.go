package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// An independent model of Decide, as the design page's table reads: for each
// presented number a line of the table, and one for none, the best of which counts.
// It is held against Decide for every combination of three numbers' liveness, who of
// them is presented, a second channel, device, place and change.

// situation is one combination.
type situation struct {
	alive         [3]Liveness // of the oldest, the middle, the youngest
	presented     [3]bool
	second        bool
	device, place Known
	change        Change
}

func (s situation) String() string {
	return fmt.Sprintf("alive %v presented %v second %v device %q place %q change %v", s.alive, s.presented, s.second, s.device, s.place, s.change)
}

var names = [3]string{"o", "m", "y"}

func (s situation) facts() Facts {
	f := Facts{DeviceKnown: s.device, PlaceFamiliar: s.place, SecurityChange: s.change}
	ago := map[Liveness]time.Duration{Live: 10 * day, Dormant: 200 * day, Stale: 500 * day}
	for i, name := range names {
		first := now.Add(-time.Duration(3000-500*i) * day)
		f.Numbers = append(f.Numbers, Number{ID: name, AddedAt: first, Proofs: []time.Time{first, now.Add(-ago[s.alive[i]])}})
		if s.presented[i] {
			f.Evidence = append(f.Evidence, sms(name))
		}
	}
	if s.second {
		f.Evidence = append(f.Evidence, saved)
	}
	return f
}

// line is a line of the table: its row, what it says, and the rules behind it.
type line struct {
	row   Row
	wait  time.Duration // below 0: it refuses
	rules []Rule
}

const refuse = -time.Hour

// number is the line of the i-th in seniority.
func (s situation) number(i int) line {
	switch {
	case i > 0:
		return s.younger(i)
	case s.second && s.alive[0] == Live:
		return s.circumstances()
	case s.second:
		return map[Liveness]line{Dormant: {"W-oldest-dormant-second", day, []Rule{V9}}, Stale: {"W-oldest-stale-second", 3 * day, []Rule{V9}}}[s.alive[0]]
	}
	return map[Liveness]line{
		Live: {"W-oldest-live-alone", 3 * day, []Rule{V2}}, Dormant: {"W-oldest-dormant-alone", 7 * day, []Rule{V2, V9}}, Stale: {"W-oldest-stale-alone", refuse, []Rule{V2, V9}},
	}[s.alive[0]]
}

func (s situation) younger(i int) (l line) {
	silent := Stale
	for older := range i {
		if !s.presented[older] {
			silent = max(silent, s.alive[older])
		}
	}
	switch {
	case s.second && silent == Live:
		l = line{row: "W-younger-second-older-live", wait: 7 * day}
	case s.second && silent == Dormant:
		l = line{row: "W-younger-second-older-dormant", wait: 3 * day}
	case s.second && s.alive[i] == Stale: // no better than an oldest one that was silent as long
		l = line{row: "W-younger-stale-second", wait: 3 * day}
	case s.second:
		l = line{row: "W-younger-second-older-stale", wait: day}
	case s.alive[i] == Stale:
		l = line{row: "W-younger-stale-alone", wait: refuse}
	default:
		l = map[Liveness]line{
			Stale: {row: "W-younger-alone-older-stale", wait: 7 * day}, Dormant: {row: "W-younger-alone-older-dormant", wait: refuse}, Live: {row: "W-younger-alone-older-live", wait: refuse},
		}[silent]
	}
	if !s.second {
		l.rules = append(l.rules, V2)
	}
	l.rules = append(l.rules, V6)
	if s.alive[i] != Live {
		l.rules = append(l.rules, V9)
	}
	return l
}

// circumstances is the oldest, live number with a second evidence.
func (s situation) circumstances() line {
	familiar := s.device == Yes && s.place == Yes
	l := line{row: "W-oldest-live-second-calm"}
	if !s.calm() {
		l = line{row: "W-oldest-live-second-change", wait: day}
	}
	if !familiar {
		l = line{row: "W-oldest-live-second-unfamiliar", wait: day, rules: []Rule{V14}}
	}
	if s.device == Unknown || s.place == Unknown || !s.change.Known {
		l.rules = append(l.rules, V20)
	}
	return l
}

func (s situation) calm() bool {
	return s.change.Known && (s.change.At.IsZero() || s.change.At.Before(now.Add(-30*day)))
}

// none is the line without a number, of a code and what is around it.
func (s situation) none() (l line, ok bool) {
	switch {
	case !s.second || s.device != Yes || !s.calm():
		return l, false
	case s.place == Yes:
		return line{row: "W-code-device-and-place", wait: 3 * day, rules: []Rule{V2}}, true
	case s.place == No:
		return line{row: "W-code-and-device", wait: 7 * day, rules: []Rule{V2, V14}}, true
	}
	return line{row: "W-code-and-device", wait: 7 * day, rules: []Rule{V2, V14, V20}}, true
}

func (s situation) want() Decision {
	d := Decision{Verdict: NeedEvidence}
	var best line
	found := false
	try := func(l line) {
		if !found || l.wait >= 0 && (best.wait < 0 || l.wait < best.wait) {
			best, found = l, true
		}
	}
	presented := 0
	for i, yes := range s.presented {
		if yes {
			presented++
			try(s.number(i))
		}
	}
	if l, ok := s.none(); ok {
		try(l)
	}
	if presented > 1 {
		d.Rules = append(d.Rules, V3)
	}
	if presented > 0 {
		d.Evidence, d.Verdict = append(d.Evidence, SMS), Refuse
	}
	if s.second {
		d.Evidence = append(d.Evidence, SavedCode)
	}
	switch {
	case !found: // a code from an unknown device or after a change, or nothing
		d.Rules = append(d.Rules, V2)
		if s.second && (s.device != Yes || s.place != Yes) {
			d.Rules = append(d.Rules, V14)
		}
		if s.second && (s.device == Unknown || s.place == Unknown || !s.change.Known) {
			d.Rules = append(d.Rules, V20)
		}
		return d
	case best.wait == 0:
		d.Verdict, d.EarliestAt = Allow, now
	case best.wait > 0:
		d.Verdict, d.EarliestAt = Wait, now.Add(best.wait)
	}
	d.Rules, d.Rows = append(d.Rules, best.rules...), []Row{best.row}
	return d
}

// everySituation visits all combinations.
func everySituation(visit func(situation)) {
	alive, known := []Liveness{Live, Dormant, Stale}, []Known{Unknown, No, Yes}
	changes := []Change{{}, {Known: true}, {Known: true, At: now.Add(-day)}, {Known: true, At: now.Add(-31 * day)}}
	for code := range 3 * 3 * 3 * 8 * 2 * 3 * 3 * 4 {
		next := func(n int) int {
			digit := code % n
			code /= n
			return digit
		}
		s := situation{alive: [3]Liveness{alive[next(3)], alive[next(3)], alive[next(3)]}}
		mask := next(8)
		s.presented = [3]bool{mask&1 > 0, mask&2 > 0, mask&4 > 0}
		s.second, s.device, s.place, s.change = next(2) == 1, known[next(3)], known[next(3)], changes[next(4)]
		visit(s)
	}
}

// TestModel holds Decide against the model: verdict, time, and the exact lists of
// rules, rows and channels.
func TestModel(t *testing.T) {
	p := shipped(t)
	p.Numbers.GapCap = 10000 * day // seniority is how long ago the first proof was
	wrong := 0
	everySituation(func(s situation) {
		got, want := judge(p, s.facts(), now), s.want()
		got.Because = nil // TestBecause
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			if wrong++; wrong <= 3 {
				t.Errorf("%s:\ngot  %+v\nwant %+v", s, got, want)
			}
		}
	})
	if wrong > 3 {
		t.Errorf("%d in all", wrong)
	}
}

// TestCounterfactualsAreAll: what Decide says would help is exactly what would,
// by trying it (E30: also with one number only).
func TestCounterfactualsAreAll(t *testing.T) {
	p := shipped(t)
	p.Numbers.GapCap = 10000 * day
	try := func(f Facts, with Evidence) Decision {
		f.Evidence = append(slices.Clone(f.Evidence), with)
		return judge(p, f, now)
	}
	check := func(f Facts) {
		t.Helper()
		d := Decide(p, f, now)
		var want []Counterfactual
		for _, c := range []struct {
			name string
			with Evidence
		}{{WithSavedCode, saved}, {WithOldest, sms(f.Numbers[0].ID)}} {
			then := try(f, c.with)
			switch {
			case d.Verdict == Allow || then.EarliestAt.IsZero() || (c.name == WithSavedCode && slices.Contains(d.Evidence, SavedCode)):
			case d.EarliestAt.IsZero():
				want = append(want, Counterfactual{Evidence: c.name, Opens: true})
			case then.EarliestAt.Before(d.EarliestAt):
				want = append(want, Counterfactual{Evidence: c.name, Saves: d.EarliestAt.Sub(then.EarliestAt)})
			}
		}
		if !slices.Equal(d.Counterfactuals, want) {
			t.Errorf("%+v: %+v, want %+v", d, d.Counterfactuals, want)
		}
	}
	everySituation(func(s situation) {
		if s.device != s.place || s.change.At.Equal(now.Add(-day)) {
			return // a quarter of them says as much
		}
		check(s.facts())
		one := s.facts()
		one.Numbers = one.Numbers[:1]
		check(one)
	})
}

// TestRulesOfEvidence: which rule says that an evidence doesn't count, each once,
// in the order in which it was met.
func TestRulesOfEvidence(t *testing.T) {
	trial := Number{ID: "q", AddedAt: now, Proofs: []time.Time{now}}
	numbers := []Number{aged("o", 390*day, day), aged("y", 100*day, day), trial}
	for _, c := range []struct {
		name     string
		evidence []Evidence
		rules    []Rule
		channels []string
	}{
		{"E02 two numbers and a code", []Evidence{sms("o"), sms("y"), saved}, []Rule{V3, V14, V20}, []string{SMS, SavedCode}},
		{"one number twice", []Evidence{sms("o"), sms("o")}, []Rule{V3, V2}, []string{SMS}},
		{"a code twice", []Evidence{saved, saved}, []Rule{V3, V2, V14, V20}, []string{SavedCode}},
		{"a number on trial", []Evidence{sms("q")}, []Rule{V4, V2}, nil},
		{"a number on trial and a trusted one", []Evidence{sms("q"), sms("o")}, []Rule{V4, V2}, []string{SMS}},
		{"nobody's number", []Evidence{sms("x"), sms("q"), sms("x")}, []Rule{V4, V2}, nil},
		{"both", []Evidence{sms("y"), sms("x"), sms("y"), sms("x")}, []Rule{V4, V3, V2, V6}, []string{SMS}},
		{"another method", []Evidence{{Method: "smoke signal", At: now}}, []Rule{V2}, nil},
	} {
		d := Decide(shipped(t), Facts{Numbers: numbers, Evidence: c.evidence}, now)
		if !slices.Equal(d.Rules, c.rules) || !slices.Equal(d.Evidence, c.channels) {
			t.Errorf("%s: rules %v of %v, want %v of %v", c.name, d.Rules, d.Evidence, c.rules, c.channels)
		}
	}
}

// TestBecause: what lengthens an answer is named, in the words of a policy file; what
// doesn't isn't.
func TestBecause(t *testing.T) {
	two := []Number{aged("o", 390*day, day), aged("y", 100*day, day)}
	silent := []Number{aged("o", 390*day, 200*day), aged("y", 100*day, day)}
	calm := Change{Known: true}
	for name, c := range map[string]struct {
		facts Facts
		want  []string
	}{
		"nothing":      {Facts{Numbers: two, Evidence: []Evidence{sms("o"), saved}, DeviceKnown: Yes, PlaceFamiliar: Yes, SecurityChange: calm}, nil},
		"device":       {Facts{Numbers: two, Evidence: []Evidence{sms("o"), saved}, PlaceFamiliar: Yes, SecurityChange: calm}, []string{"device"}},
		"all three":    {Facts{Numbers: two, Evidence: []Evidence{sms("o"), saved}}, []string{"device", "place", "calm"}},
		"alone":        {Facts{Numbers: two, Evidence: []Evidence{sms("o")}}, []string{"beside"}},
		"dormant":      {Facts{Numbers: silent, Evidence: []Evidence{sms("o")}}, []string{"own", "beside"}},
		"older silent": {Facts{Numbers: silent, Evidence: []Evidence{sms("y"), saved}}, []string{"older"}},
	} {
		if d := Decide(shipped(t), c.facts, now); !slices.Equal(d.Because, c.want) {
			t.Errorf("%s: %v, want %v", name, d.Because, c.want)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	p := shipped(b)
	f := Facts{Numbers: []Number{aged("o", 390*day, day), aged("m", 200*day, day), aged("y", 100*day, day)}, Evidence: []Evidence{sms("y"), saved}}
	b.ReportAllocs()
	for b.Loop() {
		Decide(p, f, now)
	}
}

func BenchmarkProof(b *testing.B) {
	for b.Loop() {
		if _, err := Default(); err != nil {
			b.Fatal(err)
		}
	}
}
