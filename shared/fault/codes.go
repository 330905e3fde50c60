package fault

import "slices"

// Code is the stable name of an error; clients switch on it. The same list is
// the enum ErrorCode in openapi/common.yaml, and a test compares the two.
type Code string

// The codes, in the order of the enum.
const (
	// CodeInternal: an error of ours; the log has the cause.
	CodeInternal Code = "internal"
	// CodeTimeout: the work took longer than it may.
	CodeTimeout Code = "timeout"
	// CodeRequestTimeout: the client's body came too slowly, or not whole.
	CodeRequestTimeout Code = "request_timeout"
	// CodeUnavailable: a part that is needed doesn't answer.
	CodeUnavailable Code = "unavailable"
	// CodeInvalidRequest: the request breaks the specification.
	CodeInvalidRequest Code = "invalid_request"
	// CodeInvalidJSON: the body isn't JSON.
	CodeInvalidJSON Code = "invalid_json"
	// CodeUnknownField: the body has a field that the operation doesn't know.
	CodeUnknownField Code = "unknown_field"
	// CodeInvalidField: a field has a wrong value.
	CodeInvalidField Code = "invalid_field"
	// CodeInvalidCursor: the page cursor isn't one that we gave.
	CodeInvalidCursor Code = "invalid_cursor"
	// CodeUnknownRoute: no operation has this path.
	CodeUnknownRoute Code = "unknown_route"
	// CodeMethodNotAllowed: the path has no such method.
	CodeMethodNotAllowed Code = "method_not_allowed"
	// CodeBodyTooLarge: the body is longer than the operation takes.
	CodeBodyTooLarge Code = "body_too_large"
	// CodeUnsupportedMediaType: the body's type isn't one that the operation takes.
	CodeUnsupportedMediaType Code = "unsupported_media_type"
	// CodeUnauthenticated: a person's token is needed.
	CodeUnauthenticated Code = "unauthenticated"
	// CodeTokenInvalid: the token isn't ours or was changed.
	CodeTokenInvalid Code = "token_invalid"
	// CodeTokenExpired: the token was good once.
	CodeTokenExpired Code = "token_expired"
	// CodeSessionRevoked: the session was ended.
	CodeSessionRevoked Code = "session_revoked"
	// CodeFreshSignInRequired: the sign-in is too old for this.
	CodeFreshSignInRequired Code = "fresh_sign_in_required"
	// CodeForbidden: the person may not do this.
	CodeForbidden Code = "forbidden"
	// CodeCallerNotAllowed: the calling service may not use this operation.
	CodeCallerNotAllowed Code = "caller_not_allowed"
	// CodeNotFound: it doesn't exist, or isn't this person's.
	CodeNotFound Code = "not_found"
	// CodeConflict: it changed meanwhile, or its state doesn't allow this.
	CodeConflict Code = "conflict"
	// CodeNameTaken: an account has this name.
	CodeNameTaken Code = "name_taken"
	// CodeCredentialsInvalid: name and password don't go together.
	CodeCredentialsInvalid Code = "credentials_invalid"
	// CodePasswordTooWeak: the password is guessed too easily.
	CodePasswordTooWeak Code = "password_too_weak"
	// CodeTooManyRequests: a rate limit refused the request.
	CodeTooManyRequests Code = "too_many_requests"
	// CodeTooManyConnections: a connection limit refused the socket.
	CodeTooManyConnections Code = "too_many_connections"
	// CodeRefusedByFirewall: a firewall verdict refused the request.
	CodeRefusedByFirewall Code = "refused_by_firewall"
	// CodeChallengeRequired: the request wants proof of a human first.
	CodeChallengeRequired Code = "challenge_required"
	// CodeBusy: the service has all the work it can hold.
	CodeBusy Code = "busy"
	// CodeLimitReached: a quota of the account is used up.
	CodeLimitReached Code = "limit_reached"
	// CodePhoneInvalid: it isn't a phone number.
	CodePhoneInvalid Code = "phone_invalid"
	// CodePhoneNotMobile: the number can't receive texts.
	CodePhoneNotMobile Code = "phone_not_mobile"
	// CodePhoneTaken: the number can't be added to this account.
	CodePhoneTaken Code = "phone_taken"
	// CodeCodeInvalid: the code isn't the one that was sent.
	CodeCodeInvalid Code = "code_invalid"
	// CodeCodeExhausted: the code had all its tries.
	CodeCodeExhausted Code = "code_exhausted"
	// CodeRecoveryInvalid: no such recovery, or it isn't this device's.
	CodeRecoveryInvalid Code = "recovery_invalid"
	// CodeRecoveryNotAllowedYet: the wait isn't over.
	CodeRecoveryNotAllowedYet Code = "recovery_not_allowed_yet"
	// CodeRecoveryEnded: the recovery was completed, stopped or ran out.
	CodeRecoveryEnded Code = "recovery_ended"
	// CodeVetoInvalid: the veto link isn't one that we sent.
	CodeVetoInvalid Code = "veto_invalid"
	// CodeConversationNotFound: no such conversation for this person.
	CodeConversationNotFound Code = "conversation_not_found"
	// CodeMessageInvalid: the message breaks the rules of the chat.
	CodeMessageInvalid Code = "message_invalid"
	// CodeProtocolViolation: the frame isn't one that the socket's state allows.
	CodeProtocolViolation Code = "protocol_violation"
	// CodeSlowConsumer: the socket doesn't read what is sent to it.
	CodeSlowConsumer Code = "slow_consumer"
	// CodeDevOnly: only the development profile has this.
	CodeDevOnly Code = "dev_only"
	// CodeDeadlineExceeded: too little of the caller's time was left to start.
	CodeDeadlineExceeded Code = "deadline_exceeded"
	// CodeIdempotencyMismatch: the idempotency key was used with another body.
	CodeIdempotencyMismatch Code = "idempotency_mismatch"
	// CodeOriginNotAllowed: the page's origin isn't on the list.
	CodeOriginNotAllowed Code = "origin_not_allowed"
	// CodeSMSUndeliverable: the text can't be delivered to this number.
	CodeSMSUndeliverable Code = "sms_undeliverable"
	// CodeVerdictInvalid: the firewall verdict isn't one that can be applied.
	CodeVerdictInvalid Code = "verdict_invalid"
)

