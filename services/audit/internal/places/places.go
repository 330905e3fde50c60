package places

import (
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"time"

	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// Familiarity is what the record says about an account in a network.
type Familiarity string

// The three answers.
const (
	Unknown    Familiarity = "unknown"    // the account was never seen anywhere
	Unfamiliar Familiarity = "unfamiliar" // it was seen, but not here
	Familiar   Familiarity = "familiar"
)

const (
	// settled: a thief's first visit must not make his network the owner's.
	settled = 24 * time.Hour
	// remembered is how long a network stays the owner's without a visit.
	remembered = 400 * 24 * time.Hour
)

// ErrAddress is a text that is no IP address.
var ErrAddress = fault.New(fault.KindInvalid, fault.CodeInvalidField, "the address is not an IP address").
	WithFields(fault.Field{Pointer: "query:address", Code: string(fault.CodeInvalidField), Detail: "must be an IP address"})

// proofs are the actions that only the owner, signed in, can make succeed, each
// with the service whose word counts for it (R4.1).
var proofs = map[string]string{record.SessionCreated: "auth", record.PhoneVerified: "recovery"}

// Places answers from its projection of the record, and keeps it.
type Places struct {
	store Store
	key   secret.Key
	clock clock.Clock
}

// New makes Places. With another key nothing is familiar any more.
func New(store Store, key secret.Key, clk clock.Clock) *Places {
	return &Places{store: store, key: key, clock: clk}
}

// Seen is an event with its place in the record.
type Seen struct {
	Seq   int64
	Event record.Event
}

// Take adds what the events prove. The same events may come again.
func (p *Places) Take(ctx context.Context, events []Seen) error {
	var visits []Visit
	for _, s := range events {
		e := s.Event
		if service, ok := proofs[e.Action]; !ok || e.Service != service || e.Outcome != record.Success || e.Account == "" {
			continue
		}
		network, ok := p.network(e.Account, e.Address)
		if !ok {
			continue
		}
		visits = append(visits, Visit{Account: e.Account, Network: network, At: e.Time, Seq: s.Seq, ForgetBefore: e.Time.Add(-remembered)})
	}
	if len(visits) == 0 {
		return nil
	}
	return p.store.RecordVisits(ctx, visits)
}

// Familiarity says whether address is in one of the account's usual networks:
// one where it was first seen at least 24 hours ago and last within 400 days.
// Errors: ErrAddress, the store's.
func (p *Places) Familiarity(ctx context.Context, account, address string) (Familiarity, error) {
	network, ok := p.network(account, address)
	if !ok {
		return "", ErrAddress
	}
	now := p.clock.Now()
	place, err := p.store.Place(ctx, account, network)
	switch {
	case errors.Is(err, ErrUnknownPlace):
		return p.elsewhere(ctx, account)
	case err != nil:
		return "", err
	case place.FirstSeen.After(now.Add(-settled)), place.LastSeen.Before(now.Add(-remembered)):
		return Unfamiliar, nil
	}
	return Familiar, nil
}

func (p *Places) elsewhere(ctx context.Context, account string) (Familiarity, error) {
	seen, err := p.store.HasPlaces(ctx, account)
	if err != nil {
		return "", err
	}
	if seen {
		return Unfamiliar, nil
	}
	return Unknown, nil
}

// network is the keyed hash of the address's network, for this account only.
func (p *Places) network(account, address string) (string, bool) {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return "", false
	}
	addr = addr.Unmap().WithZone("")
	bits := 24
	if addr.Is6() {
		bits = 48
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return "", false
	}
	return hex.EncodeToString(p.key.MAC("audit place", account, prefix.String())[:16]), true
}
