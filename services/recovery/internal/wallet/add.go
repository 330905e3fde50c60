package wallet

import (
	"cmp"
	"context"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/shared/id"
	"centinela/shared/record"
	"centinela/shared/secret"
)

const maxDeadNumbers = 32 // pending ones that died are dropped beyond it

// Add adds a number, pending until its code comes back, and sends the code. A
// number that is pending already gets another code. Errors: ErrFreshSignIn,
// ErrSessionEnded, ErrPhoneInvalid, ErrPhoneNotMobile, ErrPhoneTaken,
// ErrPhoneLimit, ErrTooManyTexts, ErrUnavailableAuth.
func (s *Service) Add(ctx context.Context, who Person, o record.Origin, raw string) (View, error) {
	now := s.o.Clock.Now()
	if err := s.admit(ctx, who, true, now); err != nil {
		return View{}, err
	}
	e164, masked, err := ParseNumber(raw)
	if err != nil {
		return View{}, err
	}
	mac := s.NumberMAC(e164)
	if err := s.mayAdd(ctx, who.Account, mac, now); err != nil {
		return View{}, err
	}
	cautious, locale := s.cautious(ctx, who.Account, now)
	fresh, code := Number{Number: engine.Number{ID: id.New("phn"), AddedAt: now, Cautious: cautious}, MAC: mac, Masked: masked}, secret.Digits(limits.CodeDigits)
	var view View
	err = s.o.Budget.Spend(ctx, func(ctx context.Context) error {
		return s.Update(ctx, who.Account, func(w *Wallet) (post.Effects, error) {
			w.Locale = cmp.Or(locale, w.Locale, "en")
			n, err := s.pendingNumber(w, fresh, now)
			if err != nil {
				return post.Effects{}, err
			}
			n.Cautious = n.Cautious || cautious
			n.Sealed = s.sealNumber(n.ID, e164)
			text, err := s.issueCode(w, n, code, now)
			if err != nil {
				return post.Effects{}, err
			}
			view = s.view(w, n.ID, now)
			return post.Effects{Events: []record.Event{who.event(now, record.PhoneAdded, record.Success, n.ID, o, nil)}, Texts: []post.Text{text}}, nil
		})
	}, limits.TextToNew(who.Account, mac)...)
	return view, tooManyTexts(err)
}

// mayAdd says what Add would refuse, before anything is counted (V24).
func (s *Service) mayAdd(ctx context.Context, account, mac string, now time.Time) error {
	w, err := s.o.Store.Wallet(ctx, account)
	if err != nil {
		return err
	}
	n, err := s.pendingNumber(&w, Number{Number: engine.Number{AddedAt: now}, MAC: mac}, now)
	if err != nil {
		return err
	}
	return MayResend(n.ID, n.Sends, now)
}

// pendingNumber puts fresh into the wallet, or finds it there still pending.
func (s *Service) pendingNumber(w *Wallet, fresh Number, now time.Time) (*Number, error) {
	active := 0
	for i := range w.Numbers {
		n := &w.Numbers[i]
		state := s.state(*n, now)
		if state == engine.Removed {
			continue
		}
		if n.MAC == fresh.MAC {
			if state != engine.Pending {
				return nil, ErrPhoneTaken
			}
			return n, nil
		}
		active++
	}
	if active >= s.o.Policy.Numbers.MaxActive {
		return nil, ErrPhoneLimit
	}
	s.dropDead(w, now)
	w.Numbers = append(w.Numbers, fresh)
	return &w.Numbers[len(w.Numbers)-1], nil
}

// dropDead forgets numbers that were never proved; removed ones that were stay,
// because decisions name them.
func (s *Service) dropDead(w *Wallet, now time.Time) {
	if len(w.Numbers) < maxDeadNumbers {
		return
	}
	var kept []Number
	for _, n := range w.Numbers {
		if len(n.Proofs) > 0 || s.state(n, now) != engine.Removed {
			kept = append(kept, n)
		}
	}
	w.Numbers = kept
}

// cautious says whether a number added now must wait longer: soon after a
// sign-in from a new device or a reset, or when auth can't say (V20). It returns
// the account's language too; empty: auth can't say.
func (s *Service) cautious(ctx context.Context, account string, now time.Time) (bool, string) {
	a, err := s.o.Accounts.Facts(ctx, account, "")
	if err != nil || !a.Found {
		return true, ""
	}
	soon := func(at time.Time) bool { return !at.IsZero() && now.Sub(at) < s.o.Policy.Numbers.CautiousWithin }
	return soon(a.UnfamiliarAt) || soon(a.ResetAt), a.Locale
}
