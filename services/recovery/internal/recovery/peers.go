package recovery

import (
	"context"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/shared/secret"
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
}

// Accounts is what recovery needs of auth. Errors: ErrUnavailableAuth (nothing is
// known), and those of the methods.
type Accounts interface {
	// Lookup finds the account behind an identifier.
	Lookup(ctx context.Context, identifier, device string) (Account, error)
	// Facts are those of an account; Found false when it is gone.
	Facts(ctx context.Context, account, device string) (Account, error)
	// RedeemSavedCode spends a saved code once; the same redemption may be
	// repeated. ErrCode: it is not valid.
	RedeemSavedCode(ctx context.Context, account string, code secret.String, redemption string) error
	// ResetPassword sets it and ends all sessions; idempotent by reset. A
	// refused password comes back as auth's own fault, with its fields.
	ResetPassword(ctx context.Context, account string, password secret.String, reset string) error
}

// Places is what recovery needs of audit.
type Places interface {
	// Familiarity says whether the address is one of the account's usual ones.
	Familiarity(ctx context.Context, account, address string) (engine.Known, error)
}
