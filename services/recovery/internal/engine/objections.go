package engine

import (
	"slices"
	"time"
)

// What V8 says in numbers; how often and in which window is the policy's (vetoes).
const (
	objectionAdds = 7 * 24 * time.Hour  // to the wait of a claim with two evidences, each
	asksMoreFor   = 30 * 24 * time.Hour // how long an account asks for two evidences
)

// Objection is the word of a number of the account, or of its owner who is signed
// in, against a recovery: a fact of that one, and of the others of the account.
type Objection struct {
	Flow   string    `json:"flow,omitempty"`   // the recovery that it is against
	Number string    `json:"number,omitempty"` // id of the number; empty: the owner, signed in
	At     time.Time `json:"at"`
	Effect Effect    `json:"effect,omitempty"` // what it did, when that was decided
}

// Effect is what an objection does.
type Effect string

// The effects.
const (
	AsksMore  Effect = "asks_more" // one evidence isn't enough
	Lengthens Effect = "lengthens" // the wait, by 7 days
	Noted     Effect = "noted"     // nothing more: whoever brings two evidences can't be stopped by it
)

// Same reports whether both are the same number's word against the same recovery,
// within a day: who says NO twice in a fright has said it once, and so has a
// carrier that delivers an answer twice.
func (o Objection) Same(other Objection) bool {
	return o.Flow == other.Flow && o.Number == other.Number && o.At.Sub(other.At).Abs() < 24*time.Hour
}

// With are the objections and o, unless its like is among them.
func With(all []Objection, o Objection) []Objection {
	if slices.ContainsFunc(all, o.Same) {
		return all
	}
	return append(slices.Clone(all), o)
}

// MayObject says whether the number of that id has a word against recoveries at
// now: on trial it hasn't (V4).
func (p Policy) MayObject(numbers []Number, id string, now time.Time) bool {
	_, at := p.rank(numbers, id, now)
	return at >= 0
}

// Remember is an account's record of objections at now, with what more was decided
// on: those that lengthened a wait, for as long as they are counted, and the last
// one that asked for more.
func (p Policy) Remember(all, decided []Objection, now time.Time) []Objection {
	var kept []Objection
	var last *Objection
	for _, o := range slices.Concat(all, decided) {
		switch {
		case o.Effect == AsksMore && (last == nil || o.At.After(last.At)):
			last = &o
		case o.Effect == Lengthens && now.Sub(o.At) < p.Vetoes.Window && !slices.ContainsFunc(kept, o.Same):
			kept = append(kept, o)
		}
	}
	if last != nil && now.Sub(last.At) < asksMoreFor {
		kept = append(kept, *last)
	}
	return kept
}

// objected weighs the objections (V8), which it writes into d with their effects.
// Against one evidence any counts, and one against another recovery makes the
// account ask for two for 30 days: enough is false then. Against two only a number
// counts that is older than all that were presented, so many times an account and
// window: longer is what they add to the wait. What a number may do is judged as of
// its objection, so that time alone takes no objection away.
func (p Policy) objected(d *Decision, f Facts, c counted, now time.Time) (longer time.Duration, enough bool) {
	alone, used := len(c.channels) < 2, []time.Time(nil)
	enough = true
	for _, o := range f.Objections {
		switch {
		case o.Flow == f.Flow:
		case o.Effect == Lengthens:
			used = append(used, o.At)
		case o.Effect == AsksMore && alone && now.Sub(o.At) < asksMoreFor:
			enough = false
		}
	}
	for _, o := range slices.SortedStableFunc(slices.Values(f.Objections), func(a, b Objection) int { return a.At.Compare(b.At) }) {
		if o.Flow != f.Flow {
			continue
		}
		ranked, at := p.rank(f.Numbers, o.Number, o.At)
		if at < 0 && o.Number != "" {
			continue // V4
		}
		switch o.Effect = Noted; {
		case alone:
			o.Effect, enough = AsksMore, false
		case o.Number != "" && outranks(ranked, at, c.numbers) && p.left(used, o.At):
			o.Effect, used, longer = Lengthens, append(used, o.At), longer+objectionAdds
		}
		d.Objections = append(d.Objections, o)
	}
	if !enough || len(d.Objections) > 0 {
		d.Rules = append(d.Rules, V8)
	}
	return longer, enough
}

// outranks reports whether the i-th in seniority is older than all that were presented.
func outranks(ranked []Number, i int, presented []string) bool {
	return !slices.ContainsFunc(ranked[:i+1], func(n Number) bool { return slices.Contains(presented, n.ID) })
}

// left reports whether the account has an objection left at that time that lengthens a wait.
func (p Policy) left(used []time.Time, at time.Time) bool {
	n := 0
	for _, u := range used {
		if !u.After(at) && at.Sub(u) < p.Vetoes.Window {
			n++
		}
	}
	return n < p.Vetoes.PerNumber
}
