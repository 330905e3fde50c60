package wallet

import (
	"centinela/services/recovery/internal/limits"
	"centinela/shared/fault"
)

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
