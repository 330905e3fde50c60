package recovery

import (
	"context"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/shared/record"
)

const removalsTold = 2 // a day, of one number

// RetirePhone asks for a number's removal: it keeps its recovery powers until
// the window's end (V5). Asking twice changes nothing. Errors: ErrFreshSignIn,
// ErrPhoneNotFound, ErrPhoneState (it is pending and dies by itself).
func (s *Service) RetirePhone(ctx context.Context, who Person, o record.Origin, phone string) (PhoneView, error) {
	// Asked for, kept and asked for again must not flood the other phones.
	told, err := s.overLimit(ctx, "told-removal:"+who.Account+":"+phone, s.Clock.Now(), aDay, removalsTold)
	if err != nil {
		return PhoneView{}, err
	}
	return s.changePhone(ctx, who, phone, func(w *Wallet, n *Number, state engine.State, now time.Time) (Effects, error) {
		if state == engine.Pending {
			return Effects{}, ErrPhoneState.WithDetail("a pending number goes by itself after 15 minutes")
		}
		if !n.RetiringUntil.IsZero() {
			return Effects{}, nil
		}
		n.RetireAsked = now
		n.RetiringUntil = now.Add(s.Policy.RetireWindow(w.facts(), phone, now))
		var texts []Text
		if !told {
			var err error
			if texts, err = s.notices(w, w.Account, phone, noticeRemoval, "removal:"+phone+now.String(), now); err != nil {
				return Effects{}, err
			}
		}
		asked := s.event(now, record.PhoneRemovalAsked, record.Success, who.Account, phone, o)
		asked.Session = who.Session
		asked.Data = record.Data{"number": n.Masked, "until": n.RetiringUntil.Format(time.RFC3339)}
		return Effects{Events: []record.Event{asked}, Texts: texts}, nil
	})
}

// KeepPhone cancels a removal. Errors: ErrFreshSignIn, ErrPhoneNotFound,
// ErrPhoneState (no removal was asked for).
func (s *Service) KeepPhone(ctx context.Context, who Person, o record.Origin, phone string) (PhoneView, error) {
	return s.changePhone(ctx, who, phone, func(_ *Wallet, n *Number, _ engine.State, now time.Time) (Effects, error) {
		if n.RetiringUntil.IsZero() {
			return Effects{}, ErrPhoneState.WithDetail("this number isn't being removed")
		}
		n.RetiringUntil = time.Time{}
		kept := s.event(now, record.PhoneRemovalAsked, record.Refused, who.Account, phone, o)
		kept.Session, kept.Reason = who.Session, "cancelled by the owner"
		return Effects{Events: []record.Event{kept}}, nil
	})
}

// changePhone is what the two have in common.
func (s *Service) changePhone(ctx context.Context, who Person, phone string, change func(*Wallet, *Number, engine.State, time.Time) (Effects, error)) (PhoneView, error) {
	now := s.Clock.Now()
	if err := s.fresh(who, now); err != nil {
		return PhoneView{}, err
	}
	var view PhoneView
	err := s.updateWallet(ctx, who.Account, func(w *Wallet) (Effects, error) {
		n := w.number(phone)
		state := s.state(w, phone, now)
		if n == nil || state == engine.Removed {
			return Effects{}, ErrPhoneNotFound
		}
		effects, err := change(w, n, state, now)
		if err == nil {
			view = s.phone(w, phone, now)
		}
		return effects, err
	})
	return view, err
}
