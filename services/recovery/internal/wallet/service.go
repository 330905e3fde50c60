package wallet

import (
	"context"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/shared/clock"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// Options is what the use cases need.
type Options struct {
	Store    Store
	Accounts Accounts
	Policy   engine.Policy
	Budget   *limits.Budget
	Writer   *post.Writer
	Key      secret.Key // seals numbers, makes the MACs of codes and numbers
	Clock    clock.Clock
	// FreshSignIn is how old a sign-in may be for what changes the ways in.
	FreshSignIn time.Duration
	Kick        func() // called after events or texts were written; never blocks
}

// Service is the use cases. It is safe for concurrent use.
type Service struct{ o Options }

// New returns the use cases.
func New(o Options) *Service { return &Service{o} }

// Person is who is signed in.
type Person struct {
	Account, Session string
	AuthTime         time.Time // of the last sign-in
}

// admit is the first step of what changes the ways in. It asks auth whether the
// session still lives: the token alone doesn't tell that it was ended a minute ago
// (AG D2). fresh: the sign-in must be a recent one, too. Errors: ErrFreshSignIn,
// ErrSessionEnded, ErrUnavailableAuth.
func (s *Service) admit(ctx context.Context, who Person, fresh bool, now time.Time) error {
	if fresh && now.Sub(who.AuthTime) >= s.o.FreshSignIn {
		return ErrFreshSignIn
	}
	return s.o.Accounts.LiveSession(ctx, who.Account, who.Session)
}

// event is about a person's own number.
func (who Person) event(now time.Time, action, outcome, number string, o record.Origin, data record.Data) record.Event {
	e := post.Event(now, action, outcome, who.Account, number, o, data)
	e.Session = who.Session
	return e
}

// Wallet returns the account's numbers.
func (s *Service) Wallet(ctx context.Context, account string) (Wallet, error) {
	return s.o.Store.Wallet(ctx, account)
}

// ByNumber returns the wallets that hold a number with that MAC.
func (s *Service) ByNumber(ctx context.Context, mac string) ([]Wallet, error) {
	return s.o.Store.WalletsByNumber(ctx, mac)
}

// Update changes a wallet and says when it is due again. Errors: the change's, and
// what it refused.
func (s *Service) Update(ctx context.Context, account string, change func(*Wallet) (post.Effects, error)) error {
	var refused error
	err := s.o.Store.UpdateWallet(ctx, account, func(w *Wallet) (post.Effects, error) {
		effects, err := change(w)
		refused = effects.Refused
		w.schedule(s.o.Policy)
		return effects, err
	})
	if err != nil {
		return err
	}
	s.o.Kick()
	return refused
}

// updateNumber is Update of a number that is there. Error: ErrPhoneNotFound.
func (s *Service) updateNumber(ctx context.Context, account, number string, now time.Time, change func(*Wallet, *Number) (post.Effects, error)) error {
	return s.Update(ctx, account, func(w *Wallet) (post.Effects, error) {
		n, err := s.present(w, number, now)
		if err != nil {
			return post.Effects{}, err
		}
		return change(w, n)
	})
}

// present is a number that isn't removed. Error: ErrPhoneNotFound.
func (s *Service) present(w *Wallet, number string, now time.Time) (*Number, error) {
	n := w.Number(number)
	if n == nil || s.state(*n, now) == engine.Removed {
		return nil, ErrPhoneNotFound
	}
	return n, nil
}

func (s *Service) state(n Number, now time.Time) engine.State {
	state, _ := s.o.Policy.StateOf(n.fact(), now)
	return state
}
