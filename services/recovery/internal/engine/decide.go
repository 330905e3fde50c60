package engine

import (
	"slices"
	"time"
)

// Verdict is what a decision says.
type Verdict string

// The verdicts.
const (
	Allow        Verdict = "allow"
	Wait         Verdict = "wait"
	NeedEvidence Verdict = "need_evidence"
	Refuse       Verdict = "refuse"
)

// What a Counterfactual can name.
const (
	WithSavedCode = "saved_code"
	WithOldest    = "sms_oldest"
)

// Counterfactual is an evidence that is missing, and what it would change.
type Counterfactual struct {
	Evidence string        `json:"evidence"`
	Saves    time.Duration `json:"saves"` // of the wait; 0 with Opens
	// Opens: without it nothing is allowed, with it something is.
	Opens bool `json:"opens,omitempty"`
}

// Decision is the answer with its reasons.
type Decision struct {
	Verdict         Verdict          `json:"verdict"`
	Rules           []Rule           `json:"rules"`    // in the order in which they fired
	Rows            []Row            `json:"rows"`     // of the wait table, in that order
	Evidence        []string         `json:"evidence"` // the channels that counted
	EarliestAt      time.Time        `json:"earliest_at,omitzero"`
	Counterfactuals []Counterfactual `json:"counterfactuals,omitempty"`
	Objections      []Objection      `json:"objections,omitempty"` // against this recovery, with their effects (V8)
	PolicyHash      string           `json:"policy_hash"`
}

// Decide says whether the evidence is enough at now, or from when it will be. It
// is pure and total (V18), and explains itself (V19).
func Decide(p Policy, f Facts, now time.Time) Decision {
	d := judge(p, f, now)
	d.PolicyHash = p.Hash()
	d.Counterfactuals = counterfactuals(p, f, now, d)
	return d
}

// judge is the decision without what would change it.
func judge(p Policy, f Facts, now time.Time) Decision {
	c := count(p, f, now)
	d := Decision{Rules: c.rules, Evidence: c.channels}
	if len(c.numbers) == 0 {
		// Taking over needs a number in hand: a saved code alone is one channel
		// without a wait that anybody could be told of.
		d.Verdict = NeedEvidence
		d.Rules = append(d.Rules, V2)
		return d
	}
	b := best(p, f, c, now)
	d.Rules, d.Rows = append(d.Rules, b.rules...), b.rows
	if b.answer == Never {
		d.Verdict = Refuse
		return d
	}
	longer, enough := p.objected(&d, f, c, now)
	if !enough {
		d.Verdict = NeedEvidence
		return d
	}
	from := now
	if !f.AnnouncedAt.IsZero() {
		from = f.AnnouncedAt
	}
	d.EarliestAt = from.Add(time.Duration(b.answer) + longer)
	d.Verdict = Allow
	if now.Before(d.EarliestAt) {
		d.Verdict = Wait
	}
	return d
}

type counted struct {
	ranked   []Number
	numbers  []string // ids of ranked numbers that were proved
	second   bool     // a channel besides SMS
	channels []string
	rules    []Rule
}

// count takes each channel once (V3), and leaves out numbers without power (V4).
func count(p Policy, f Facts, now time.Time) counted {
	c := counted{ranked: p.Ranked(f.Numbers, now)}
	texts := 0
	for _, e := range f.Evidence {
		switch {
		case e.Method == SavedCode && c.second, e.Method == SMS && slices.Contains(c.numbers, e.Number):
			c.fire(V3)
		case e.Method == SavedCode:
			c.second = true
		case e.Method == SMS && slices.ContainsFunc(c.ranked, func(n Number) bool { return n.ID == e.Number }):
			c.numbers = append(c.numbers, e.Number)
			if texts++; texts > 1 {
				c.fire(V3)
			}
		case e.Method == SMS:
			c.fire(V4)
		}
	}
	if texts > 0 {
		c.channels = append(c.channels, SMS)
	}
	if c.second {
		c.channels = append(c.channels, SavedCode)
	}
	return c
}

func (c *counted) fire(rule Rule) {
	if !slices.Contains(c.rules, rule) {
		c.rules = append(c.rules, rule)
	}
}

// basis is an answer with the rules and rows that it was made from.
type basis struct {
	answer Answer
	rules  []Rule
	rows   []Row
}

// by starts a basis with what one row says.
func (p Policy) by(row Row, rules ...Rule) basis {
	return basis{p.answer(row), rules, []Row{row}}
}

// or is the longer of the two, made from both.
func (b basis) or(p Policy, row Row, rules ...Rule) basis {
	return basis{max(b.answer, p.answer(row)), append(b.rules, rules...), append(b.rows, row)}
}

// best is the shortest answer over the numbers that were proved: each may be
// presented alone, so presenting more must not be worse.
func best(p Policy, f Facts, c counted, now time.Time) basis {
	found := basis{answer: Never}
	for i, n := range c.ranked {
		if !slices.Contains(c.numbers, n.ID) {
			continue
		}
		if b := p.answerFor(f, c, i, now); found.rows == nil || b.answer < found.answer {
			found = b
		}
	}
	return found
}

