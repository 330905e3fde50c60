package recovery

import (
	"context"
	"errors"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/shared/clock"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// ServiceName is this service's name in events.
const ServiceName = "recovery"

const freshSignIn = 10 * time.Minute // for changes of one's numbers

// Options is what the use cases need.
type Options struct {
	Store    Store
	Accounts Accounts
	Places   Places
	Policy   engine.Policy
	Key      secret.Key // seals numbers and texts, makes the MACs of codes and numbers
	Clock    clock.Clock
	// OriginHost is in the last line of a code's text, for autofill.
	OriginHost string
	// PublicURL is where a veto link leads to, without a slash at the end.
	PublicURL string
	// StartsPerAddress bounds recoveries started an hour from one address and
	// lane; StartsPerAccount bounds the anonymous ones a day for one account.
	StartsPerAddress, StartsPerAccount int
	// AnswerAfter is what the answers about a recovery take, or a multiple (V15).
	// Zero: as long as the work takes.
	AnswerAfter time.Duration
	// Kick is called after a write with events or texts.
	Kick func()
}

// Service is the use cases. It is safe for concurrent use.
type Service struct{ Options }

// New returns the use cases.
func New(o Options) *Service { return &Service{o} }

// Person is who is signed in.
type Person struct {
	Account, Session string
	AuthTime         time.Time // of the last sign-in
}

func (s *Service) fresh(who Person, now time.Time) error {
	if now.Sub(who.AuthTime) >= freshSignIn {
		return ErrFreshSignIn
	}
	return nil
}

// event starts an event about an account.
func (s *Service) event(now time.Time, action, outcome, account, target string, o record.Origin) record.Event {
	e := record.New(now, ServiceName, action, outcome, o)
	e.Account, e.Target = account, target
	return e
}

func (s *Service) updateWallet(ctx context.Context, account string, change func(*Wallet) (Effects, error)) error {
	err := s.Store.UpdateWallet(ctx, account, func(w *Wallet) (Effects, error) {
		effects, err := change(w)
		w.schedule(s.Policy)
		return effects, err
	})
	if err == nil {
		s.Kick()
	}
	return err
}

func (s *Service) updateFlow(ctx context.Context, id string, change func(*Flow) (Effects, error)) error {
	err := s.Store.UpdateFlow(ctx, id, func(f *Flow) (Effects, error) {
		effects, err := change(f)
		f.schedule()
		return effects, err
	})
	if err == nil {
		s.Kick()
	}
	return err
}

// overLimit raises a counter and tells whether it is above limit now. It is
// raised before what it counts is done, and outside of its transaction (V17).
func (s *Service) overLimit(ctx context.Context, key string, now time.Time, window time.Duration, limit int) (bool, error) {
	n, err := s.Store.Count(ctx, key, now, window)
	return n > limit, err
}

// isNoFlow tells a flow that isn't there from a store that fails.
func isNoFlow(err error) bool { return errors.Is(err, ErrNoFlow) }
