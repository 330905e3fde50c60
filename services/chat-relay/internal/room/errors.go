package room

import (
	"fmt"

	"centinela/shared/fault"
)

// What can go wrong. A conversation of others is ErrConversationNotFound, exactly like one that doesn't exist.
var (
	ErrConversationNotFound = fault.New(fault.KindNotFound, fault.CodeConversationNotFound, "there is no such conversation")
	ErrPersonNotFound       = fault.New(fault.KindNotFound, fault.CodeNotFound, "there is nobody with this user name")
	ErrMembers              = fault.New(fault.KindInvalid, fault.CodeInvalidField, "these members don't make a conversation")
	ErrTitle                = fault.New(fault.KindInvalid, fault.CodeInvalidField, "only a group has a title")
	ErrMessageInvalid       = fault.New(fault.KindInvalid, fault.CodeMessageInvalid, "a message is 1 to 4,000 characters and not blank")
	ErrReplyTo              = fault.New(fault.KindInvalid, fault.CodeMessageInvalid, "the message that this replies to is not in the conversation")
	ErrMismatch             = fault.New(fault.KindConflict, fault.CodeIdempotencyMismatch, "this client_id was used for another message")
	ErrTooManyMessages      = fault.New(fault.KindTooMany, fault.CodeTooManyRequests, "more messages than a person writes")
	ErrBusy                 = fault.New(fault.KindUnavailable, fault.CodeBusy, "more messages than can be stored")
	ErrStopping             = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "the relay stops")
)

// Panicked is a panic behind a command that another goroutine carried out; it has been reported.
type Panicked struct{ Cause any }

// Error says that it was one, without its value, which may hold anything.
func (p *Panicked) Error() string { return fmt.Sprintf("a panic (%T) behind a command", p.Cause) }

// Unpublished is why a message that is stored isn't answered: what comes before it couldn't be read. The sender asks again.
type Unpublished struct{ Err error }

// Error is the cause's.
func (u *Unpublished) Error() string { return "stored, not published: " + u.Err.Error() }

// Unwrap is the cause.
func (u *Unpublished) Unwrap() error { return u.Err }
