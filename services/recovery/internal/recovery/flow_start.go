package recovery

import (
	"context"
	"encoding/hex"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"centinela/services/recovery/internal/engine"
	"centinela/shared/id"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// Lanes: an attacker burns the anonymous budgets only (design: "Lanes, not locks").
const (
	LaneKnown     = "known"    // a device that the account knows
	LaneFamiliar  = "familiar" // one of its usual places
	LaneAnonymous = "anonymous"
)

const (
	collectFor     = 30 * time.Minute
	standsFor      = 7 * 24 * time.Hour   // after the end of a wait
	rememberFor    = 180 * 24 * time.Hour // so that the owner sees what was tried
	forgetNobodyIn = 24 * time.Hour       // flows that lead nowhere
)

// Start begins a recovery and returns it with its secret, which is shown once.
// It answers the same for any identifier (V15). Errors: ErrTooManyStarts,
// ErrUnavailableAuth.
func (s *Service) Start(ctx context.Context, o record.Origin, identifier string, deviceKey secret.String) (_ FlowView, _ secret.String, failed error) {
	defer s.pace(ctx)(&failed)
	now := s.Clock.Now()
	f := Flow{ID: id.New("rec"), Lane: LaneAnonymous, Address: o.Address, State: Collecting, StartedAt: now, ExpiresAt: now.Add(collectFor)}
	if !deviceKey.IsZero() {
		f.Device = hex.EncodeToString(secret.Hash(deviceKey.Reveal()))
	}
	o.Device = f.Device
	account, err := s.Accounts.Lookup(ctx, identifier, f.Device)
	if err != nil {
		return FlowView{}, secret.String{}, err
	}
	f.Subject = s.nobody(identifier)
	if account.Found {
		f.Subject = account.ID
	}
	// Everybody's place is asked for. It opens a lane of budgets only that answer
	// alike, so that whoever shares the owner's network learns nothing (V15).
	place, err := s.Places.Familiarity(ctx, f.Subject, f.Address)
	familiar := err == nil && place == engine.Yes
	door := LaneAnonymous
	switch {
	case account.Found && account.DeviceKnown:
		f.Lane, door = LaneKnown, LaneKnown
	case account.Found && familiar:
		f.Lane = LaneFamiliar
	}
	over, err := s.overLimit(ctx, "start:"+door+":"+network(o.Address), now, time.Hour, s.StartsPerAddress)
	if err != nil {
		return FlowView{}, secret.String{}, err
	}
	if over {
		return FlowView{}, secret.String{}, ErrTooManyStarts.WithRetryAfter(time.Hour)
	}
	effects, err := s.aim(ctx, &f, account, o, now)
	if err != nil {
		return FlowView{}, secret.String{}, err
	}
	token := secret.Token(32)
	f.SecretHash = secret.Hash(token.Reveal())
	f.schedule()
	if err := s.Store.CreateFlow(ctx, f, effects); err != nil {
		return FlowView{}, secret.String{}, err
	}
	s.Kick()
	return s.view(&f, now), token, nil
}

// aim points the flow at its account, or at nobody: when there is none, or when
// strangers have used up the account's budget. Both do the same work.
func (s *Service) aim(ctx context.Context, f *Flow, a Account, o record.Origin, now time.Time) (Effects, error) {
	started := s.event(now, record.RecoveryStarted, record.Success, "", f.ID, o)
	if a.Found {
		f.Account, f.Locale = a.ID, a.Locale
		started.Account = a.ID
	}
	started.Data = record.Data{"lane": f.Lane}
	over, err := s.overLimit(ctx, "starts:"+f.Lane+":"+f.Subject, now, aDay, s.StartsPerAccount)
	if err != nil {
		return Effects{}, err
	}
	if over && f.Lane == LaneAnonymous {
		started.Outcome, started.Reason = record.Refused, "too many recoveries of this account were started by strangers"
		f.Account, f.Locale = "", ""
	}
	// One text of this kind a day: starting recoveries must not flood a phone.
	told, err := s.overLimit(ctx, "told-started:"+f.Subject, now, aDay, 1)
	if err != nil {
		return Effects{}, err
	}
	w, err := s.Store.Wallet(ctx, f.Subject)
	if err != nil {
		return Effects{}, err
	}
	effects := Effects{Events: []record.Event{started}}
	f.ForgetAt = f.ExpiresAt.Add(forgetNobodyIn)
	if f.Account == "" {
		return effects, nil
	}
	f.ForgetAt = f.ExpiresAt.Add(rememberFor)
	if !told {
		effects.Texts, err = s.notices(&w, f.ID, "", noticeStarted, "started", now)
	}
	return effects, err
}

// nobody stands for the account that an identifier doesn't name. It has the form
// of an account's id, so that a peer is asked the same question about it.
func (s *Service) nobody(identifier string) string {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	mac := s.Key.MAC("nobody", cases.Fold().String(norm.NFKC.String(strings.TrimSpace(identifier))))
	name := make([]byte, 24)
	for i := range name {
		name[i] = alphabet[mac[i]%32]
	}
	return "acc_" + string(name)
}

// network is what an address is counted by: an IPv6 user has a whole /64.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	a = a.Unmap()
	if a.Is4() {
		return a.String()
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return "unknown"
	}
	return p.String()
}

// claim finds the flow that the secret belongs to. Error: ErrRecovery for an
// unknown id and for a wrong secret alike.
func (s *Service) claim(ctx context.Context, flow string, token secret.String) (Flow, error) {
	f, err := s.Store.Flow(ctx, flow)
	if isNoFlow(err) {
		return Flow{}, ErrRecovery
	}
	if err != nil {
		return Flow{}, err
	}
	if !secret.Equal(f.SecretHash, secret.Hash(token.Reveal())) {
		return Flow{}, ErrRecovery
	}
	return f, nil
}

// open refuses a flow that is over, without telling a hollow one apart.
func (f *Flow) open(now time.Time) error {
	switch {
	case f.hollow() && now.Before(f.ExpiresAt):
		return nil
	case f.hollow():
		return ErrExpired
	case !f.ended(now):
		return nil
	case f.State == Completed || f.State == Vetoed || f.State == RefusedOut:
		return ErrEnded
	default:
		return ErrExpired
	}
}

// Look returns where a recovery stands. Error: ErrRecovery.
func (s *Service) Look(ctx context.Context, flow string, token secret.String) (FlowView, error) {
	f, err := s.claim(ctx, flow, token)
	if err != nil {
		return FlowView{}, err
	}
	return s.view(&f, s.Clock.Now()), nil
}
