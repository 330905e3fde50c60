package claim

import (
	"context"
	"slices"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/record"
)

// Stoppable reports whether an objection still counts: not when the flow's reset
// may be with auth already.
func (f *Flow) Stoppable(now time.Time) bool { return !f.Ended(now) && f.State != Completing }

// Object has a flow decided on with an objection in it (V8), and tell say what comes
// of it, in one step: tell gets the flow as it is then, where it stood before, and
// the account's numbers. Before possession nothing is decided: the objection is
// kept. link is the hash of a text's link, which is used up; empty without one. The
// account's record is written first: stopped in between, the same objection again
// goes on. heard false: the flow is over or with auth, or the link was used.
func (s *Service) Object(ctx context.Context, said engine.Objection, link string, o record.Origin, tell func(f *Flow, stood FlowState, w *wallet.Wallet) (post.Effects, error)) (heard bool, _ error) {
	f, err := s.o.Store.Flow(ctx, said.Flow)
	if err != nil || !f.object(said, link) {
		return false, err
	}
	k, err := s.gather(ctx, &f)
	if err == nil {
		err = s.heed(ctx, &f, k, said.At)
	}
	if err != nil {
		return false, err
	}
	err = s.update(ctx, f.ID, said.At, func(f *Flow) (effects post.Effects, err error) {
		stood := f.State
		if heard = f.object(said, link); !heard {
			return effects, nil
		}
		if f.Proved() {
			if effects, err = s.apply(f, k, o, said.At); err != nil {
				return effects, err
			}
		}
		told, err := tell(f, stood, &k.wallet)
		effects.Events, effects.Texts = append(effects.Events, told.Events...), append(effects.Texts, told.Texts...)
		return effects, err
	})
	return heard, err
}

// object adds an objection, and takes the link of that hash away.
func (f *Flow) object(said engine.Objection, link string) bool {
	left := slices.DeleteFunc(slices.Clone(f.VetoTokens), func(t VetoToken) bool { return t.Hash == link })
	if !f.Stoppable(said.At) || link != "" && len(left) == len(f.VetoTokens) {
		return false
	}
	f.VetoTokens, f.Objections = left, engine.With(f.Objections, said)
	return true
}

// heed writes what the flow's objections do into the account's record, if they do
// anything by now: before possession they don't.
func (s *Service) heed(ctx context.Context, f *Flow, k known, now time.Time) error {
	if d := engine.Decide(s.o.Policy, k.facts(f, now), now); len(d.Objections) > 0 {
		return s.o.Wallets.Object(ctx, f.Account, d.Objections)
	}
	return nil
}