// answerFor is the answer when the i-th in seniority is presented.
func (p Policy) answerFor(f Facts, c counted, i int, now time.Time) basis {
	own := p.LivenessOf(c.ranked[i], now)
	if i == 0 {
		return p.oldest(f, c.second, own, now)
	}
	silent, rules := Stale, []Rule(nil)
	for _, older := range c.ranked[:i] {
		if !slices.Contains(c.numbers, older.ID) {
			silent, rules = max(silent, p.LivenessOf(older, now)), []Rule{V6}
		}
	}
	b := p.by(rowsOfYounger[c.second][silent], rules...)
	if own == Live {
		return b
	}
	// V9: a younger number that was itself silent for long gives no more than an
	// oldest one in the same state would.
	return b.or(p, rowsOfSilent[c.second][own], V9)
}

func (p Policy) oldest(f Facts, second bool, own Liveness, now time.Time) basis {
	if own != Live {
		return p.by(rowsOfSilent[second][own], V9)
	}
	if !second {
		return p.by(OldestLiveAlone, V2)
	}
	unfamiliar := f.DeviceKnown != Yes || f.PlaceFamiliar != Yes
	changed := !f.SecurityChange.Known || p.recent(f.SecurityChange.At, now)
	if !unfamiliar && !changed {
		return p.by(OldestLiveSecondCalm)
	}
	b := basis{answer: p.answer(OldestLiveSecondCalm)}
	if unfamiliar {
		b = b.or(p, OldestLiveSecondUnfamiliar, V14)
	}
	if changed {
		b = b.or(p, OldestLiveSecondChange)
	}
	if f.DeviceKnown == Unknown || f.PlaceFamiliar == Unknown || !f.SecurityChange.Known {
		b.rules = append(b.rules, V20)
	}
	return b
}

func (p Policy) recent(at, now time.Time) bool {
	return !at.IsZero() && now.Sub(at) < p.Changes.Recent
}

// The rows by whether there is a second evidence, then by the liveness of the
// silent seniors, or of the silent number itself.
var (
	rowsOfYounger = map[bool][3]Row{
		true:  {Stale: YoungerSecondOlderStale, Dormant: YoungerSecondOlderDormant, Live: YoungerSecondOlderLive},
		false: {Stale: YoungerAloneOlderStale, Dormant: YoungerAloneOlderDormant, Live: YoungerAloneOlderLive},
	}
	rowsOfSilent = map[bool][2]Row{
		true:  {Stale: OldestStaleSecond, Dormant: OldestDormantSecond},
		false: {Stale: OldestStaleAlone, Dormant: OldestDormantAlone},
	}
)

// counterfactuals are the missing evidences that would help, best named first.
func counterfactuals(p Policy, f Facts, now time.Time, d Decision) []Counterfactual {
	if d.Verdict == Allow {
		return nil
	}
	var found []Counterfactual
	try := func(name string, e Evidence) {
		with := f
		with.Evidence = append(slices.Clone(f.Evidence), e)
		switch then := judge(p, with, now); {
		case then.EarliestAt.IsZero():
		case d.EarliestAt.IsZero():
			found = append(found, Counterfactual{Evidence: name, Opens: true})
		case then.EarliestAt.Before(d.EarliestAt):
			found = append(found, Counterfactual{Evidence: name, Saves: d.EarliestAt.Sub(then.EarliestAt)})
		}
	}
	if !slices.Contains(d.Evidence, SavedCode) {
		try(WithSavedCode, Evidence{Method: SavedCode, At: now})
	}
	if ranked := p.Ranked(f.Numbers, now); len(ranked) > 0 {
		try(WithOldest, Evidence{Method: SMS, Number: ranked[0].ID, At: now})
	}
	return found
}

// Known is a fact with three values; the zero value is "nobody could say".
type Known string

// The values.
const (
	Unknown Known = ""
	No      Known = "no"
	Yes     Known = "yes"
)

// Methods of evidence.
const (
	SMS       = "sms"
	SavedCode = "saved_code"
)

// Evidence is one accepted proof.
type Evidence struct {
	Method string    `json:"method"`
	Number string    `json:"number,omitempty"` // id of the number, of SMS
	At     time.Time `json:"at"`
}

// Change is when something last happened; Known false: nobody could say. Known
// and a zero time: never.
type Change struct {
	Known bool      `json:"known"`
	At    time.Time `json:"at,omitzero"`
}

// Facts are everything that a decision is made from. They hold no number, name
// or code, and are stored with the decision.
type Facts struct {
	Numbers        []Number   `json:"numbers"`
	Evidence       []Evidence `json:"evidence"`
	DeviceKnown    Known      `json:"device_known,omitempty"`
	PlaceFamiliar  Known      `json:"place_familiar,omitempty"`
	SecurityChange Change     `json:"security_change"`
	// AnnouncedAt is when everybody was told of the wait: it runs from there.
	// Zero: nobody was told yet, it would run from now.
	AnnouncedAt time.Time `json:"announced_at,omitzero"`
	// Flow is the recovery that is decided on; Objections are those against it and
	// the ones that count against others of the account (V8).
	Flow       string      `json:"flow,omitempty"`
	Objections []Objection `json:"objections,omitempty"`
}
