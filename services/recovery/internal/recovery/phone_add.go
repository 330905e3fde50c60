package recovery

import (
	"cmp"
	"context"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/shared/id"
	"centinela/shared/record"
	"centinela/shared/secret"
)

const maxDeadNumbers = 32 // pending ones that died are dropped beyond it

// AddPhone adds a number, pending until its code comes back, and sends the code.
// A number that is pending already gets another code. Errors: ErrFreshSignIn,
// ErrPhoneInvalid, ErrPhoneNotMobile, ErrPhoneTaken, ErrPhoneLimit, ErrTooManyTexts.
func (s *Service) AddPhone(ctx context.Context, who Person, o record.Origin, raw string) (PhoneView, error) {
	now := s.Clock.Now()
	if err := s.fresh(who, now); err != nil {
		return PhoneView{}, err
	}
	e164, masked, err := parseNumber(raw)
	if err != nil {
		return PhoneView{}, err
	}
	mac := s.numberMAC(e164)
	// Asked before the counters are raised: what is refused must not use up the day's texts.
	if err := s.mayAdd(ctx, who.Account, mac, now); err != nil {
		return PhoneView{}, err
	}
	if err := s.spendText(ctx, "own", mac, who.Account, now); err != nil {
		return PhoneView{}, err
	}
	cautious, locale := s.cautious(ctx, who.Account, now)
	phone, code := id.New("phn"), secret.Digits(codeDigits)
	var view PhoneView
	err = s.updateWallet(ctx, who.Account, func(w *Wallet) (Effects, error) {
		w.Locale = cmp.Or(locale, w.Locale, "en")
		n, err := s.pendingNumber(w, Number{ID: phone, MAC: mac, Masked: masked, AddedAt: now, Cautious: cautious}, now)
		if err != nil {
			return Effects{}, err
		}
		n.Cautious = n.Cautious || cautious
		n.Sealed = s.sealNumber(n.ID, e164)
		text, err := s.issueCode(w, n, code, now)
		if err != nil {
			return Effects{}, err
		}
		view = s.phone(w, n.ID, now)
		added := s.event(now, record.PhoneAdded, record.Success, who.Account, n.ID, o)
		added.Session = who.Session
		return Effects{Events: []record.Event{added}, Texts: []Text{text}}, nil
	})
	return view, err
}

// mayAdd says what AddPhone would refuse, without changing anything.
func (s *Service) mayAdd(ctx context.Context, account, mac string, now time.Time) error {
	w, err := s.Store.Wallet(ctx, account)
	if err != nil {
		return err
	}
	n, err := s.pendingNumber(&w, Number{MAC: mac, AddedAt: now}, now)
	if err != nil {
		return err
	}
	if wait := nextSend(n.ID, n.Sends, now); wait > 0 {
		return ErrTooManyTexts.WithRetryAfter(wait)
	}
	return nil
}

// pendingNumber puts fresh into the wallet, or finds it there still pending.
func (s *Service) pendingNumber(w *Wallet, fresh Number, now time.Time) (*Number, error) {
	active := 0
	for i := range w.Numbers {
		state := s.state(w, w.Numbers[i].ID, now)
		if state == engine.Removed {
			continue
		}
		if w.Numbers[i].MAC == fresh.MAC {
			if state != engine.Pending {
				return nil, ErrPhoneTaken
			}
			return &w.Numbers[i], nil
		}
		active++
	}
	if active >= s.Policy.Numbers.MaxActive {
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
		if len(n.Proofs) > 0 || s.state(w, n.ID, now) != engine.Removed {
			kept = append(kept, n)
		}
	}
	w.Numbers = kept
}

// cautious says whether a number added now must wait longer: soon after a
// sign-in from a new device or a reset, or when auth can't say (V20). It returns
// the account's language too; empty: auth can't say.
func (s *Service) cautious(ctx context.Context, account string, now time.Time) (bool, string) {
	a, err := s.Accounts.Facts(ctx, account, "")
	if err != nil || !a.Found {
		return true, ""
	}
	soon := func(at time.Time) bool { return !at.IsZero() && now.Sub(at) < s.Policy.Numbers.CautiousWithin.D() }
	return soon(a.UnfamiliarAt) || soon(a.ResetAt), a.Locale
}
