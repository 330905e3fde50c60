package sms

import (
	"context"
	"errors"
	"regexp"
	"time"
	"unicode/utf8"

	"centinela/shared/fault"
	"centinela/shared/secret"
)

// MaxBody is the longest text in characters (Twilio's Messages API, `Body`).
const MaxBody = 1600

// Message is one text to one number.
type Message struct {
	// ID is the sender's idempotency key: 1 to 64 of A–Z, a–z, 0–9, _ and -.
	ID string
	// To is the number in E.164 ("+34600000000").
	To string
	// Body is 1 to MaxBody characters.
	Body secret.String
}

// Status is how far a message is known to have come.
type Status string

// The states, in the order in which a message goes through them. Failed can follow any but Delivered.
const (
	Accepted  Status = "accepted"  // the provider has it, no sender number chosen yet
	Queued    Status = "queued"    // waiting at the provider
	Sent      Status = "sent"      // with the carrier
	Delivered Status = "delivered" // on the phone
	Failed    Status = "failed"    // will not arrive
)

// Delivery is news of a message that was sent.
type Delivery struct {
	ProviderID string // what Send returned
	Status     Status
	// Failure says why Status is Failed (ErrUndeliverable or ErrUnavailable), else nil.
	Failure error
}

// Reply is a text that somebody sent to us.
type Reply struct {
	ProviderID string // unique: news of it can come twice
	From, To   string // E.164
	Body       secret.String
}

// Sender sends texts. It is safe for concurrent use.
type Sender interface {
	// Send hands m to the provider and returns within ctx the provider's name for
	// it, under which a Delivery comes back.
	//
	// Errors: ErrUndeliverable (never again), ErrThrottled and ErrUnavailable
	// (again, not before their RetryAfter). Uncertain tells whether the text may
	// have been sent in spite of the error.
	Send(ctx context.Context, m Message) (providerID string, err error)
}

// The errors of Send.
var (
	// ErrUndeliverable: this text to this number will fail each time.
	ErrUndeliverable = fault.New(fault.KindInvalid, fault.CodeSMSUndeliverable, "texts can't be delivered to this number")
	// ErrThrottled: the provider asks us to slow down.
	ErrThrottled = fault.New(fault.KindTooMany, fault.CodeTooManyRequests, "too many texts at once")
	// ErrUnavailable: the provider doesn't answer, or doesn't take our account.
	ErrUnavailable = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "texts can't be sent at the moment")
)

// Retryable reports whether sending again can succeed, and how long to wait at
// least (0: the caller's own backoff decides).
func Retryable(err error) (wait time.Duration, ok bool) {
	if err == nil || errors.Is(err, ErrUndeliverable) {
		return 0, false
	}
	return fault.From(err).RetryAfter, true
}

// Unsure marks the cause of an ErrUnavailable after which nobody knows whether
// the text was sent: the provider had the request, and its answer never came.
func Unsure(cause error) error { return unsure{cause} }

type unsure struct{ error }

// Unwrap gives the cause.
func (u unsure) Unwrap() error { return u.error }

// Uncertain reports whether the text may have been sent in spite of err: sending
// again can make it two.
func Uncertain(err error) bool {
	_, ok := errors.AsType[unsure](err)
	return ok
}

// IsE164 reports whether number is one in E.164.
func IsE164(number string) bool { return e164.MatchString(number) }

var (
	e164      = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	messageID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// Check refuses what no provider could send. The reasons name no value.
// Error: ErrUndeliverable.
func (m Message) Check() error {
	switch text := m.Body.Reveal(); {
	case !messageID.MatchString(m.ID):
		return ErrUndeliverable.WithCause(errors.New("sms: the message has no usable id"))
	case !IsE164(m.To):
		return ErrUndeliverable.WithCause(errors.New("sms: the number is not in E.164"))
	case text == "":
		return ErrUndeliverable.WithCause(errors.New("sms: the text is empty"))
	case !utf8.ValidString(text) || utf8.RuneCountInString(text) > MaxBody:
		return ErrUndeliverable.WithCause(errors.New("sms: the text is too long or not UTF-8"))
	}
	return nil
}
