package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// An independent model of Decide, as the design page's table reads: for each
// presented number a line of the table, the best of which counts. It is held
// against Decide for every combination of three numbers' liveness, who of them is
// presented, a second channel, device, place and change, under policies whose
// rows all differ, so that no two rules give the same answer by accident.

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

// tableLine is what the table says of one presented number.
type tableLine struct {
	rows  []Row
	rules []Rule
	least Row // what the wait is at least, if a row isn't cited for it
}

// The lines of the table, as the page has them.
var (
	oldestLines = map[Liveness]map[bool]tableLine{ // second
		Live:    {false: {rows: []Row{OldestLiveAlone}, rules: []Rule{V2}}},
		Dormant: {false: {rows: []Row{OldestDormantAlone}, rules: []Rule{V9}}, true: {rows: []Row{OldestDormantSecond}, rules: []Rule{V9}}},
		Stale:   {false: {rows: []Row{OldestStaleAlone}, rules: []Rule{V9}}, true: {rows: []Row{OldestStaleSecond}, rules: []Rule{V9}}},
	}
	youngerRows = map[Liveness]map[bool]Row{ // the most alive that is silent; second
		Live:    {false: YoungerAloneOlderLive, true: YoungerSecondOlderLive},
		Dormant: {false: YoungerAloneOlderDormant, true: YoungerSecondOlderDormant},
		Stale:   {false: YoungerAloneOlderStale, true: YoungerSecondOlderStale},
	}
)

func (s situation) line(i int) tableLine {
	switch {
	case i == 0 && s.alive[0] == Live && s.second:
		return s.liveOldestWithSecond()
	case i == 0:
		return oldestLines[s.alive[0]][s.second]
	}
	silent, any := Stale, false
	for older := range i {
		if !s.presented[older] {
			any = true
			if s.alive[older] > silent {
				silent = s.alive[older]
			}
		}
	}
	line := tableLine{rows: []Row{youngerRows[silent][s.second]}}
	if any {
		line.rules = append(line.rules, V6)
	}
	if s.alive[i] != Live { // no better than an oldest one that was silent as long
		line.rules = append(line.rules, V9)
		line.rows = append(line.rows, oldestLines[s.alive[i]][s.second].rows[0])
	}
	return line
}

func (s situation) liveOldestWithSecond() (line tableLine) {
	if s.device != Yes || s.place != Yes {
		line.rows, line.rules = append(line.rows, OldestLiveSecondUnfamiliar), append(line.rules, V14)
	}
	if recent := !s.change.At.IsZero() && s.change.At.After(now.Add(-30*day)); !s.change.Known || recent {
		line.rows = append(line.rows, OldestLiveSecondChange)
	}
	if s.device == Unknown || s.place == Unknown || !s.change.Known {
		line.rules = append(line.rules, V20)
	}
	if line.rows == nil {
		line.rows = []Row{OldestLiveSecondCalm}
	}
	line.least = OldestLiveSecondCalm
	return line
}

// worst is the longest of a line's rows; ok false: one refuses.
func (l tableLine) worst(p Policy) (longest time.Duration, ok bool) {
	for _, row := range append([]Row{l.least}, l.rows...) {
		if p.Waits[row] == Never {
			return 0, false
		}
		longest = max(longest, time.Duration(p.Waits[row]))
	}
	return longest, true
}

func (s situation) want(p Policy) Decision {
	d := Decision{Verdict: NeedEvidence, PolicyHash: p.Hash()}
	presented := 0
	for _, yes := range s.presented {
		if yes {
			presented++
		}
	}
	if presented > 1 {
		d.Rules = append(d.Rules, V3)
	}
	if presented > 0 {
		d.Evidence = append(d.Evidence, SMS)
	}
	if s.second {
		d.Evidence = append(d.Evidence, SavedCode)
	}
	if presented == 0 {
		d.Rules = append(d.Rules, V2)
		return d
	}
	var best tableLine
	bestWait, allowed := time.Duration(0), false
	for i := range s.presented {
		if !s.presented[i] {
			continue
		}
		line := s.line(i)
		wait, ok := line.worst(p)
		if best.rows == nil || (ok && (!allowed || wait < bestWait)) {
			best, bestWait, allowed = line, wait, ok
		}
	}
	d.Rules, d.Rows = append(d.Rules, best.rules...), best.rows
	switch {
	case !allowed:
		d.Verdict = Refuse
	case bestWait == 0:
		d.Verdict, d.EarliestAt = Allow, now
	default:
		d.Verdict, d.EarliestAt = Wait, now.Add(bestWait)
	}
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

// distinct is a policy whose rows all differ; refusing rows refuse.
func distinct(t *testing.T, order []int, refusing ...Row) Policy {
	t.Helper()
	p := shipped(t)
	p.Numbers.GapCap = 10000 * day // seniority is how long ago the first proof was
	p.Waits = map[Row]Answer{}
	for i, row := range Rows() {
		p.Waits[row] = Answer(time.Duration(order[i]) * time.Hour)
		if slices.Contains(refusing, row) {
			p.Waits[row] = Never
		}
	}
	return p
}

// TestModel holds Decide against the model: verdict, time, and the exact lists of
// rules, rows and channels.
func TestModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	rows := Rows()
	inOrder := make([]int, len(rows))
	for i := range inOrder {
		inOrder[i] = i
	}
	policies := []Policy{distinct(t, inOrder), shipped(t)}
	policies[1].Numbers.GapCap = policies[0].Numbers.GapCap
	for range 4 {
		policies = append(policies, distinct(t, random.Perm(len(rows)), rows[random.IntN(len(rows))], rows[random.IntN(len(rows))]))
	}
	for i, p := range policies {
		wrong := 0
		everySituation(func(s situation) {
			got, want := judge(p, s.facts(), now), s.want(p)
			want.PolicyHash = ""
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
				if wrong++; wrong <= 3 {
					t.Errorf("policy %d, %s:\ngot  %+v\nwant %+v", i, s, got, want)
				}
			}
		})
		if wrong > 3 {
			t.Errorf("policy %d: %d in all", i, wrong)
		}
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
		{"a code twice", []Evidence{saved, saved}, []Rule{V3, V2}, []string{SavedCode}},
		{"a number on trial", []Evidence{sms("q")}, []Rule{V4, V2}, nil},
		{"a number on trial and a trusted one", []Evidence{sms("q"), sms("o")}, []Rule{V4, V2}, []string{SMS}},
		{"nobody's number", []Evidence{sms("x"), sms("q"), sms("x")}, []Rule{V4, V2}, nil},
		{"both", []Evidence{sms("y"), sms("x"), sms("y"), sms("x")}, []Rule{V4, V3, V6}, []string{SMS}},
		{"another method", []Evidence{{Method: "smoke signal", At: now}}, []Rule{V2}, nil},
	} {
		d := Decide(shipped(t), Facts{Numbers: numbers, Evidence: c.evidence}, now)
		if !slices.Equal(d.Rules, c.rules) || !slices.Equal(d.Evidence, c.channels) {
			t.Errorf("%s: rules %v of %v, want %v of %v", c.name, d.Rules, d.Evidence, c.rules, c.channels)
		}
	}
}
