package recovery

import (
	"context"
	"slices"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// VerifyPhone proves a number with its code: for the first time, or again, which
// keeps it live. Errors: ErrPhoneNotFound, ErrCode, ErrCodeExhausted.
func (s *Service) VerifyPhone(ctx context.Context, who Person, o record.Origin, phone string, code secret.String) (PhoneView, error) {
	now := s.Clock.Now()
	w, err := s.Store.Wallet(ctx, who.Account)
	if err != nil {
		return PhoneView{}, err
	}
	n := w.number(phone)
	if n == nil || s.state(&w, phone, now) == engine.Removed {
		return PhoneView{}, ErrPhoneNotFound
	}
	if n.Code == nil {
		return PhoneView{}, ErrCode
	}
	asked, budget := n.Code.ID, "own:"+who.Account+":"+phone
	if err := s.spendTry(ctx, asked, now); err != nil {
		return PhoneView{}, err
	}
	if may, err := s.mayTry(ctx, budget, now); err != nil {
		return PhoneView{}, err
	} else if !may {
		return PhoneView{}, ErrCodeExhausted
	}
	var view PhoneView
	var refused error
	err = s.updateWallet(ctx, who.Account, func(w *Wallet) (Effects, error) {
		refused = nil
		n := w.number(phone)
		if n == nil || s.state(w, phone, now) == engine.Removed {
			return Effects{}, ErrPhoneNotFound
		}
		mac := s.codeMAC(purposeProve, who.Account, phone, "", code)
		if n.Code == nil || n.Code.ID != asked || !n.Code.good(mac, now) {
			refused = ErrCode
			failed := s.event(now, record.PhoneVerificationFailed, record.Failure, who.Account, phone, o)
			failed.Session = who.Session
			return Effects{Events: []record.Event{failed}}, nil
		}
		effects, err := s.prove(w, n, now)
		if err != nil {
			return Effects{}, err
		}
		view = s.phone(w, phone, now)
		verified := s.event(now, record.PhoneVerified, record.Success, who.Account, phone, o)
		verified.Session = who.Session
		verified.Data = record.Data{"number": n.Masked, "state": string(view.State)}
		effects.Events = append(effects.Events, verified)
		return effects, nil
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return PhoneView{}, err
	}
	// Whoever holds the number has it in every lane: nobody's guesses lock him out.
	for _, lane := range []string{budget, lanes(LaneKnown, who.Account, phone), lanes(LaneFamiliar, who.Account, phone), lanes(LaneAnonymous, who.Account, phone)} {
		if err := s.tryWorked(ctx, lane); err != nil {
			return PhoneView{}, err
		}
	}
	return view, nil
}

// good reports whether the code with that MAC is this one, and in time.
func (c *Code) good(mac []byte, now time.Time) bool {
	return secret.Equal(c.MAC, mac) && now.Before(c.ExpiresAt)
}

// prove appends a proof, and tells the older numbers of a new one.
func (s *Service) prove(w *Wallet, n *Number, now time.Time) (Effects, error) {
	n.Code = nil
	if len(n.Proofs) > 0 {
		n.Proofs = s.addProof(n.Proofs, now)
		return Effects{}, nil
	}
	// Trusted at once only when there never was anybody older to protect: a
	// number that was removed since still counts.
	n.First = !slices.ContainsFunc(w.Numbers, func(o Number) bool { return len(o.Proofs) > 0 })
	n.Proofs = []time.Time{now}
	texts, err := s.notices(w, w.Account, n.ID, noticeAdded, "added:"+n.ID, now)
	return Effects{Texts: texts}, err
}

// addProof keeps as few proofs as give the same seniority and liveness: within
// the cap of one gap, the last proof may stand for those between.
func (s *Service) addProof(proofs []time.Time, at time.Time) []time.Time {
	if slices.ContainsFunc(proofs, at.Equal) {
		return proofs
	}
	all := append(slices.Clone(proofs), at)
	slices.SortFunc(all, time.Time.Compare)
	if k := len(all); k > 2 && all[k-1].Equal(at) && at.Sub(all[k-3]) <= s.Policy.Numbers.GapCap.D() {
		all = slices.Delete(all, k-2, k-1)
	}
	return all
}
