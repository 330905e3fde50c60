package fault

import "slices"

// Code is the stable name of an error; clients switch on it. The same list is
// the enum ErrorCode in openapi/common.yaml, and a test compares the two.
type Code string

// The codes, in the order of the enum.
const (
	CodeInternal              Code = "internal"                 // an error of ours; the log has the cause
	CodeTimeout               Code = "timeout"                  // the work took longer than it may
	CodeRequestTimeout        Code = "request_timeout"          // the client's body came too slowly, or not whole
	CodeUnavailable           Code = "unavailable"              // a part that is needed doesn't answer
	CodeInvalidRequest        Code = "invalid_request"          // the request breaks the specification
	CodeInvalidJSON           Code = "invalid_json"             // the body isn't JSON
	CodeUnknownField          Code = "unknown_field"            // the body has a field that the operation doesn't know
	CodeInvalidField          Code = "invalid_field"            // a field has a wrong value
	CodeInvalidCursor         Code = "invalid_cursor"           // the page cursor isn't one that we gave
	CodeUnknownRoute          Code = "unknown_route"            // no operation has this path
	CodeMethodNotAllowed      Code = "method_not_allowed"       // the path has no such method
	CodeBodyTooLarge          Code = "body_too_large"           // the body is longer than the operation takes
	CodeUnsupportedMediaType  Code = "unsupported_media_type"   // the body's type isn't one that the operation takes
	CodeUnauthenticated       Code = "unauthenticated"          // a person's token is needed
	CodeTokenInvalid          Code = "token_invalid"            // the token isn't ours or was changed
	CodeTokenExpired          Code = "token_expired"            // the token was good once
	CodeSessionRevoked        Code = "session_revoked"          // the session was ended
	CodeFreshSignInRequired   Code = "fresh_sign_in_required"   // the sign-in is too old for this
	CodeForbidden             Code = "forbidden"                // the person may not do this
	CodeCallerNotAllowed      Code = "caller_not_allowed"       // the calling service may not use this operation
	CodeNotFound              Code = "not_found"                // it doesn't exist, or isn't this person's
	CodeConflict              Code = "conflict"                 // it changed meanwhile, or its state doesn't allow this
	CodeNameTaken             Code = "name_taken"               // an account has this name
	CodeCredentialsInvalid    Code = "credentials_invalid"      // name and password don't go together
	CodePasswordTooWeak       Code = "password_too_weak"        // the password is guessed too easily
	CodeTooManyRequests       Code = "too_many_requests"        // a rate limit refused the request
	CodeTooManyConnections    Code = "too_many_connections"     // a connection limit refused the socket
	CodeRefusedByFirewall     Code = "refused_by_firewall"      // a firewall verdict refused the request
	CodeChallengeRequired     Code = "challenge_required"       // the request wants proof of a human first
	CodeBusy                  Code = "busy"                     // the service has all the work it can hold
	CodeLimitReached          Code = "limit_reached"            // a quota of the account is used up
	CodePhoneInvalid          Code = "phone_invalid"            // it isn't a phone number
	CodePhoneNotMobile        Code = "phone_not_mobile"         // the number can't receive texts
	CodePhoneTaken            Code = "phone_taken"              // the number can't be added to this account
	CodeCodeInvalid           Code = "code_invalid"             // the code isn't the one that was sent
	CodeCodeExhausted         Code = "code_exhausted"           // the code had all its tries
	CodeRecoveryInvalid       Code = "recovery_invalid"         // no such recovery, or it isn't this device's
	CodeRecoveryNotAllowedYet Code = "recovery_not_allowed_yet" // the wait isn't over
	CodeRecoveryEnded         Code = "recovery_ended"           // the recovery was completed, stopped or ran out
	CodeVetoInvalid           Code = "veto_invalid"             // the veto link isn't one that we sent
	CodeConversationNotFound  Code = "conversation_not_found"   // no such conversation for this person
	CodeMessageInvalid        Code = "message_invalid"          // the message breaks the rules of the chat
	CodeProtocolViolation     Code = "protocol_violation"       // the frame isn't one that the socket's state allows
	CodeSlowConsumer          Code = "slow_consumer"            // the socket doesn't read what is sent to it
	CodeDevOnly               Code = "dev_only"                 // only the development profile has this
	CodeDeadlineExceeded      Code = "deadline_exceeded"        // too little of the caller's time was left to start
	CodeIdempotencyMismatch   Code = "idempotency_mismatch"     // the idempotency key was used with another body
	CodeOriginNotAllowed      Code = "origin_not_allowed"       // the page's origin isn't on the list
	CodeSMSUndeliverable      Code = "sms_undeliverable"        // the text can't be delivered to this number
	CodeVerdictInvalid        Code = "verdict_invalid"          // the firewall verdict isn't one that can be applied
)

// codes lists every constant above once.
var codes = []Code{
	CodeInternal, CodeTimeout, CodeRequestTimeout, CodeUnavailable, CodeInvalidRequest, CodeInvalidJSON,
	CodeUnknownField, CodeInvalidField, CodeInvalidCursor, CodeUnknownRoute, CodeMethodNotAllowed, CodeBodyTooLarge,
	CodeUnsupportedMediaType, CodeUnauthenticated, CodeTokenInvalid, CodeTokenExpired, CodeSessionRevoked,
	CodeFreshSignInRequired, CodeForbidden, CodeCallerNotAllowed, CodeNotFound, CodeConflict, CodeNameTaken,
	CodeCredentialsInvalid, CodePasswordTooWeak, CodeTooManyRequests, CodeTooManyConnections, CodeRefusedByFirewall,
	CodeChallengeRequired, CodeBusy, CodeLimitReached, CodePhoneInvalid, CodePhoneNotMobile, CodePhoneTaken,
	CodeCodeInvalid, CodeCodeExhausted, CodeRecoveryInvalid, CodeRecoveryNotAllowedYet, CodeRecoveryEnded,
	CodeVetoInvalid, CodeConversationNotFound, CodeMessageInvalid, CodeProtocolViolation, CodeSlowConsumer, CodeDevOnly,
	CodeDeadlineExceeded, CodeIdempotencyMismatch, CodeOriginNotAllowed, CodeSMSUndeliverable, CodeVerdictInvalid,
}

// Codes is a copy of the list of all codes.
func Codes() []Code { return slices.Clone(codes) }

// Known reports whether c is one of ours; a peer's or a caller's text may not be.
func (c Code) Known() bool { return slices.Contains(codes, c) }
