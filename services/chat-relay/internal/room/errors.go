package room

import (
	"errors"

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

// What isn't the sender's fault, and is reported where it happened.
var (
	// ErrPanicked is a panic behind a command that another goroutine carried out. Its value may hold anything: it isn't told.
	ErrPanicked = errors.New("a panic behind a command")
	// ErrUnpublished is why a message that is stored isn't answered: what comes before it couldn't be read. Ask again.
	ErrUnpublished = errors.New("stored, not published")
)
