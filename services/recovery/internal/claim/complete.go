package claim

import (
	"cmp"
	"context"
	"errors"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/fault"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// Complete sets the new password when the decision allows it. The sequence is
// safe to stop anywhere: the flow is marked Completing with its decision and the
// security version that it was made on; auth resets (idempotent by the flow's
// id, refused when that version is past: V22); the wallet gets its proofs and
// notices; the account's other flows end; the flow is marked Completed, last,
// because until then sweep goes on with it. Errors: ErrRecovery, ErrEnded,
// ErrExpired, ErrNotAllowedYet, auth's own for a weak password,
// wallet.ErrUnavailableAuth.
func (s *Service) Complete(ctx context.Context, o record.Origin, flow string, token, password secret.String) (View, error) {
	now := s.o.Clock.Now()
	f, err := s.opened(ctx, flow, token, now)
	if err != nil {
		return View{}, err
	}
	if f.hollow() || !f.Proved() {
		return View{}, ErrNotAllowedYet
	}
	o.Device = f.Device
	if f.State != Completing {
		if f, err = s.begin(ctx, f, o, now); err != nil {
			return View{}, err
		}
	}
	err = s.o.Accounts.ResetPassword(ctx, f.Account, password, f.ID, f.SecurityVersion)
	switch {
	case errors.Is(err, ErrChanged):
		return View{}, s.overtaken(ctx, f, o)
	case err != nil && fault.From(err).Kind == fault.KindInvalid: // auth's word on the password
		return View{}, cmp.Or(s.reopen(ctx, f.ID, now), err)
	case err != nil: // nobody knows what auth did: it stays Completing and may be asked again
		return View{}, err
	}
	return s.finish(ctx, f.ID, o)
}

// begin decides with fresh facts and claims the completion. It returns the flow
// as it is then.
func (s *Service) begin(ctx context.Context, f Flow, o record.Origin, now time.Time) (claimed Flow, _ error) {
	k, err := s.gather(ctx, &f)
	if err != nil {
		return Flow{}, err
	}
	if !k.heard { // without a version there is nothing to compare
		return Flow{}, wallet.ErrUnavailableAuth
	}
	err = s.update(ctx, f.ID, now, func(f *Flow) (post.Effects, error) {
		if err := f.open(now); err != nil {
			return post.Effects{}, err
		}
		effects, err := s.apply(f, k, o, now)
		switch {
		case err != nil:
		case f.State == Ready:
			f.State, f.CompletingAt, f.SecurityVersion, f.ResetBefore = Completing, now, k.account.SecurityVersion, k.account.LastReset()
		case f.State == Completing: // a parallel call was quicker; auth takes the first
		case f.State == Waiting:
			effects.Refused = ErrNotAllowedYet.WithDetail("the password can be set from " + f.EarliestAt.Format(time.RFC3339))
		case f.State == RefusedOut:
			effects.Refused = ErrEnded
		default:
			effects.Refused = ErrNotAllowedYet.WithDetail("more evidence is needed first")
		}
		claimed = *f
		return effects, err
	})
	return claimed, err
}

// reopen lets the claimant try again: auth did nothing.
func (s *Service) reopen(ctx context.Context, flow string, now time.Time) error {
	return s.update(ctx, flow, now, func(f *Flow) (post.Effects, error) {
		if f.State == Completing {
			f.State, f.CompletingAt = Ready, time.Time{}
		}
		return post.Effects{}, nil
	})
}

// overtaken says the truth about a reset that came too late: another recovery
// set the password, which ends this one, or the account's security changed in
// another way, on which is decided anew.
func (s *Service) overtaken(ctx context.Context, f Flow, o record.Origin) error {
	now := s.o.Clock.Now()
	a, err := s.o.Accounts.Facts(ctx, f.Account, f.Device)
	if err != nil {
		return err
	}
	if f.overtakenBy(a) {
		return cmp.Or(s.end(ctx, f.ID, o, now), error(ErrEnded))
	}
	if err := s.reopen(ctx, f.ID, now); err != nil {
		return err
	}
	if _, err := s.decide(ctx, f.ID, o); err != nil {
		return err
	}
	return ErrNotAllowedYet.WithDetail("the account's security changed meanwhile: look again where this recovery stands")
}

// overtakenBy reports whether auth did a reset since this one, which isn't it, was
// begun. It is told by ids: times are of two machines (KA D3).
func (f *Flow) overtakenBy(a wallet.Account) bool { return a.Found && a.LastReset() != f.ResetBefore }

// finish records what auth did. Repeating it changes nothing more.
func (s *Service) finish(ctx context.Context, flow string, o record.Origin) (view View, _ error) {
	now := s.o.Clock.Now()
	f, err := s.o.Store.Flow(ctx, flow)
	if err != nil {
		return View{}, err
	}
	if err := s.keepProofs(ctx, &f, now); err != nil {
		return View{}, err
	}
	if err := s.supersede(ctx, &f, o, now); err != nil {
		return View{}, err
	}
	err = s.update(ctx, flow, now, func(f *Flow) (post.Effects, error) {
		var effects post.Effects
		if f.State != Completed {
			f.State = Completed
			effects.Events = []record.Event{f.event(now, record.RecoveryCompleted, record.Success, o, record.Data{"decision": f.Decisions.Head()})}
		}
		var err error
		view, err = s.view(f, now)
		return effects, err
	})
	return view, err
}

// keepProofs gives the numbers their proofs of this flow, and tells all of the
// completion: the texts' names are the flow's, so a repeated step sends none twice.
func (s *Service) keepProofs(ctx context.Context, f *Flow, now time.Time) error {
	return s.o.Wallets.Update(ctx, f.Account, func(w *wallet.Wallet) (post.Effects, error) {
		texts, err := s.o.Wallets.Notices(w, wallet.Notice{Owner: w.Account, All: true, Said: post.RecoveryCompleted, Name: "completed:" + f.ID}, now)
		for _, e := range f.Evidence {
			if n := w.Number(e.Number); e.Method == engine.SMS && n != nil && len(n.Proofs) > 0 {
				s.o.Wallets.AddProof(n, e.At)
			}
		}
		return post.Effects{Texts: texts}, err
	})
}
