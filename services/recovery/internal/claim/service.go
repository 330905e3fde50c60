package claim

import (
	"context"
	"time"

	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/clock"
	"centinela/shared/fault"
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

// Store keeps flows. Every method is atomic; callbacks may run several times and
// must only change their argument; a callback's error comes back as it is, and
// nothing is written. Errors else: unavailable, the context's.
type Store interface {
	// CreateFlow keeps a new flow.
	CreateFlow(ctx context.Context, f Flow, e post.Effects) error
	// Flow returns a flow, or ErrNoFlow.
	Flow(ctx context.Context, id string) (Flow, error)
	// UpdateFlow loads, changes and keeps a flow, or ErrNoFlow.
	UpdateFlow(ctx context.Context, id string, change func(*Flow) (post.Effects, error)) error
	// FlowsOfAccount returns the newest flows first.
	FlowsOfAccount(ctx context.Context, account string, limit int) ([]Flow, error)
	// OpenFlows returns all flows of the account whose OpenUntil is after now, in
	// any order.
	OpenFlows(ctx context.Context, account string, now time.Time) ([]Flow, error)
	// DueFlows returns the ids of flows whose time has come (NextAt, or when they
	// were put off to), the longest due first.
	DueFlows(ctx context.Context, now time.Time, limit int) ([]due.Item, error)
	// PutOffFlow makes one that is due again at next, whatever is in it; the next
	// UpdateFlow ends that. One that isn't due any more is left alone.
	PutOffFlow(ctx context.Context, item due.Item, next time.Time) error
	// TextsOf returns the texts that were written with a flow, also finished ones,
	// in any order.
	TextsOf(ctx context.Context, flow string) ([]post.Text, error)
	// PruneFlows deletes flows with ForgetAt not after now, at most limit, and
	// returns how many.
	PruneFlows(ctx context.Context, now time.Time, limit int) (int, error)
	// KeepPolicy keeps a policy's text by its hash, once, for as long as there may be
	// decisions by it.
	KeepPolicy(ctx context.Context, hash, text string) error
}

// What is refused. ErrRecovery and wallet.ErrCode are each one answer for every
// reason, so that they tell nothing (V15).
var (
	ErrTooManyStarts = fault.New(fault.KindTooMany, fault.CodeTooManyRequests, "too many recoveries were started from here")
	ErrRecovery      = fault.New(fault.KindUnauthenticated, fault.CodeRecoveryInvalid, "no such recovery, or not its secret")
	ErrNotAllowedYet = fault.New(fault.KindConflict, fault.CodeRecoveryNotAllowedYet, "the password can't be set yet")
	ErrEnded         = fault.New(fault.KindConflict, fault.CodeRecoveryEnded, "this recovery is over: start again")
	ErrExpired       = fault.New(fault.KindGone, fault.CodeRecoveryEnded, "this recovery has expired: start again")
	ErrNoPolicy      = fault.New(fault.KindNotFound, fault.CodeNotFound, "no such policy")
	ErrNoFlow        = fault.New(fault.KindNotFound, fault.CodeNotFound, "no such recovery")
	// ErrChanged: the account's security changed after what a reset was decided on.
	ErrChanged = fault.New(fault.KindConflict, fault.CodeConflict, "the account changed meanwhile")

	// errNoSavedCode is a code that can't be a saved one; it costs no try.
	errNoSavedCode = wallet.ErrCode.WithDetail("the code is not a saved code: it has letters and digits in groups of four")
)

// Options is what the use cases need.
type Options struct {
	Store    Store
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
// this is its end. Errors: the change's, and what it refused.
func (s *Service) update(ctx context.Context, id string, now time.Time, change func(*Flow) (post.Effects, error)) error {
	var refused error
	err := s.o.Store.UpdateFlow(ctx, id, func(f *Flow) (post.Effects, error) {
		before := f.State
		effects, err := change(f)
		refused = effects.Refused
		if f.State.over() && !before.over() {
			f.EndedAt, effects.Over = now, now
		}
		f.schedule()
		return effects, err
	})
	if err != nil {
		return err
	}
	s.o.Kick()
	return refused
}
