package recovery

import "centinela/shared/fault"

// What the use cases refuse with. ErrRecovery and ErrCode are each one answer
// for every reason, so that they tell nothing (V15).
var (
	ErrPhoneInvalid    = fault.New(fault.KindInvalid, fault.CodePhoneInvalid, "not a phone number in international form, like +51 987 654 321")
	ErrPhoneNotMobile  = fault.New(fault.KindInvalid, fault.CodePhoneNotMobile, "this number can't receive texts")
	ErrPhoneTaken      = fault.New(fault.KindConflict, fault.CodePhoneTaken, "this number is yours already")
	ErrPhoneLimit      = fault.New(fault.KindConflict, fault.CodeLimitReached, "an account has at most 5 numbers: retire one first")
	ErrPhoneNotFound   = fault.New(fault.KindNotFound, fault.CodeNotFound, "you have no such number")
	ErrPhoneState      = fault.New(fault.KindConflict, fault.CodeConflict, "the number's state doesn't allow this")
	ErrFreshSignIn     = fault.New(fault.KindForbidden, fault.CodeFreshSignInRequired, "sign in again first: this needs a sign-in of the last 10 minutes")
	ErrTooManyTexts    = fault.New(fault.KindTooMany, fault.CodeTooManyRequests, "too many codes: wait before you ask for another")
	ErrTooManyStarts   = fault.New(fault.KindTooMany, fault.CodeTooManyRequests, "too many recoveries were started from here")
	ErrCode            = fault.New(fault.KindUnauthenticated, fault.CodeCodeInvalid, "the code is not valid")
	ErrCodeExhausted   = fault.New(fault.KindTooMany, fault.CodeCodeExhausted, "too many tries")
	ErrRecovery        = fault.New(fault.KindUnauthenticated, fault.CodeRecoveryInvalid, "no such recovery, or not its secret")
	ErrNotAllowedYet   = fault.New(fault.KindConflict, fault.CodeRecoveryNotAllowedYet, "the password can't be set yet")
	ErrEnded           = fault.New(fault.KindConflict, fault.CodeRecoveryEnded, "this recovery is over: start again")
	ErrExpired         = fault.New(fault.KindGone, fault.CodeRecoveryEnded, "this recovery has expired: start again")
	ErrVetoInvalid     = fault.New(fault.KindNotFound, fault.CodeVetoInvalid, "the link is not valid, was used, or its recovery is over")
	ErrVetoesUsed      = fault.New(fault.KindConflict, fault.CodeLimitReached, "this number has stopped two recoveries in 90 days already and can't stop another: sign in and change the password")
	ErrNoFlow          = fault.New(fault.KindNotFound, fault.CodeNotFound, "no such recovery")
	ErrNoText          = fault.New(fault.KindNotFound, fault.CodeNotFound, "no such text")
	ErrUnavailableAuth = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "the accounts can't be asked at the moment")
)
