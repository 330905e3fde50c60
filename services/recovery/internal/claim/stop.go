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
		e := post.Event(now, record.RecoveryVetoed, record.Success, f.Account, f.ID, o)
		e.Data = record.Data{"phone": number}
		texts, err := s.o.Wallets.Notices(&w, wallet.Notice{Owner: f.ID, Except: number, Said: post.RecoveryStopped, Name: "vetoed"}, now)
		return post.Effects{Events: []record.Event{e}, Texts: texts}, err
	})
	return stopped, err
}