// codes lists every constant above once.
var codes = []Code{
	CodeInternal,
	CodeTimeout,
	CodeRequestTimeout,
	CodeUnavailable,
	CodeInvalidRequest,
	CodeInvalidJSON,
	CodeUnknownField,
	CodeInvalidField,
	CodeInvalidCursor,
	CodeUnknownRoute,
	CodeMethodNotAllowed,
	CodeBodyTooLarge,
	CodeUnsupportedMediaType,
	CodeUnauthenticated,
	CodeTokenInvalid,
	CodeTokenExpired,
	CodeSessionRevoked,
	CodeFreshSignInRequired,
	CodeForbidden,
	CodeCallerNotAllowed,
	CodeNotFound,
	CodeConflict,
	CodeNameTaken,
	CodeCredentialsInvalid,
	CodePasswordTooWeak,
	CodeTooManyRequests,
	CodeTooManyConnections,
	CodeRefusedByFirewall,
	CodeChallengeRequired,
	CodeBusy,
	CodeLimitReached,
	CodePhoneInvalid,
	CodePhoneNotMobile,
	CodePhoneTaken,
	CodeCodeInvalid,
	CodeCodeExhausted,
	CodeRecoveryInvalid,
	CodeRecoveryNotAllowedYet,
	CodeRecoveryEnded,
	CodeVetoInvalid,
	CodeConversationNotFound,
	CodeMessageInvalid,
	CodeProtocolViolation,
	CodeSlowConsumer,
	CodeDevOnly,
	CodeDeadlineExceeded,
	CodeIdempotencyMismatch,
	CodeOriginNotAllowed,
	CodeSMSUndeliverable,
	CodeVerdictInvalid,
}

// Codes is a copy of the list of all codes.
func Codes() []Code { return slices.Clone(codes) }

// Known reports whether c is one of ours; a peer's or a caller's text may not be.
func (c Code) Known() bool { return slices.Contains(codes, c) }
