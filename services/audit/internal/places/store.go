package places

import (
	"context"
	"time"

	"centinela/shared/fault"
)

// Visit is one proof that the owner was in a network.
type Visit struct {
	Account string
	Network string // keyed hash
	At      time.Time
	Seq     int64 // of the entry that proves it
	// ForgetBefore: a place last seen before it is as good as new.
	ForgetBefore time.Time
}

// Place is what is known of an account in a network.
type Place struct {
	Account   string    `json:"account"`
	Network   string    `json:"network"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Count     int64     `json:"count"`
	Seq       int64     `json:"seq"` // newest visit's
}

// ErrUnknownPlace is an account that was never seen in a network.
var ErrUnknownPlace = fault.New(fault.KindNotFound, fault.CodeNotFound, "no such place")

// Store keeps the places.
type Store interface {
	// RecordVisits adds visits in order. One whose seq is not above its place's
	// own is known already and changes nothing, so the same visits may come
	// again. FirstSeen and LastSeen grow apart whatever the order of the times,
	// and start anew where LastSeen is before the visit's ForgetBefore.
	RecordVisits(ctx context.Context, visits []Visit) error
	// Place returns one. Errors: ErrUnknownPlace.
	Place(ctx context.Context, account, network string) (Place, error)
	// HasPlaces reports whether the account was ever seen anywhere.
	HasPlaces(ctx context.Context, account string) (bool, error)
}

// Apply is the visit's effect on a place (the zero Place where there is none),
// and whether there is any. It is here so that no two stores differ in it.
func (v Visit) Apply(p Place) (Place, bool) {
	switch {
	case p.Count > 0 && v.Seq <= p.Seq:
		return p, false
	case p.Count == 0 || p.LastSeen.Before(v.ForgetBefore):
		return Place{Account: v.Account, Network: v.Network, FirstSeen: v.At, LastSeen: v.At, Count: 1, Seq: v.Seq}, true
	}
	if v.At.Before(p.FirstSeen) {
		p.FirstSeen = v.At
	}
	if v.At.After(p.LastSeen) {
		p.LastSeen = v.At
	}
	p.Count++
	p.Seq = v.Seq
	return p, true
}
