package claim

import (
	"context"
	"slices"
	"time"

	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/record"
)

// completingFor is how long a reset may be on its way before it counts as lost.
const completingFor = time.Minute

// Sweep does what is due now: announcements half-way and before the end, and
// what was stopped half done.
func (s *Service) Sweep(ctx context.Context) error {
	return due.Queue{Due: s.o.Store.DueFlows, PutOff: s.o.Store.PutOffFlow, Do: s.sweepFlow}.Work(ctx, s.o.Clock.Now())
}

func (s *Service) sweepFlow(ctx context.Context, flow string, now time.Time) error {
	f, err := s.o.Store.Flow(ctx, flow)
	if err != nil {
		return err
	}
	switch {
	case f.State == Completing:
		return s.resolveReset(ctx, &f, now)
	case f.undecided() && !f.Ended(now):
		_, err := s.decide(ctx, flow, f.origin())
		return err
	}
	w, err := s.o.Wallets.Wallet(ctx, f.Account)
	if err != nil {
		return err
	}
	texts, err := s.o.Store.TextsOf(ctx, flow)
	if err != nil {
		return err
	}
	return s.update(ctx, flow, now, func(f *Flow) (post.Effects, error) {
		if f.State == Waiting && !f.Ended(now) {
			f.delay(f.runsFrom(texts, now))
		}
		return s.remind(f, &w, now)
	})
}

func (f *Flow) origin() record.Origin { return record.Origin{Address: f.Address, Device: f.Device} }

// remind announces a running wait again when it is time to, each time once.
func (s *Service) remind(f *Flow, w *wallet.Wallet, now time.Time) (post.Effects, error) {
	if f.State != Waiting || f.Ended(now) {
		f.HalfReminded, f.LastReminded = true, true
		if f.Ended(now) && !f.State.over() {
			f.State = Expired
		}
		return post.Effects{}, nil
	}
	when := ""
	if !now.Before(f.halfway()) && !f.HalfReminded {
		f.HalfReminded, when = true, "half"
	}
	if at, ok := f.finalCall(); ok && !now.Before(at) && !f.LastReminded {
		f.LastReminded, when = true, "last"
	}
	if when == "" || !now.Before(f.EarliestAt) {
		return post.Effects{}, nil
	}
	return s.announce(f, w, when, now)
}

// resolveReset finds out what became of a reset whose caller was not heard of again:
// auth has its id, or another one's, or nothing came to it (KA D3).
func (s *Service) resolveReset(ctx context.Context, f *Flow, now time.Time) error {
	a, err := s.o.Accounts.Facts(ctx, f.Account, f.Device)
	switch {
	case err != nil:
		return err
	case slices.Contains(a.ResetIDs, f.ID):
		_, err := s.finish(ctx, f.ID, f.origin())
		return err
	case f.overtakenBy(a):
		return s.end(ctx, f.ID, f.origin(), now)
	case now.Before(f.CompletingAt.Add(completingFor)): // somebody else looked at it meanwhile
		return nil
	}
	return s.reopen(ctx, f.ID, now)
}
