package claim

import (
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/fault"
)

// What is refused. ErrRecovery and wallet.ErrCode are each one answer for every
// reason, so that they tell nothing (V15).
var (
	ErrTooManyStarts = fault.New(fault.KindTooMany, fault.CodeTooManyRequests, "too many recoveries were started from here")
	ErrRecovery      = fault.New(fault.KindUnauthenticated, fault.CodeRecoveryInvalid, "no such recovery, or not its secret")
	ErrNotAllowedYet = fault.New(fault.KindConflict, fault.CodeRecoveryNotAllowedYet, "the password can't be set yet")
	ErrEnded         = fault.New(fault.KindConflict, fault.CodeRecoveryEnded, "this recovery is over: start again")
	ErrExpired       = fault.New(fault.KindGone, fault.CodeRecoveryEnded, "this recovery has expired: start again")
	ErrNoFlow        = fault.New(fault.KindNotFound, fault.CodeNotFound, "no such recovery")
	// ErrChanged: the account's security changed after what a reset was decided on.
	ErrChanged = fault.New(fault.KindConflict, fault.CodeConflict, "the account changed meanwhile")

	// errNoSavedCode is a code that can't be a saved one; it costs no try.
	errNoSavedCode = wallet.ErrCode.WithDetail("the code is not a saved code: it has letters and digits in groups of four")
)
