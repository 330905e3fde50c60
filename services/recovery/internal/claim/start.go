package claim

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"time"

	"centinela/services/recovery/internal/due"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/humantext"
	"centinela/shared/id"
	"centinela/shared/record"
	"centinela/shared/secret"
)

const (
	aDay           = 24 * time.Hour
	collectFor     = 30 * time.Minute
	standsFor      = 7 * aDay   // after the end of a wait
	rememberFor    = 180 * aDay // so that the owner sees what was tried
	forgetNobodyIn = aDay       // flows that lead nowhere
)

// Start begins a recovery and returns it with its secret, which is shown once.
// It answers the same for any identifier (V15). Errors: ErrTooManyStarts,
// wallet.ErrUnavailableAuth.
func (s *Service) Start(ctx context.Context, o record.Origin, identifier string, deviceKey secret.String) (_ View, _ secret.String, failed error) {
	defer due.Paced(ctx, s.o.AnswerAfter)(&failed)
	now := s.o.Clock.Now()
	f := Flow{ID: id.New("rec"), Lane: limits.LaneAnonymous, Address: o.Address, State: Collecting, StartedAt: now, ExpiresAt: now.Add(collectFor)}
	if !deviceKey.IsZero() {
		f.Device = hex.EncodeToString(secret.Hash(deviceKey.Reveal()))
	}
	o.Device = f.Device
	identifier = cmp.Or(humantext.Identifier(identifier), identifier) // what has nothing to see is nobody's name
	account, err := s.o.Accounts.Lookup(ctx, identifier, f.Device)
	if err != nil {
		return View{}, secret.String{}, err
	}
	f.Subject = s.nobody(identifier)
	if account.Found {
		f.Subject = account.ID
	}
	token := secret.Token(32)
	f.SecretHash = secret.Hash(token.Reveal())
	from := limits.StartFrom(s.chooseLane(ctx, &f, account), o.Address)
	err = s.o.Budget.Spend(ctx, func(ctx context.Context) error { return s.create(ctx, &f, account, o, now) }, from)
	if wait, full := limits.Full(err); full {
		err = ErrTooManyStarts.WithRetryAfter(wait)
	}
	if err != nil {
		return View{}, secret.String{}, err
	}
	s.o.Kick()
	view, err := s.view(&f, now)
	return view, token, err
}

// chooseLane chooses the flow's lane, and the door at which its start is counted.
// Everybody's place is asked for; it opens a lane of budgets only that answer
// alike, so that whoever shares the owner's network learns nothing (V15).
func (s *Service) chooseLane(ctx context.Context, f *Flow, a wallet.Account) (door string) {
	place, err := s.o.Places.Familiarity(ctx, f.Subject, f.Address)
	familiar := err == nil && place == engine.Yes
	switch {
	case a.Found && a.DeviceKnown:
		f.Lane = limits.LaneKnown
		return limits.LaneKnown
	case a.Found && familiar:
		f.Lane = limits.LaneFamiliar
	}
	return limits.LaneAnonymous
}

// create points the flow at its account, or at nobody: when there is none, or when
// strangers have used up the account's budget. Both do the same work.
func (s *Service) create(ctx context.Context, f *Flow, a wallet.Account, o record.Origin, now time.Time) error {
	if a.Found {
		f.Account, f.Locale = a.ID, a.Locale
	}
	started := f.event(now, record.RecoveryStarted, record.Success, o, record.Data{"lane": f.Lane})
	if f.Lane == limits.LaneAnonymous {
		err := s.o.Budget.Take(ctx, limits.StartOf(f.Subject))
		if _, full := limits.Full(err); full {
			started.Outcome, started.Reason = record.Refused, "too many recoveries of this account were started by strangers"
			f.Account, f.Locale = "", ""
		} else if err != nil {
			return err
		}
	}
	w, err := s.o.Wallets.Wallet(ctx, f.Subject)
	if err != nil {
		return err
	}
	f.ForgetAt = f.ExpiresAt.Add(forgetNobodyIn)
	var texts []post.Text // as long as the flow runs
	if f.Account != "" {
		f.ForgetAt = f.ExpiresAt.Add(rememberFor)
		word := func(number string) string { return s.o.Wallets.Word(f.ID, number) }
		texts, err = s.o.Wallets.Notices(&w, wallet.Notice{Owner: f.ID, Said: post.RecoveryStarted, Word: word, Name: "started", ExpiresAt: f.ExpiresAt}, now)
		if err != nil {
			return err
		}
	}
	// One text of this kind a day: starting recoveries must not flood a phone. Where
	// nobody is told, somebody who doesn't exist is, so that it costs the same time
	// and uses up nobody's notice (KA D1).
	subject := f.Subject
	if len(texts) == 0 {
		subject = s.nobody(f.ID)
	}
	f.schedule()
	return s.o.Budget.SpendOr(ctx, func(ctx context.Context, room bool) error {
		effects := post.Effects{Events: []record.Event{started}}
		if room {
			effects.Texts = texts
		}
		return s.o.Store.CreateFlow(ctx, *f, effects)
	}, limits.StartTold(subject))
}

// nobody stands for the account that an identifier doesn't name. It has the form
// of an account's id, so that a peer is asked the same question about it.
func (s *Service) nobody(identifier string) string {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	mac := s.o.Key.MAC("nobody", cases.Fold().String(norm.NFKC.String(identifier)))
	name := make([]byte, 24)
	for i := range name {
		name[i] = alphabet[mac[i]%32]
	}
	return "acc_" + string(name)
}

// claimed finds the flow that the secret belongs to. Error: ErrRecovery for an
// unknown id and for a wrong secret alike.
func (s *Service) claimed(ctx context.Context, flow string, token secret.String) (Flow, error) {
	f, err := s.o.Store.Flow(ctx, flow)
	if errors.Is(err, ErrNoFlow) {
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

// opened is claimed of a flow that isn't over. Errors: ErrRecovery, ErrEnded, ErrExpired.
func (s *Service) opened(ctx context.Context, flow string, token secret.String, now time.Time) (Flow, error) {
	f, err := s.claimed(ctx, flow, token)
	if err == nil {
		err = f.open(now)
	}
	return f, err
}

// Look returns where a recovery stands. Error: ErrRecovery.
func (s *Service) Look(ctx context.Context, flow string, token secret.String) (View, error) {
	f, err := s.claimed(ctx, flow, token)
	if err != nil {
		return View{}, err
	}
	return s.view(&f, s.o.Clock.Now())
}
