package objection

import (
	"context"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/clock"
	"centinela/shared/fault"
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
