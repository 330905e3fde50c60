package wallet

import (
	"context"
	"time"

	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// Store keeps wallets. Every method is atomic; callbacks may run several times
// and must only change their argument; a callback's error comes back as it is,
// and nothing is written. Errors else: unavailable, the context's.
type Store interface {
	// Wallet returns the account's wallet, an empty one when there is none.
	Wallet(ctx context.Context, account string) (Wallet, error)
	// UpdateWallet loads (or starts), changes and keeps a wallet.
	UpdateWallet(ctx context.Context, account string, change func(*Wallet) (post.Effects, error)) error
	// WalletsByNumber returns the wallets that hold a number with that MAC, by account.
	WalletsByNumber(ctx context.Context, mac string) ([]Wallet, error)
	// DueWallets returns the accounts of wallets whose time has come (NextAt, or
	// when they were put off to), the longest due first.
	DueWallets(ctx context.Context, now time.Time, limit int) ([]due.Item, error)
	// PutOffWallet makes one that is due again at next, whatever is in it; the next
	// UpdateWallet ends that. One that isn't due any more is left alone.
	PutOffWallet(ctx context.Context, item due.Item, next time.Time) error
}

// Account is what auth tells of an account. Zero times: it never happened.
type Account struct {
	Found            bool
	ID               string
	Locale           string
	DeviceKnown      bool
	SecurityChangeAt time.Time
	ResetAt          time.Time
	UnfamiliarAt     time.Time // newest sign-in from a device that was new then
	// SecurityVersion counts the account's security changes: a reset names the one
	// that it was decided on (V22).
	SecurityVersion int64
	// ResetIDs are the ids of the resets that were done, newest last, the last ones only.
	ResetIDs []string
}

// LastReset is the id of the newest reset; empty: there was none.
func (a Account) LastReset() string {
	if len(a.ResetIDs) == 0 {
		return ""
	}
	return a.ResetIDs[len(a.ResetIDs)-1]
}

// Accounts is what wallets need of auth. Error: ErrUnavailableAuth (nothing is known).
type Accounts interface {
	// Facts are those of an account; Found false when it is gone. device is a
	// device key's hash, or empty.
	Facts(ctx context.Context, account, device string) (Account, error)
	// LiveSession is nil while that session of the account lives. Errors also:
	// ErrSessionEnded.
	LiveSession(ctx context.Context, account, session string) error
}

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

// Alive is nil while the person's session lives, by auth's word. Errors:
// ErrSessionEnded, ErrUnavailableAuth.
func (s *Service) Alive(ctx context.Context, who Person) error {
	return s.admit(ctx, who, false, s.o.Clock.Now())
}

// Unfamiliar is when somebody last signed in to the account from a device that was new
// then; zero: never. Error: ErrUnavailableAuth.
func (s *Service) Unfamiliar(ctx context.Context, account string) (time.Time, error) {
	a, err := s.o.Accounts.Facts(ctx, account, "")
	return a.UnfamiliarAt, err
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

// updateNumber is Update of a number that is there, which it returns as it is then.
// Error: ErrPhoneNotFound.
func (s *Service) updateNumber(ctx context.Context, account, number string, now time.Time, change func(*Wallet, *Number) (post.Effects, error)) (view View, _ error) {
	err := s.Update(ctx, account, func(w *Wallet) (post.Effects, error) {
		n, err := s.present(w, number, now)
		if err != nil {
			return post.Effects{}, err
		}
		effects, err := change(w, n)
		view = s.view(w, number, now)
		return effects, err
	})
	return view, err
}

// own is a person's wallet, and a number that isn't removed in it. Error: ErrPhoneNotFound.
func (s *Service) own(ctx context.Context, who Person, number string, now time.Time) (*Wallet, *Number, error) {
	w, err := s.o.Store.Wallet(ctx, who.Account)
	if err != nil {
		return nil, nil, err
	}
	n, err := s.present(&w, number, now)
	return &w, n, err
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
	state, _ := s.o.Policy.StateOf(n.Number, now)
	return state
}

// What is refused.
var (
	ErrPhoneInvalid    = fault.New(fault.KindInvalid, fault.CodePhoneInvalid, "not a phone number in international form, like +51 987 654 321")
	ErrPhoneNotMobile  = fault.New(fault.KindInvalid, fault.CodePhoneNotMobile, "this number can't receive texts")
	ErrPhoneTaken      = fault.New(fault.KindConflict, fault.CodePhoneTaken, "this number is yours already")
	ErrPhoneLimit      = fault.New(fault.KindConflict, fault.CodeLimitReached, "an account has at most 5 numbers: retire one first")
	ErrPhoneNotFound   = fault.New(fault.KindNotFound, fault.CodeNotFound, "you have no such number")
	ErrPhoneState      = fault.New(fault.KindConflict, fault.CodeConflict, "the number's state doesn't allow this")
	ErrFreshSignIn     = fault.New(fault.KindForbidden, fault.CodeFreshSignInRequired, "sign in again first: this needs a sign-in of the last minutes")
	ErrSessionEnded    = fault.New(fault.KindUnauthenticated, fault.CodeSessionRevoked, "this session was ended: sign in again")
	ErrTooManyTexts    = fault.New(fault.KindTooMany, fault.CodeTooManyRequests, "too many codes: wait before you ask for another")
	ErrCode            = codeFault("is not valid")
	ErrNoCode          = codeFault("is not a code: it has 8 digits")
	ErrCodeExhausted   = fault.New(fault.KindTooMany, fault.CodeCodeExhausted, "too many tries")
	ErrUnavailableAuth = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "the accounts can't be asked at the moment")
)

// codeFault is a wrong code: no token would help, so it is no 401 (NC A5).
func codeFault(detail string) *fault.Error {
	return fault.New(fault.KindUnprocessable, fault.CodeCodeInvalid, "the code "+detail).
		WithFields(fault.Field{Pointer: "/code", Code: string(fault.CodeCodeInvalid), Detail: detail})
}

// tooManyTexts says of a full limit how long to wait; other errors stay.
func tooManyTexts(err error) error {
	if wait, full := limits.Full(err); full {
		return ErrTooManyTexts.WithRetryAfter(wait)
	}
	return err
}
