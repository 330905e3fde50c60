package wallet

import (
	"context"
	"time"
)

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
