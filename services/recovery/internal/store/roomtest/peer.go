package roomtest

import (
	"context"
	"slices"
	"sync"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/fault"
	"centinela/shared/secret"
)

// The account that there is, and what its owner has.
const (
	Owner    = "acc_aaaaaaaaaaaaaaaaaaaaaaaa"
	Session  = "ses_aaaaaaaaaaaaaaaaaaaaaaaa"
	Name     = "ana"
	Saved    = "K7QM-2F9X-WB4T-Z6HR"
	NotSaved = "AAAA-BBBB-CCCC-DDDD" // has the form of one
	Password = "pelican orbit mustard 42 lantern"
)

// ErrWeak is what auth says of a weak password.
var ErrWeak = fault.New(fault.KindInvalid, fault.CodePasswordTooWeak, "too weak")

// Peer is auth and audit, with one account. Its fields are set before a call, or
// by Set.
type Peer struct {
	mu       sync.Mutex
	Account  wallet.Account
	Down     bool // auth
	Silent   bool // auth, when it is asked for facts
	Place    engine.Known
	Blind    bool          // audit is down
	Thinks   time.Duration // what an account that exists costs more, in made up time only
	Ended    []string      // sessions
	Weak     bool          // refuse the next password
	Lost     bool          // lose the next answer of a reset that is done
	Unheard  bool          // lose the next reset before it is done
	OnReset  func()        // between a reset's arrival and its check
	Skew     time.Duration // of auth's clock
	Resets   []string
	Redeemed []string // accounts whose saved codes were tried
	Asked    int      // times that auth was asked for anything
	now      func() time.Time
}

// Set changes the peer while others use it.
func (p *Peer) Set(change func(*Peer)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *Peer) answer(found bool) (wallet.Account, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Asked++
	if p.Down || p.Silent {
		return wallet.Account{}, wallet.ErrUnavailableAuth
	}
	if !found {
		return wallet.Account{}, nil
	}
	if p.Thinks > 0 {
		<-time.After(p.Thinks)
	}
	a := p.Account
	a.ResetIDs = slices.Clone(p.Resets)
	return a, nil
}

// Lookup implements claim.Accounts.
func (p *Peer) Lookup(_ context.Context, identifier, _ string) (wallet.Account, error) {
	return p.answer(identifier == Name)
}

// Facts implements wallet.Accounts and claim.Accounts.
func (p *Peer) Facts(_ context.Context, account, _ string) (wallet.Account, error) {
	return p.answer(account == Owner)
}

// LiveSession implements wallet.Accounts.
func (p *Peer) LiveSession(_ context.Context, _, session string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Asked++
	switch {
	case p.Down:
		return wallet.ErrUnavailableAuth
	case slices.Contains(p.Ended, session):
		return wallet.ErrSessionEnded
	}
	return nil
}

// RedeemSavedCode implements claim.Accounts.
func (p *Peer) RedeemSavedCode(_ context.Context, account string, code secret.String, _ string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Redeemed = append(p.Redeemed, account)
	if p.Down {
		return wallet.ErrUnavailableAuth
	}
	if account != Owner || code.Reveal() != savedForm {
		return wallet.ErrCode
	}
	return nil
}

const savedForm = "K7QM2F9XWB4TZ6HR"

// ResetPassword implements claim.Accounts: compare-and-set, idempotent by reset.
func (p *Peer) ResetPassword(_ context.Context, _ string, _ secret.String, reset string, version int64) error {
	p.mu.Lock()
	hook := p.OnReset
	p.OnReset = nil
	p.mu.Unlock()
	if hook != nil {
		hook()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.Down || p.Unheard:
		p.Unheard = false
		return wallet.ErrUnavailableAuth
	case slices.Contains(p.Resets, reset):
		return nil
	case p.Weak:
		p.Weak = false
		return ErrWeak
	case version != p.Account.SecurityVersion:
		return claim.ErrChanged
	}
	p.Resets = append(p.Resets, reset)
	p.Account.ResetAt = p.now().Add(p.Skew)
	p.Account.SecurityVersion++
	if p.Lost {
		p.Lost = false
		return wallet.ErrUnavailableAuth
	}
	return nil
}

// Familiarity implements claim.Places.
func (p *Peer) Familiarity(context.Context, string, string) (engine.Known, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Blind {
		return engine.Unknown, wallet.ErrUnavailableAuth
	}
	return p.Place, nil
}
