package claim

import (
	"context"
	"time"

	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/record"
)

// Stoppable reports whether an objection still ends the flow: not when its reset
// may be with auth already.
func (f *Flow) Stoppable(now time.Time) bool { return !f.Ended(now) && f.State != Completing }

// Stop ends the flow from a number and tells the account's others. It reports
// whether it was this call that did: of several exactly one.
func (s *Service) Stop(ctx context.Context, f Flow, number string, o record.Origin) (stopped bool, _ error) {
	now := s.o.Clock.Now()
	w, err := s.o.Wallets.Wallet(ctx, f.Account)
	if err != nil {
		return false, err
	}
	err = s.update(ctx, f.ID, now, func(f *Flow) (post.Effects, error) {
		if stopped = f.Stoppable(now); !stopped {
			return post.Effects{}, nil
		}
		f.State = Vetoed
		e := f.event(now, record.RecoveryVetoed, record.Success, o, record.Data{"phone": number})
		texts, err := s.o.Wallets.Notices(&w, wallet.Notice{Owner: f.ID, Except: number, Said: post.RecoveryStopped, Name: "vetoed"}, now)
		return post.Effects{Events: []record.Event{e}, Texts: texts}, err
	})
	return stopped, err
}

// supersede ends the other recoveries of the account: whoever else was waiting
// must start again, under the eyes of who just got it back. One that is with
// auth already is refused there, and ends then.
func (s *Service) supersede(ctx context.Context, done *Flow, o record.Origin, now time.Time) error {
	flows, err := s.o.Store.OpenFlows(ctx, done.Account, now)
	if err != nil {
		return err
	}
	for _, f := range flows {
		if f.ID == done.ID || f.State == Completing {
			continue
		}
		if err := s.end(ctx, f.ID, o, now); err != nil {
			return err
		}
	}
	return nil
}

// end refuses a flow because another one of the account was completed.
func (s *Service) end(ctx context.Context, flow string, o record.Origin, now time.Time) error {
	return s.update(ctx, flow, now, func(f *Flow) (post.Effects, error) {
		if f.Ended(now) {
			return post.Effects{}, nil
		}
		return f.refuse("another recovery of the account was completed", o, now), nil
	})
}

func (f *Flow) refuse(why string, o record.Origin, now time.Time) post.Effects {
	f.State = RefusedOut
	e := f.event(now, record.RecoveryRefused, record.Refused, o, nil)
	e.Reason = why
	return post.Effects{Events: []record.Event{e}}
}
