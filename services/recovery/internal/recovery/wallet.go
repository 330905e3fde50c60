package recovery

import (
	"slices"
	"time"

	"centinela/services/recovery/internal/engine"
)

// Wallet is the numbers of one account. Times are UTC, whole milliseconds.
type Wallet struct {
	Account string `json:"account" bson:"account"`
	Locale  string `json:"locale,omitempty" bson:"locale,omitempty"`
	// Numbers holds removed ones too: their ids stand in old decisions.
	Numbers []Number `json:"numbers,omitempty" bson:"numbers,omitempty"`
	// NextAt is when a number changes by time alone and an event is due; zero: never.
	NextAt time.Time `json:"next_at,omitzero" bson:"next_at,omitempty"`
}

// Number is one phone number of a wallet.
type Number struct {
	ID     string `json:"id" bson:"id"`         // phn_…
	Sealed []byte `json:"sealed" bson:"sealed"` // E.164, AES-GCM, bound to ID
	MAC    string `json:"mac" bson:"mac"`       // keyed HMAC of the E.164, hex: how replies find the wallet
	Masked string `json:"masked" bson:"masked"` // "+51 ••• ••• 321"

	AddedAt       time.Time   `json:"added_at" bson:"added_at"`
	Proofs        []time.Time `json:"proofs,omitempty" bson:"proofs,omitempty"`
	First         bool        `json:"first,omitempty" bson:"first,omitempty"`
	Cautious      bool        `json:"cautious,omitempty" bson:"cautious,omitempty"`
	RetiringUntil time.Time   `json:"retiring_until,omitzero" bson:"retiring_until,omitempty"`
	RetireAsked   time.Time   `json:"retire_asked,omitzero" bson:"retire_asked,omitempty"`
	Vetoes        []VetoMark  `json:"vetoes,omitempty" bson:"vetoes,omitempty"`
	// Gone: its removal was reported.
	Gone bool `json:"gone,omitempty" bson:"gone,omitempty"`

	Code  *Code       `json:"code,omitempty" bson:"code,omitempty"`
	Sends []time.Time `json:"sends,omitempty" bson:"sends,omitempty"` // of its codes, the last 24 h
}

// VetoMark is one veto of a number; Key makes a repeated one count once.
type VetoMark struct {
	Key string    `json:"key" bson:"key"`
	At  time.Time `json:"at" bson:"at"`
}

// Code is a code that was sent and not used yet: only its keyed MAC.
type Code struct {
	ID        string    `json:"id" bson:"id"`
	Number    string    `json:"number" bson:"number"` // id of the number it went to
	MAC       []byte    `json:"mac" bson:"mac"`
	ExpiresAt time.Time `json:"expires_at" bson:"expires_at"`
}

// number returns the number of that id, to be changed in place; nil: there is none.
func (w *Wallet) number(id string) *Number {
	i := slices.IndexFunc(w.Numbers, func(n Number) bool { return n.ID == id })
	if i < 0 {
		return nil
	}
	return &w.Numbers[i]
}

// facts are the numbers as the engine sees them.
func (w *Wallet) facts() []engine.Number {
	numbers := make([]engine.Number, 0, len(w.Numbers))
	for _, n := range w.Numbers {
		e := engine.Number{
			ID: n.ID, AddedAt: n.AddedAt, Proofs: n.Proofs, First: n.First, Cautious: n.Cautious, RetiringUntil: n.RetiringUntil,
		}
		for _, v := range n.Vetoes {
			e.Vetoes = append(e.Vetoes, v.At)
		}
		numbers = append(numbers, e)
	}
	return numbers
}

// lastChange is the newest security change that the wallet itself knows of: a
// number proved for the first time, or a removal asked for. Auth knows nothing
// of these.
func (w *Wallet) lastChange() time.Time {
	var last time.Time
	for _, n := range w.Numbers {
		if len(n.Proofs) > 0 {
			last = later(last, slices.MinFunc(n.Proofs, time.Time.Compare))
		}
		last = later(last, n.RetireAsked)
	}
	return last
}

// schedule sets NextAt to the first time at which sweep has something to report.
func (w *Wallet) schedule(p engine.Policy) {
	w.NextAt = time.Time{}
	for _, n := range w.Numbers {
		if n.Gone {
			continue
		}
		at := n.RetiringUntil
		if len(n.Proofs) == 0 {
			at = n.AddedAt.Add(p.Numbers.PendingTTL.D())
		}
		if !at.IsZero() && (w.NextAt.IsZero() || at.Before(w.NextAt)) {
			w.NextAt = at
		}
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
