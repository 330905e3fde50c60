package engine

import (
	"cmp"
	"slices"
	"time"
)

// Number is what the engine knows of a phone number: never the number itself.
type Number struct {
	ID      string    `json:"id"`
	AddedAt time.Time `json:"added_at"`
	// Proofs are the proofs of possession, in any order.
	Proofs []time.Time `json:"proofs,omitempty"`
	// First: nobody older was there to protect when it was proved.
	First bool `json:"first,omitempty"`
	// Cautious: added soon after a sign-in from a new device or a reset, or
	// nobody could say whether it was.
	Cautious bool `json:"cautious,omitempty"`
	// RetiringUntil is the end of its removal's window; zero: not asked for.
	RetiringUntil time.Time `json:"retiring_until,omitzero,omitempty"`
}

// State is how far a number is trusted.
type State string

// The states (design: recovery, "Numbers").
const (
	Pending     State = "pending"
	Quarantined State = "quarantined"
	Trusted     State = "trusted"
	Retiring    State = "retiring"
	Removed     State = "removed"
)

// Liveness is how long ago a number was proved.
type Liveness uint8

// From the least to the most alive.
const (
	Stale Liveness = iota
	Dormant
	Live
)

// Power is something that a number may do.
type Power string

// The powers.
const (
	Notify  Power = "notify"
	Freeze  Power = "freeze"
	Veto    Power = "veto"
	Recover Power = "recover"
	Revert  Power = "revert"
)

// StateOf is the state at now, and when it changes by itself (zero: it doesn't).
func (p Policy) StateOf(n Number, now time.Time) (State, time.Time) {
	first, proved := firstProof(n)
	if !proved {
		if dies := n.AddedAt.Add(p.Numbers.PendingTTL); now.Before(dies) {
			return Pending, dies
		}
		return Removed, time.Time{}
	}
	if !n.RetiringUntil.IsZero() && !now.Before(n.RetiringUntil) {
		return Removed, time.Time{}
	}
	if trusted := p.trustedFrom(n, first); now.Before(trusted) {
		// A removal asked for in quarantine takes nothing from anybody: the
		// number never had powers.
		return Quarantined, trusted
	}
	if !n.RetiringUntil.IsZero() {
		return Retiring, n.RetiringUntil
	}
	return Trusted, time.Time{}
}

func (p Policy) trustedFrom(n Number, firstProof time.Time) time.Time {
	switch {
	case n.First:
		return firstProof
	case n.Cautious:
		return firstProof.Add(p.Numbers.QuarantineCautious)
	default:
		return firstProof.Add(p.Numbers.Quarantine)
	}
}

// Seniority is custody: the sum of the gaps between successive proofs, each
// counted up to the policy's cap. The gap that runs counts like the others:
// without it a number that was proved once would have none, and whoever added
// another one last week could outrank it by proving his own twice (V1, R6.1).
// So nobody gets ahead of a number before that was silent for longer than the cap.
func (p Policy) Seniority(n Number, now time.Time) time.Duration {
	var total time.Duration
	proofs := sorted(n.Proofs)
	for i, at := range proofs {
		until := now
		if i+1 < len(proofs) {
			until = proofs[i+1]
		}
		total += min(max(until.Sub(at), 0), p.Numbers.GapCap)
	}
	return total
}

// LivenessOf tells how long ago n was proved: live, dormant, stale.
func (p Policy) LivenessOf(n Number, now time.Time) Liveness {
	proofs := sorted(n.Proofs)
	if len(proofs) == 0 {
		return Stale
	}
	switch age := now.Sub(proofs[len(proofs)-1]); {
	case age <= p.Numbers.Live:
		return Live
	case age <= p.Numbers.Dormant:
		return Dormant
	default:
		return Stale
	}
}

// Ranked are the numbers with power over others at now (trusted and retiring),
// first in seniority first; ties go to the first proof, then to the id. A
// quarantined number is not among them (V4).
func (p Policy) Ranked(numbers []Number, now time.Time) []Number {
	ranked := make([]Number, 0, len(numbers))
	for _, n := range numbers {
		if s, _ := p.StateOf(n, now); s == Trusted || s == Retiring {
			ranked = append(ranked, n)
		}
	}
	slices.SortFunc(ranked, func(a, b Number) int {
		firstA, _ := firstProof(a)
		firstB, _ := firstProof(b)
		return cmp.Or(cmp.Compare(p.Seniority(b, now), p.Seniority(a, now)), firstA.Compare(firstB), cmp.Compare(a.ID, b.ID))
	})
	return ranked
}

// rank is Ranked, and where the number of that id stands in it; -1: nowhere.
func (p Policy) rank(numbers []Number, id string, now time.Time) (ranked []Number, at int) {
	ranked = p.Ranked(numbers, now)
	return ranked, slices.IndexFunc(ranked, func(n Number) bool { return n.ID == id })
}

// Powers are what the number of that id may do at now.
func (p Policy) Powers(numbers []Number, id string, now time.Time) []Power {
	ranked, at := p.rank(numbers, id, now)
	switch {
	case at == 0 && p.LivenessOf(ranked[0], now) == Live:
		return []Power{Notify, Freeze, Veto, Recover, Revert}
	case at >= 0:
		return []Power{Notify, Freeze, Veto, Recover}
	}
	for _, n := range numbers {
		if s, _ := p.StateOf(n, now); n.ID == id && s == Quarantined {
			return []Power{Notify}
		}
	}
	return nil
}

// RetireWindow is how long the number keeps its powers after its removal is
// asked for at now (V5): longer for the first in seniority.
func (p Policy) RetireWindow(numbers []Number, id string, now time.Time) time.Duration {
	if _, at := p.rank(numbers, id, now); at == 0 {
		return p.Numbers.RetireOldest
	}
	return p.Numbers.Retire
}

func firstProof(n Number) (time.Time, bool) {
	if len(n.Proofs) == 0 {
		return time.Time{}, false
	}
	return slices.MinFunc(n.Proofs, time.Time.Compare), true
}

func sorted(times []time.Time) []time.Time {
	return slices.SortedFunc(slices.Values(times), time.Time.Compare)
}
