package wallet

import (
	"context"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/shared/record"
)

// Retire asks for a number's removal: it keeps its recovery powers until the
// window's end (V5). Asking twice changes nothing. Errors: ErrFreshSignIn,
// ErrSessionEnded, ErrPhoneNotFound, ErrPhoneState (it is pending and dies by
// itself), ErrUnavailableAuth.
func (s *Service) Retire(ctx context.Context, who Person, o record.Origin, number string) (View, error) {
	now := s.o.Clock.Now()
	if err := s.admit(ctx, who, true, now); err != nil {
		return View{}, err
	}
	w, n, err := s.own(ctx, who, number, now)
	if err != nil {
		return View{}, err
	}
	if s.state(*n, now) == engine.Pending {
		return View{}, ErrPhoneState.WithDetail("a pending number goes by itself after 15 minutes")
	}
	if !n.RetiringUntil.IsZero() {
		return s.view(w, number, now), nil
	}
	var view View
	// Asked for, kept and asked for again must not flood the other phones. What is
	// refused or changes nothing was decided above, and uses no notice up (KA D1).
	err = s.o.Budget.SpendOr(ctx, func(ctx context.Context, told bool) error {
		view, err = s.retire(ctx, who, o, number, told, now)
		return err
	}, limits.RemovalTold(who.Account, number))
	return view, err
}

func (s *Service) retire(ctx context.Context, who Person, o record.Origin, number string, told bool, now time.Time) (View, error) {
	return s.updateNumber(ctx, who.Account, number, now, func(w *Wallet, n *Number) (effects post.Effects, err error) {
		if !n.RetiringUntil.IsZero() { // somebody else was quicker, and told
			return post.Effects{}, nil
		}
		n.RetireAsked = now
		n.RetiringUntil = now.Add(s.o.Policy.RetireWindow(w.Facts(), number, now))
		if told {
			effects.Texts, err = s.Notices(w, Notice{
				Owner: w.Account, Except: number, Said: post.RemovalAsked, Name: "removal:" + number + now.Format(time.RFC3339Nano),
			}, now)
		}
		data := record.Data{"number": n.Masked, "until": n.RetiringUntil.Format(time.RFC3339)}
		effects.Events = []record.Event{who.event(now, record.PhoneRemovalAsked, record.Success, number, o, data)}
		return effects, err
	})
}

// Keep cancels a removal. Errors: ErrFreshSignIn, ErrSessionEnded,
// ErrPhoneNotFound, ErrPhoneState (no removal was asked for), ErrUnavailableAuth.
func (s *Service) Keep(ctx context.Context, who Person, o record.Origin, number string) (View, error) {
	now := s.o.Clock.Now()
	if err := s.admit(ctx, who, true, now); err != nil {
		return View{}, err
	}
	return s.updateNumber(ctx, who.Account, number, now, func(_ *Wallet, n *Number) (post.Effects, error) {
		if n.RetiringUntil.IsZero() {
			return post.Effects{}, ErrPhoneState.WithDetail("this number isn't being removed")
		}
		n.RetiringUntil = time.Time{}
		kept := who.event(now, record.PhoneRemovalCancelled, record.Success, number, o, record.Data{"number": n.Masked})
		return post.Effects{Events: []record.Event{kept}}, nil
	})
}
