package recovery

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/shared/record"
)

const (
	sweepEach  = time.Second // real time: how often the (perhaps travelled) clock is looked at
	pruneEach  = 10 * time.Minute
	sweepBatch = 100
)

// RunSweeps does what happens by time alone, until ctx ends. Several may run on
// one store: each step happens once.
func (s *Service) RunSweeps(ctx context.Context, log *slog.Logger) error {
	ticker := time.NewTicker(sweepEach)
	defer ticker.Stop()
	prune := time.NewTicker(pruneEach)
	defer prune.Stop()
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			log.Warn("sweep: not finished, trying again", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-prune.C:
			if err := s.Store.Prune(ctx, s.Clock.Now()); err != nil && ctx.Err() == nil {
				log.Warn("prune: not finished, trying again", "error", err.Error())
			}
		}
	}
}

// Sweep does what is due now: announcements half-way and before the end, removals
// whose window is over, and what was stopped half done.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.Clock.Now()
	accounts, flows, err := s.Store.Due(ctx, now, sweepBatch)
	if err != nil {
		return err
	}
	// One that fails must not hold the others up.
	var failed []error
	for _, account := range accounts {
		failed = append(failed, s.sweepWallet(ctx, account, now))
	}
	for _, flow := range flows {
		failed = append(failed, s.sweepFlow(ctx, flow, now))
	}
	return errors.Join(failed...)
}

// sweepWallet reports removals and forgets numbers that were never proved.
func (s *Service) sweepWallet(ctx context.Context, account string, now time.Time) error {
	return s.updateWallet(ctx, account, func(w *Wallet) (Effects, error) {
		var effects Effects
		for i := range w.Numbers {
			n := &w.Numbers[i]
			if n.Gone || s.state(w, n.ID, now) != engine.Removed {
				continue
			}
			n.Gone, n.Code = true, nil
			if len(n.Proofs) > 0 {
				removed := s.event(now, record.PhoneRemoved, record.Success, account, n.ID, record.Origin{})
				removed.Data = record.Data{"number": n.Masked}
				effects.Events = append(effects.Events, removed)
			}
		}
		return effects, nil
	})
}

func (s *Service) sweepFlow(ctx context.Context, flow string, now time.Time) error {
	f, err := s.Store.Flow(ctx, flow)
	if err != nil {
		return err
	}
	switch {
	case f.State == Completing:
		return s.settle(ctx, &f, now)
	case f.undecided() && !f.ended(now):
		_, err := s.decide(ctx, flow, record.Origin{Address: f.Address, Device: f.Device})
		return err
	}
	w, err := s.Store.Wallet(ctx, f.Account)
	if err != nil {
		return err
	}
	texts, err := s.Store.TextsOf(ctx, flow)
	if err != nil {
		return err
	}
	return s.updateFlow(ctx, flow, func(f *Flow) (Effects, error) {
		if f.State == Waiting && !f.ended(now) {
			f.delay(f.toldAt(texts, now))
		}
		return s.remind(f, &w, now)
	})
}

// remind announces a running wait again when it is time to, each time once.
func (s *Service) remind(f *Flow, w *Wallet, now time.Time) (Effects, error) {
	if f.State != Waiting || f.ended(now) {
		f.HalfTold, f.LastTold = true, true
		if f.ended(now) && !f.State.over() {
			f.State = Expired
		}
		return Effects{}, nil
	}
	when := ""
	if !now.Before(f.halfway()) && !f.HalfTold {
		f.HalfTold, when = true, "half"
	}
	if at, ok := f.finalCall(); ok && !now.Before(at) && !f.LastTold {
		f.LastTold, when = true, "last"
	}
	if when == "" || !now.Before(f.EarliestAt) {
		return Effects{}, nil
	}
	return s.announce(f, w, when, now)
}

func (state FlowState) over() bool {
	return state == Completed || state == Vetoed || state == RefusedOut
}

// settle finds out what became of a reset whose caller was not heard of again.
func (s *Service) settle(ctx context.Context, f *Flow, now time.Time) error {
	a, err := s.Accounts.Facts(ctx, f.Account, f.Device)
	if err != nil {
		return err
	}
	if !a.ResetAt.IsZero() && !a.ResetAt.Before(f.CompletingAt) {
		_, err := s.finish(ctx, f.ID, record.Origin{Address: f.Address, Device: f.Device})
		return err
	}
	return s.updateFlow(ctx, f.ID, func(f *Flow) (Effects, error) {
		if f.State == Completing && !now.Before(f.CompletingAt.Add(completingFor)) {
			f.State, f.CompletingAt = Ready, time.Time{}
		}
		return Effects{}, nil
	})
}
