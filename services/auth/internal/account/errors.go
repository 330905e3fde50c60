package account

import "centinela/shared/fault"

// What the use cases answer, beside the errors of name, password and throttle. Each is one body for all its causes.
var (
	// ErrNotFound: unknown, or somebody else's; the two are never told apart.
	ErrNotFound = fault.New(fault.KindNotFound, fault.CodeNotFound, "there is no such thing")
	// ErrNameTaken: the user name, or one that looks like it, is in use.
	ErrNameTaken = fault.New(fault.KindConflict, fault.CodeNameTaken, "this user name, or one that looks the same, is taken")
	// ErrCredentials: unknown user or wrong password.
	ErrCredentials = fault.New(fault.KindUnauthenticated, fault.CodeCredentialsInvalid, "the user name or the password is wrong")
	// ErrWrongPassword: the current password, asked for again. Not 401: no other token would help (RFC 9110 §15.5.2), and
	// clients that refresh and send again would spend a second try.
	ErrWrongPassword = fault.New(fault.KindUnprocessable, fault.CodeCredentialsInvalid, "the current password is wrong").WithFields(
		fault.Field{Pointer: "/current_password", Code: string(fault.CodeCredentialsInvalid), Detail: "is wrong"})
	// ErrTokenInvalid: no refresh token of ours, or one that was spent.
	ErrTokenInvalid = fault.New(fault.KindUnauthenticated, fault.CodeTokenInvalid, "the refresh token is not valid, sign in again")
	// ErrTokenExpired: the session was idle for too long, or is too old.
	ErrTokenExpired = fault.New(fault.KindUnauthenticated, fault.CodeTokenExpired, "the session has expired, sign in again")
	// ErrSessionRevoked: the session was ended.
	ErrSessionRevoked = fault.New(fault.KindUnauthenticated, fault.CodeSessionRevoked, "the session is over, sign in again")
	// ErrNotFresh: the sign-in is too long ago for what is asked.
	ErrNotFresh = fault.New(fault.KindForbidden, fault.CodeFreshSignInRequired, "sign in again to do this")
	// ErrSecurityChanged: a recovery was decided on what the account no longer is.
	ErrSecurityChanged = fault.New(fault.KindConflict, fault.CodeConflict, "the account's security changed meanwhile")
	// ErrCodeInvalid: no saved code of the account, or a spent one.
	ErrCodeInvalid = fault.New(fault.KindUnprocessable, fault.CodeCodeInvalid, "the code is not valid").WithFields(
		fault.Field{Pointer: "/code", Code: string(fault.CodeCodeInvalid), Detail: "is not a good one"})
)
