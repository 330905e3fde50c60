package claim

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"centinela/services/recovery/internal/due"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/humantext"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// AddEvidence takes a code that was sent (engine.SMS) or a saved code
// (engine.SavedCode), as it is typed, and decides anew. What can't be such a code
// costs no try. Errors: ErrRecovery, ErrEnded, ErrExpired, wallet.ErrNoCode,
// wallet.ErrCode, wallet.ErrCodeExhausted, wallet.ErrUnavailableAuth.
func (s *Service) AddEvidence(ctx context.Context, o record.Origin, flow string, token secret.String, method string, typed secret.String) (_ View, failed error) {
	defer due.Paced(ctx, s.o.AnswerAfter)(&failed)
	now := s.o.Clock.Now()
	f, err := s.opened(ctx, flow, token, now)
	if err != nil {
		return View{}, err
	}
	o.Device = f.Device
	if method == engine.SavedCode {
		err = s.takeSavedCode(ctx, &f, o, typed, now)
	} else {
		err = s.takeText(ctx, &f, o, typed, now)
	}
	if err != nil {
		return View{}, err
	}
	return s.decide(ctx, flow, o)
}

// takeText checks the code of the flow's last text, exactly once.
func (s *Service) takeText(ctx context.Context, f *Flow, o record.Origin, typed secret.String, now time.Time) error {
	digits, ok := humantext.Code(typed.Reveal(), limits.CodeDigits)
	if !ok {
		return wallet.ErrNoCode
	}
	asked, number := "none:"+f.ID, ""
	if f.Code != nil {
		asked, number = f.Code.ID, f.Code.Number
	}
	if err := s.o.Wallets.TakeTry(ctx, limits.Try(asked)); err != nil {
		return err
	}
	// A flow that leads nowhere uses up nobody's tries.
	subject := f.Subject
	if f.hollow() || number == "" {
		subject = s.nobody(f.ID)
	}
	err := s.o.Budget.Take(ctx, limits.TryOfFlow(f.Lane, subject, number)...)
	_, full := limits.Full(err)
	if err != nil && !full {
		return err
	}
	err = s.accept(ctx, f.ID, o, now, func(f *Flow) (engine.Evidence, bool) {
		if f.Code != nil && f.Code.ID == asked {
			f.CodeTries = f.CodeTries.With(now)
		}
		// A used up budget looks like a wrong code: it is shared by all flows of
		// the subject, and must not tell one account from another (V15).
		if full || f.Code == nil || f.Code.ID != asked || f.Code.Number == "" || f.hollow() {
			return engine.Evidence{Method: engine.SMS}, false
		}
		e := engine.Evidence{Method: engine.SMS, Number: f.Code.Number, At: now}
		if !f.Code.Good(s.o.Wallets.CodeMAC(f.codeUse(f.Code.Number), secret.NewString(digits)), now) {
			return e, false
		}
		f.Code = nil
		return e, true
	})
	if err != nil {
		return err
	}
	return s.o.Budget.WorkedIn(ctx, f.Lane, f.Subject, number)
}

// takeSavedCode spends a saved code with auth. Auth is asked about nobody too,
// so that the time of the answer tells nothing. Only the flow's own tries are
// counted: 80 random bits can't be tried through, and a budget that all flows
// of an account share would let strangers keep its owner's code out.
func (s *Service) takeSavedCode(ctx context.Context, f *Flow, o record.Origin, typed secret.String, now time.Time) error {
	if slices.ContainsFunc(f.Evidence, func(e engine.Evidence) bool { return e.Method == engine.SavedCode }) {
		return nil // it counts once (V3): a second one would only be lost
	}
	code, ok := humantext.SavedCode(typed.Reveal())
	if !ok {
		return errNoSavedCode
	}
	if err := s.o.Wallets.TakeTry(ctx, limits.Try("saved:"+f.ID)); err != nil {
		return err
	}
	// The same code again in the same flow is the same redemption: a lost answer
	// loses no code.
	redemption := f.ID + "-" + hex.EncodeToString(s.o.Key.MAC("redemption", f.ID, code))[:16]
	account := f.Subject
	if f.hollow() {
		account = s.nobody(f.ID)
	}
	err := s.o.Accounts.RedeemSavedCode(ctx, account, secret.NewString(code), redemption)
	if err != nil && !errors.Is(err, wallet.ErrCode) {
		return err
	}
	valid := err == nil
	return s.accept(ctx, f.ID, o, now, func(f *Flow) (engine.Evidence, bool) {
		f.SavedTries = f.SavedTries.With(now)
		return engine.Evidence{Method: engine.SavedCode, At: now}, valid && !f.hollow()
	})
}

// accept records what check says of an evidence. Error: wallet.ErrCode when it is refused.
func (s *Service) accept(ctx context.Context, flow string, o record.Origin, now time.Time, check func(*Flow) (engine.Evidence, bool)) error {
	return s.update(ctx, flow, now, func(f *Flow) (post.Effects, error) {
		if err := f.open(now); err != nil {
			return post.Effects{}, err
		}
		e, ok := check(f)
		data := record.Data{"method": e.Method}
		if e.Number != "" {
			data["phone"] = e.Number
		}
		if !ok {
			refused := f.event(now, record.RecoveryEvidenceRefused, record.Refused, o, data)
			return post.Effects{Events: []record.Event{refused}, Refused: wallet.ErrCode}, nil
		}
		events := []record.Event{f.event(now, record.RecoveryEvidenceAccepted, record.Success, o, data)}
		first := !f.Proved()
		f.Evidence = append(f.Evidence, e)
		if first {
			events = append(events, f.event(now, record.RecoveryPossessionProved, record.Success, o, data))
		}
		return post.Effects{Events: events}, nil
	})
}
