package objection

import (
	"context"
	"errors"
	"slices"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
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
	// Flow and OpenFlows are claim.Store's.
	Flow(ctx context.Context, id string) (claim.Flow, error)
	OpenFlows(ctx context.Context, account string, now time.Time) ([]claim.Flow, error)
}

// What is refused; ErrVetoInvalid is one answer for every reason.
var (
	ErrVetoInvalid = fault.New(fault.KindNotFound, fault.CodeVetoInvalid, "the link is not valid, was used, or its recovery is over")
	ErrCompleting  = fault.New(fault.KindConflict, fault.CodeConflict, "its password is being set at this moment: look again in a minute")
	ErrStranger    = fault.New(fault.KindConflict, fault.CodeConflict, "a new device signed in to the account less than 30 days ago, so a session stops a recovery only while it waits on one proof: reply from one of your numbers, with the word in its text")
)

// Options is what the use cases need.
type Options struct {
	Store   Store
	Wallets *wallet.Service
	Claims  *claim.Service
	Policy  engine.Policy
	Clock   clock.Clock
}

// Service is the use cases. It is safe for concurrent use.
type Service struct{ o Options }

// New returns the use cases.
func New(o Options) *Service { return &Service{o} }

// ByToken objects to the recovery that the text with this token told of, and says
// what that did. Error: ErrVetoInvalid (unknown, used, over, or the number has no
// word now: V4).
func (s *Service) ByToken(ctx context.Context, o record.Origin, token secret.String) (Outcome, error) {
	hash := claim.VetoHash(token)
	f, err := s.o.Store.FlowByVetoToken(ctx, hash)
	if errors.Is(err, claim.ErrNoFlow) {
		return Outcome{}, ErrVetoInvalid
	}
	if err != nil {
		return Outcome{}, err
	}
	w, err := s.o.Wallets.Wallet(ctx, f.Account)
	if err != nil {
		return Outcome{}, err
	}
	at := slices.IndexFunc(f.VetoTokens, func(t claim.VetoToken) bool { return t.Hash == hash })
	if at < 0 || !s.o.Policy.MayObject(w.Facts(), f.VetoTokens[at].Number, s.o.Clock.Now()) {
		return Outcome{}, ErrVetoInvalid
	}
	outcome, heard, err := s.object(ctx, f.ID, f.VetoTokens[at].Number, hash, o)
	if err == nil && !heard {
		err = ErrVetoInvalid // a racer with the same token, or it completes meanwhile
	}
	return outcome, err
}
