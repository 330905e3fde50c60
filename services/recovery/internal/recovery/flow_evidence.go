package recovery

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// AddEvidence takes a code that was sent (engine.SMS) or a saved code
// (engine.SavedCode), and decides anew. Errors: ErrRecovery, ErrEnded,
// ErrExpired, ErrCode, ErrCodeExhausted, ErrUnavailableAuth.
func (s *Service) AddEvidence(ctx context.Context, o record.Origin, flow string, token secret.String, method string, code secret.String) (_ FlowView, failed error) {
	defer s.pace(ctx)(&failed)
	now := s.Clock.Now()
	f, err := s.claim(ctx, flow, token)
	if err != nil {
		return FlowView{}, err
	}
	if err := f.open(now); err != nil {
		return FlowView{}, err
	}
	o.Device = f.Device
	if method == engine.SavedCode {
		err = s.takeSavedCode(ctx, &f, o, code, now)
	} else {
		err = s.takeText(ctx, &f, o, code, now)
	}
	if err != nil {
		return FlowView{}, err
	}
	return s.decide(ctx, flow, o)
}

// takeText checks the code of the flow's last text, exactly once.
func (s *Service) takeText(ctx context.Context, f *Flow, o record.Origin, code secret.String, now time.Time) error {
	asked, number := "none:"+f.ID, ""
	if f.Code != nil {
		asked, number = f.Code.ID, f.Code.Number
	}
	if err := s.spendTry(ctx, asked, now); err != nil {
		return err
	}
	budget := lanes(f.Lane, f.Subject, number)
	may, err := s.mayTry(ctx, budget, now)
	if err != nil {
		return err
	}
	err = s.accept(ctx, f.ID, o, now, func(f *Flow) (Evidence, bool) {
		// A used up budget looks like a wrong code: it is shared by all flows of
		// the subject, and must not tell one account from another (V15).
		if !may || f.Code == nil || f.Code.ID != asked || f.Code.Number == "" || f.hollow() {
			return Evidence{Method: engine.SMS}, false
		}
		mac := s.codeMAC(purposeRecover, f.ID, f.Code.Number, f.Device, code)
		e := Evidence{Method: engine.SMS, Number: f.Code.Number, At: now}
		if !f.Code.good(mac, now) {
			return e, false
		}
		f.Code = nil
		return e, true
	})
	if err != nil {
		return err
	}
	return s.tryWorked(ctx, budget)
}

// lanes names the budget of tries of one number in a lane.
func lanes(lane, subject, number string) string { return lane + ":" + subject + ":" + number }

// takeSavedCode spends a saved code with auth. Auth is asked about nobody too,
// so that the time of the answer tells nothing. Only the flow's own tries are
// counted: 80 random bits can't be tried through, and a budget that all flows
// of an account share would let strangers keep its owner's code out.
func (s *Service) takeSavedCode(ctx context.Context, f *Flow, o record.Origin, code secret.String, now time.Time) error {
	if err := s.spendTry(ctx, "saved:"+f.ID, now); err != nil {
		return err
	}
	if slices.ContainsFunc(f.Evidence, func(e Evidence) bool { return e.Method == engine.SavedCode }) {
		return nil // it counts once (V3): a second one would only be lost
	}
	// The same code again in the same flow is the same redemption: a lost answer
	// loses no code.
	redemption := f.ID + "-" + hex.EncodeToString(s.Key.MAC("redemption", f.ID, code.Reveal()))[:16]
	account := f.Subject
	if f.hollow() {
		account = s.nobody(f.ID)
	}
	err := s.Accounts.RedeemSavedCode(ctx, account, code, redemption)
	if err != nil && !errors.Is(err, ErrCode) {
		return err
	}
	valid := err == nil
	return s.accept(ctx, f.ID, o, now, func(f *Flow) (Evidence, bool) {
		return Evidence{Method: engine.SavedCode, At: now}, valid && !f.hollow()
	})
}

// accept records what check says of an evidence. Error: ErrCode when it is refused.
func (s *Service) accept(ctx context.Context, flow string, o record.Origin, now time.Time, check func(*Flow) (Evidence, bool)) error {
	var refused error
	err := s.updateFlow(ctx, flow, func(f *Flow) (Effects, error) {
		refused = nil
		if err := f.open(now); err != nil {
			return Effects{}, err
		}
		e, ok := check(f)
		about := record.Data{"method": e.Method}
		if e.Number != "" {
			about["phone"] = e.Number
		}
		if !ok {
			refused = ErrCode
			bad := s.event(now, record.RecoveryEvidenceRefused, record.Refused, f.Account, f.ID, o)
			bad.Data = about
			return Effects{Events: []record.Event{bad}}, nil
		}
		good := s.event(now, record.RecoveryEvidenceAccepted, record.Success, f.Account, f.ID, o)
		good.Data = about
		effects := Effects{Events: []record.Event{good}}
		f.Evidence = append(f.Evidence, e)
		if e.Method == engine.SMS && !f.Possession {
			f.Possession = true
			proved := s.event(now, record.RecoveryPossessionProved, record.Success, f.Account, f.ID, o)
			proved.Data = about
			effects.Events = append(effects.Events, proved)
		}
		return effects, nil
	})
	if err == nil {
		err = refused
	}
	return err
}

// undecided: an evidence came after the last decision, because we were stopped
// between the two.
func (f *Flow) undecided() bool {
	if f.Account == "" || len(f.Evidence) == 0 {
		return false
	}
	newest := f.Evidence[len(f.Evidence)-1].At
	return len(f.Decisions) == 0 || f.Decisions[len(f.Decisions)-1].At.Before(newest)
}
