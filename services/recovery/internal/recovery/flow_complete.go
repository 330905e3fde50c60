package recovery

import (
	"context"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/shared/fault"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// completingFor is how long a reset may be on its way before sweep asks auth
// what became of it.
const completingFor = time.Minute

// Complete sets the new password when the decision allows it. The sequence is
// safe to stop anywhere: the flow is marked Completing with its decision; auth
// resets (idempotent by the flow's id); the wallet gets its proofs and notices;
// the account's other flows end; the flow is marked Completed, last, because
// until then sweep goes on with it. Errors: ErrRecovery, ErrEnded, ErrExpired,
// ErrNotAllowedYet, auth's own for a weak password, ErrUnavailableAuth.
func (s *Service) Complete(ctx context.Context, o record.Origin, flow string, token, password secret.String) (FlowView, error) {
	now := s.Clock.Now()
	f, err := s.claim(ctx, flow, token)
	if err != nil {
		return FlowView{}, err
	}
	if err := f.open(now); err != nil {
		return FlowView{}, err
	}
	if f.hollow() || !f.Possession {
		return FlowView{}, ErrNotAllowedYet
	}
	o.Device = f.Device
	if f.State != Completing {
		if err := s.begin(ctx, &f, o, now); err != nil {
			return FlowView{}, err
		}
	}
	if err := s.Accounts.ResetPassword(ctx, f.Account, password, f.ID); err != nil {
		return FlowView{}, s.resetRefused(ctx, f.ID, err)
	}
	return s.finish(ctx, f.ID, o)
}

// begin decides with fresh facts and claims the completion.
func (s *Service) begin(ctx context.Context, f *Flow, o record.Origin, now time.Time) error {
	k, err := s.gather(ctx, f)
	if err != nil {
		return err
	}
	var refused error
	err = s.updateFlow(ctx, f.ID, func(f *Flow) (Effects, error) {
		refused = nil
		if err := f.open(now); err != nil {
			return Effects{}, err
		}
		effects, err := s.apply(f, k, o, now)
		switch {
		case err != nil:
		case f.State == Ready:
			f.State, f.CompletingAt = Completing, now
		case f.State == Completing: // a parallel call was quicker; auth takes the first
		case f.State == Waiting:
			refused = ErrNotAllowedYet.WithDetail("the password can be set from " + f.EarliestAt.Format(time.RFC3339))
		case f.State == RefusedOut:
			refused = ErrEnded
		default:
			refused = ErrNotAllowedYet.WithDetail("more evidence is needed first")
		}
		return effects, err
	})
	if err == nil {
		err = refused
	}
	return err
}

// resetRefused opens the flow again when auth said no; when nobody knows what
// auth did, it stays Completing and may be asked again.
func (s *Service) resetRefused(ctx context.Context, flow string, cause error) error {
	if fault.From(cause).Kind != fault.KindInvalid {
		return cause
	}
	err := s.updateFlow(ctx, flow, func(f *Flow) (Effects, error) {
		if f.State == Completing {
			f.State, f.CompletingAt = Ready, time.Time{}
		}
		return Effects{}, nil
	})
	if err != nil {
		return err
	}
	return cause
}

// finish records what auth did. Repeating it changes nothing more.
func (s *Service) finish(ctx context.Context, flow string, o record.Origin) (FlowView, error) {
	now := s.Clock.Now()
	f, err := s.Store.Flow(ctx, flow)
	if err != nil {
		return FlowView{}, err
	}
	if err := s.keepProofs(ctx, &f, now); err != nil {
		return FlowView{}, err
	}
	if err := s.supersede(ctx, &f, o, now); err != nil {
		return FlowView{}, err
	}
	var view FlowView
	err = s.updateFlow(ctx, flow, func(f *Flow) (Effects, error) {
		var effects Effects
		if f.State != Completed {
			f.State, f.EndedAt = Completed, now
			done := s.event(now, record.RecoveryCompleted, record.Success, f.Account, f.ID, o)
			if n := len(f.Decisions); n > 0 {
				done.Data = record.Data{"decision": f.Decisions[n-1].Hash}
			}
			effects.Events = append(effects.Events, done)
		}
		view = s.view(f, now)
		return effects, nil
	})
	return view, err
}

// keepProofs gives the numbers their proofs of this flow, and tells all of the
// completion: the texts' names are the flow's, so a repeated step sends none twice.
func (s *Service) keepProofs(ctx context.Context, f *Flow, now time.Time) error {
	return s.updateWallet(ctx, f.Account, func(w *Wallet) (Effects, error) {
		var effects Effects
		for _, n := range s.all(w, now) {
			text, err := s.newText(w.Account, w.Account, n, "notice", "completed:"+f.ID, secret.NewString(noticeCompleted.in(w.Locale)("")), now)
			if err != nil {
				return Effects{}, err
			}
			effects.Texts = append(effects.Texts, text)
		}
		for _, e := range f.Evidence {
			if n := w.number(e.Number); e.Method == engine.SMS && n != nil && len(n.Proofs) > 0 {
				n.Proofs = s.addProof(n.Proofs, e.At)
			}
		}
		return effects, nil
	})
}

// supersede ends the other recoveries of the account: whoever else was waiting
// must start again, under the eyes of who just got it back.
func (s *Service) supersede(ctx context.Context, done *Flow, o record.Origin, now time.Time) error {
	flows, err := s.Store.OpenFlows(ctx, done.Account, now)
	if err != nil {
		return err
	}
	for _, f := range flows {
		if f.ID == done.ID {
			continue
		}
		err := s.updateFlow(ctx, f.ID, func(f *Flow) (Effects, error) {
			if f.ended(now) || f.State == Completing {
				return Effects{}, nil
			}
			f.State, f.EndedAt = RefusedOut, now
			e := s.event(now, record.RecoveryRefused, record.Refused, f.Account, f.ID, o)
			e.Reason = "another recovery of the account was completed"
			return Effects{Events: []record.Event{e}}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
