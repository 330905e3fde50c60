package claim

import (
	"context"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/clock"
	"centinela/shared/secret"
)

// Accounts is what recoveries need of auth. Errors: wallet.ErrUnavailableAuth
// (nothing is known), and those of the methods.
type Accounts interface {
	// Lookup finds the account behind an identifier.
	Lookup(ctx context.Context, identifier, device string) (wallet.Account, error)
	// Facts are those of an account; Found false when it is gone.
	Facts(ctx context.Context, account, device string) (wallet.Account, error)
	// RedeemSavedCode spends a saved code once; the same redemption may be
	// repeated. wallet.ErrCode: it is not valid.
	RedeemSavedCode(ctx context.Context, account string, code secret.String, redemption string) error
	// ResetPassword sets it and ends all sessions, if the account's security
	// version still is that one (else ErrChanged); idempotent by reset, whatever the
	// version. A refused password comes back as auth's own fault, with its fields.
	ResetPassword(ctx context.Context, account string, password secret.String, reset string, version int64) error
}

// Places is what recoveries need of audit.
type Places interface {
	// Familiarity says whether the address is one of the account's usual ones.
	Familiarity(ctx context.Context, account, address string) (engine.Known, error)
}

// Texts are those that were written with a flow (post.Store).
type Texts interface {
	TextsOf(ctx context.Context, flow string) ([]post.Text, error)
}

// Options is what the use cases need.
type Options struct {
	Store    Store
	Texts    Texts
	Wallets  *wallet.Service
	Accounts Accounts
	Places   Places
	Policy   engine.Policy
	Budget   *limits.Budget
	Writer   *post.Writer
	Key      secret.Key // makes the MACs of identifiers and redemptions
	Clock    clock.Clock
	// PublicURL is where a veto link leads to, without a slash at the end.
	PublicURL string
	// AnswerAfter is what the answers about a recovery take, or a multiple (V15).
	AnswerAfter time.Duration
	Kick        func() // called after events or texts were written; never blocks
}

// Service is the use cases. It is safe for concurrent use.
type Service struct{ o Options }

// New returns the use cases.
func New(o Options) *Service { return &Service{o} }

// update changes a flow, says when it is due again, and withdraws its texts when
// this is its end.
func (s *Service) update(ctx context.Context, id string, now time.Time, change func(*Flow) (post.Effects, error)) error {
	err := s.o.Store.UpdateFlow(ctx, id, func(f *Flow) (post.Effects, error) {
		before := f.State
		effects, err := change(f)
		if f.State.over() && !before.over() {
			f.EndedAt, effects.Over = now, now
		}
		f.schedule()
		return effects, err
	})
	if err == nil {
		s.o.Kick()
	}
	return err
}
