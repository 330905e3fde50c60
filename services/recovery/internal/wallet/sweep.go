package wallet

import (
	"context"
	"time"

	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/shared/record"
)

// Sweep does what is due now: it reports removals whose window is over, and
// forgets the codes of numbers that were never proved.
func (s *Service) Sweep(ctx context.Context) error {
	return due.Queue{Due: s.o.Store.DueWallets, PutOff: s.o.Store.PutOffWallet, Do: s.sweepWallet}.Work(ctx, s.o.Clock.Now())
}

func (s *Service) sweepWallet(ctx context.Context, account string, now time.Time) error {
	return s.Update(ctx, account, func(w *Wallet) (post.Effects, error) {
		var effects post.Effects
		for i := range w.Numbers {
			n := &w.Numbers[i]
			if n.Gone || s.state(*n, now) != engine.Removed {
				continue
			}
			n.Gone, n.Code = true, nil
			if len(n.Proofs) > 0 {
				effects.Events = append(effects.Events, post.Event(now, record.PhoneRemoved, record.Success, account, n.ID, record.Origin{}, record.Data{"number": n.Masked}))
			}
		}
		return effects, nil
	})
}
