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
	Rules           []Rule           `json:"rules"`             // in the order in which they fired
	Rows            []Row            `json:"rows"`              // of the wait table: the one that decided
	Evidence        []string         `json:"evidence"`          // the channels that counted
	Because         []string         `json:"because,omitempty"` // the facts that lengthen the answer, in the words of a policy
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
	d := Decision{Verdict: NeedEvidence, Rules: c.rules, Evidence: c.channels}
	pt, found := best(p, f, c, now)
	if !found {
		d.Rules = append(d.Rules, V2)
		return d
	}
	answer, row := p.at(pt)
	d.Because = p.because(pt)
	d.Rules = append(d.Rules, rulesOf(pt, d.Because)...)
	if row != "" {
		d.Rows = []Row{row}
	}
	if answer == Never {
		if len(c.numbers) > 0 {
			d.Verdict = Refuse
		}
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
	d.EarliestAt = from.Add(time.Duration(answer) + longer)
	if len(f.Evidence) <= f.AnnouncedWith && d.EarliestAt.Before(f.AnnouncedEnd) {
		d.EarliestAt = f.AnnouncedEnd
	}
	d.Verdict = Allow
	if now.Before(d.EarliestAt) {
		d.Verdict = Wait
	}
	return d
}

type counted struct {
	ranked   []Number
	numbers  []string // ids of ranked numbers that were proved
	beside   int      // channels besides SMS
	channels []string
	rules    []Rule
}

// count takes each channel once (V3), and leaves out numbers without power (V4).
func count(p Policy, f Facts, now time.Time) counted {
	c := counted{ranked: p.Ranked(f.Numbers, now)}
	for _, e := range f.Evidence {
		known := slices.Contains(c.channels, e.Method)
		switch {
		case e.Method != SMS && !slices.Contains(besides, e.Method):
			// nothing that counts
		case e.Method != SMS && known, e.Method == SMS && slices.Contains(c.numbers, e.Number):
			c.fire(V3)
		case e.Method != SMS:
			c.beside++
			c.channels = append(c.channels, e.Method)
		case slices.ContainsFunc(c.ranked, func(n Number) bool { return n.ID == e.Number }):
			c.numbers = append(c.numbers, e.Number)
			if known {
				c.fire(V3)
			} else {
				c.channels = append(c.channels, SMS)
			}
		default:
			c.fire(V4)
		}
	}
	return c
}

func (c *counted) fire(rule Rule) {
	if !slices.Contains(c.rules, rule) {
		c.rules = append(c.rules, rule)
	}
}

// best is the point with the shortest answer: each number that was proved may be
// presented alone, and none may be, so that bringing more is never worse.
func best(p Policy, f Facts, c counted, now time.Time) (pt point, found bool) {
	base := point{
		beside: uint8(min(c.beside, atMostBeside)), device: valueOf(f.DeviceKnown), place: valueOf(f.PlaceFamiliar), calm: p.calm(f.SecurityChange, now),
	}
	shortest := Never
	try := func(candidate point) {
		if answer, _ := p.at(candidate); !found || answer < shortest {
			pt, shortest, found = candidate, answer, true
		}
	}
	for i, n := range c.ranked {
		if !slices.Contains(c.numbers, n.ID) {
			continue
		}
		presented := base.with(own, uint8(p.LivenessOf(n, now))).with(told, c.heard(n.ID))
		if i == 0 {
			try(presented.with(lead, leadOldest).with(older, 2))
			continue
		}
		silent := Stale
		for _, senior := range c.ranked[:i] {
			if !slices.Contains(c.numbers, senior.ID) {
				silent = max(silent, p.LivenessOf(senior, now))
			}
		}
		try(presented.with(lead, leadYounger).with(older, uint8(Live-silent)).with(told, toldSomebody))
	}
	if c.beside > 0 {
		try(base.with(told, c.heard("")))
	}
	return pt, found
}

// heard is whether a number with power, but the one of that id, is told of what
// happens. One on trial doesn't count: whoever recovers may have added it (V1).
func (c counted) heard(id string) uint8 {
	if slices.ContainsFunc(c.ranked, func(n Number) bool { return n.ID != id }) {
		return toldSomebody
	}
	return toldNobody
}

func (p Policy) calm(c Change, now time.Time) uint8 {
	switch {
	case !c.Known:
		return valueOf(Unknown)
	case !c.At.IsZero() && now.Sub(c.At) < p.Changes.Recent:
		return valueOf(No)
	default:
		return valueOf(Yes)
	}
}

// because is what lengthens the answer at a point: each circumstance that would do so
// with all others at their best, and each fact of the number or of the evidence whose
// next better value would shorten it.
func (p Policy) because(pt point) []string {
	var names []string
	ideal := pt.with(device, 2).with(place, 2).with(calm, 2)
	least, _ := p.at(ideal)
	for _, d := range []int{own, older, beside, device, place, calm} {
		blamed := false
		if d == device || d == place || d == calm {
			answer, _ := p.at(ideal.with(d, pt[d]))
			blamed = answer > least
		} else if up, ok := pt.next(d); ok {
			now, _ := p.at(pt)
			then, _ := p.at(up)
			blamed = then < now
		}
		if blamed {
			names = append(names, dimensions[d].name)
		}
	}
	return names
}

// rulesOf are the rules behind a point, in their order.
func rulesOf(pt point, because []string) []Rule {
	var rules []Rule
	cite := func(rule Rule, when bool) {
		if when {
			rules = append(rules, rule)
		}
	}
	blamed := func(d int) bool { return slices.Contains(because, dimensions[d].name) }
	unknown := false
	for _, d := range []int{device, place, calm} {
		unknown = unknown || blamed(d) && pt[d] == 0
	}
	cite(V2, pt.evidences() == 1)
	cite(V6, pt[lead] == leadYounger)
	cite(V9, pt[lead] != leadNone && pt[own] != uint8(Live))
	cite(V14, blamed(device) || blamed(place))
	cite(V20, unknown)
	return rules
}

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
	TOTP      = "totp"
	Passkey   = "passkey"
)

// besides are the methods that are a channel of their own beside a number's.
var besides = []string{SavedCode, TOTP, Passkey}

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
	// AnnouncedEnd is the end of the wait that everybody was told of, with
	// AnnouncedWith evidences: without another one it never ends before.
	AnnouncedEnd  time.Time `json:"announced_end,omitzero"`
	AnnouncedWith int       `json:"announced_with,omitempty"`
	// Flow is the recovery that is decided on; Objections are those against it and
	// the ones that count against others of the account (V8).
	Flow       string      `json:"flow,omitempty"`
	Objections []Objection `json:"objections,omitempty"`
}
