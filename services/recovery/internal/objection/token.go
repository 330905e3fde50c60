package objection

import (
	"context"
	"errors"
	"slices"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// Store finds recoveries by what is in a text.
type Store interface {
	// FlowByVetoToken returns the flow with that token's hash (hex), or claim.ErrNoFlow.
	FlowByVetoToken(ctx context.Context, hash string) (claim.Flow, error)
	// OpenFlows is claim.Store's.
	OpenFlows(ctx context.Context, account string, now time.Time) ([]claim.Flow, error)
}

// What is refused.
var (
	ErrVetoInvalid = fault.New(fault.KindNotFound, fault.CodeVetoInvalid, "the link is not valid, was used, or its recovery is over")
	ErrVetoesUsed  = fault.New(fault.KindConflict, fault.CodeLimitReached, "this number has stopped two recoveries in 90 days already and can't stop another: sign in and change the password")
)

// Options is what the use cases need.
type Options struct {
	Store   Store
	Wallets *wallet.Service
	Claims  *claim.Service
	Policy  engine.Policy
	Budget  *limits.Budget
	Clock   clock.Clock
}

// Service is the use cases. It is safe for concurrent use.
type Service struct{ o Options }

// New returns the use cases.
func New(o Options) *Service { return &Service{o} }

// ByToken stops the recovery that the text with this token told of. Errors:
// ErrVetoInvalid (unknown, used, over, or the number has no power now),
// ErrVetoesUsed (V8).
func (s *Service) ByToken(ctx context.Context, o record.Origin, token secret.String) error {
	now := s.o.Clock.Now()
	hash := claim.VetoHash(token)
	f, err := s.o.Store.FlowByVetoToken(ctx, hash)
	if errors.Is(err, claim.ErrNoFlow) {
		return ErrVetoInvalid
	}
	if err != nil {
		return err
	}
	at := slices.IndexFunc(f.VetoTokens, func(t claim.VetoToken) bool { return t.Hash == hash })
	if at < 0 || !f.Stoppable(now) {
		return ErrVetoInvalid
	}
	number := f.VetoTokens[at].Number
	if err := s.spendVeto(ctx, f.Account, number, f.ID, o, now); err != nil {
		return err
	}
	stopped, err := s.o.Claims.Stop(ctx, f, number, o)
	if err == nil && !stopped {
		return ErrVetoInvalid // a racer with the same token, or it completes meanwhile
	}
	return err
}

// spendVeto marks a veto of the number before the flow is stopped: stopped in
// between, the same key again goes on. Errors: ErrVetoInvalid (V4), ErrVetoesUsed (V8).
func (s *Service) spendVeto(ctx context.Context, account, number, key string, o record.Origin, now time.Time) error {
	return s.o.Wallets.Update(ctx, account, func(w *wallet.Wallet) (post.Effects, error) {
		n := w.Number(number)
		if n == nil {
			return post.Effects{}, ErrVetoInvalid
		}
		if slices.ContainsFunc(n.Vetoes, func(v engine.VetoMark) bool { return v.Key == key }) {
			return post.Effects{}, nil
		}
		rule, ok := s.o.Policy.MayVeto(w.Facts(), number, now)
		if !ok {
			refused := ErrVetoInvalid
			if rule == engine.V8 {
				refused = ErrVetoesUsed
			}
			e := post.Event(now, record.RecoveryVetoed, record.Refused, account, number, o, record.Data{"rule": string(rule), "phone": number})
			e.Reason = refused.Error()
			return post.Effects{Events: []record.Event{e}, Refused: refused}, nil
		}
		recent := slices.DeleteFunc(slices.Clone(n.Vetoes), func(v engine.VetoMark) bool { return now.Sub(v.At) >= s.o.Policy.Vetoes.Window })
		n.Vetoes = append(recent, engine.VetoMark{Key: key, At: now})
		return post.Effects{}, nil
	})
}
