package wallet

import (
	"context"
	"slices"
	"time"

	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/shared/humantext"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// Prove proves a number with its code: for the first time, or again, which keeps
// it live. Errors: ErrSessionEnded, ErrPhoneNotFound, ErrNoCode (it can't be one,
// and costs no try), ErrCode, ErrCodeExhausted, ErrUnavailableAuth.
func (s *Service) Prove(ctx context.Context, who Person, o record.Origin, number string, typed secret.String) (View, error) {
	now := s.o.Clock.Now()
	if err := s.admit(ctx, who, false, now); err != nil {
		return View{}, err
	}
	_, n, err := s.own(ctx, who, number, now)
	if err != nil {
		return View{}, err
	}
	digits, ok := humantext.Code(typed.Reveal(), limits.CodeDigits)
	if !ok {
		return View{}, ErrNoCode
	}
	if n.Code == nil {
		return View{}, ErrCode
	}
	if err := s.TakeTry(ctx, append(limits.TryOwn(who.Account, number), limits.Try(n.Code.ID))...); err != nil {
		return View{}, err
	}
	view, err := s.prove(ctx, who, o, number, n.Code.ID, secret.NewString(digits), now)
	if err != nil {
		return View{}, err
	}
	return view, s.o.Budget.Worked(ctx, who.Account, number)
}

// TakeTry counts a guess. Error: ErrCodeExhausted, with the time to wait when
// another code wouldn't help before.
func (s *Service) TakeTry(ctx context.Context, uses ...limits.Use) error {
	err := s.o.Budget.Take(ctx, uses...)
	if wait, full := limits.Full(err); full {
		return ErrCodeExhausted.WithRetryAfter(wait)
	}
	return err
}

// prove checks the code of that id, exactly once. Errors: ErrPhoneNotFound, ErrCode.
func (s *Service) prove(ctx context.Context, who Person, o record.Origin, number, asked string, code secret.String, now time.Time) (View, error) {
	mac := s.CodeMAC(CodeUse{Purpose: purposeProve, Owner: who.Account, Number: number}, code)
	return s.updateNumber(ctx, who.Account, number, now, func(w *Wallet, n *Number) (post.Effects, error) {
		if n.Code == nil || n.Code.ID != asked || !n.Code.Good(mac, now) {
			failed := who.event(now, record.PhoneVerificationFailed, record.Failure, number, o, nil)
			return post.Effects{Events: []record.Event{failed}, Refused: ErrCode}, nil
		}
		texts, err := s.addFirstProof(w, n, now)
		verified := who.event(now, record.PhoneVerified, record.Success, number, o, record.Data{"number": n.Masked, "state": string(s.state(*n, now))})
		return post.Effects{Events: []record.Event{verified}, Texts: texts}, err
	})
}

// addFirstProof appends a proof; of a new number it tells the older ones.
func (s *Service) addFirstProof(w *Wallet, n *Number, now time.Time) ([]post.Text, error) {
	n.Code = nil
	if len(n.Proofs) > 0 {
		s.AddProof(n, now)
		return nil, nil
	}
	// Trusted at once only when there never was anybody older to protect: a
	// number that was removed since still counts.
	n.First = !slices.ContainsFunc(w.Numbers, func(o Number) bool { return len(o.Proofs) > 0 })
	n.Proofs = []time.Time{now}
	return s.Notices(w, Notice{Owner: w.Account, Except: n.ID, Said: post.NumberAdded, Name: "added:" + n.ID}, now)
}

// AddProof keeps as few proofs as give the same seniority and liveness: within
// the cap of one gap, the last proof may stand for those between.
func (s *Service) AddProof(n *Number, at time.Time) {
	if slices.ContainsFunc(n.Proofs, at.Equal) {
		return
	}
	all := append(slices.Clone(n.Proofs), at)
	slices.SortFunc(all, time.Time.Compare)
	if k := len(all); k > 2 && all[k-1].Equal(at) && at.Sub(all[k-3]) <= s.o.Policy.Numbers.GapCap {
		all = slices.Delete(all, k-2, k-1)
	}
	n.Proofs = all
}
