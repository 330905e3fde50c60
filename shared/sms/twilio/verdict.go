package twilio

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"centinela/shared/sms"
)

// ProviderError is the cause of an error of Send: what Twilio answered, without
// its text, which repeats the number.
type ProviderError struct {
	Status int // of HTTP; 0: reported by a delivery, not an answer
	Code   int // of https://www.twilio.com/docs/api/errors; 0: none
}

// Error names the two numbers.
func (e *ProviderError) Error() string {
	return fmt.Sprintf("twilio: status %d, code %d", e.Status, e.Code)
}

// ours are the codes of a fault of our account or configuration: the send succeeds
// once an operator has repaired it. https://www.twilio.com/docs/api/errors
var ours = []int{
	20003, // authentication
	20005, // account not active
	20403, // forbidden
	20404, // no such account
	21212, // From is not a valid number
	21222, // malformed account SID
	21224, // malformed auth token
	21603, // From is missing
	21606, // From can't send texts, or isn't ours
	21609, // StatusCallback is not a valid URL
	21659, // From is not a Twilio number
	21660, // From belongs to another account
	21703, // the messaging service has no sender
	21705, // no such messaging service
}

// gone are the codes of a delivery that failed for good.
var gone = []int{
	30003, // handset can't be reached
	30004, // blocked
	30005, // unknown or inactive number
	30006, // landline, or a carrier that can't be reached
	30007, // filtered by the carrier
}

const (
	// repairWait is how soon a send is tried again after a fault of ours.
	repairWait = time.Minute
	// throttleWait is what a 429 without Retry-After means.
	throttleWait = time.Second
)

// aboutMessage: each message code that isn't ours; they change over the years.
func aboutMessage(code int) bool {
	return code >= 21000 && code < 22000 && !slices.Contains(ours, code)
}

// judge decides what an answer means. What nobody recognises is tried again.
func judge(status, code int, retryAfter time.Duration) error {
	cause := &ProviderError{Status: status, Code: code}
	switch {
	case status == http.StatusTooManyRequests || code == 20429:
		if retryAfter == 0 {
			retryAfter = throttleWait
		}
		return sms.ErrThrottled.WithRetryAfter(retryAfter).WithCause(cause)
	case status >= 500:
		return sms.ErrUnavailable.WithRetryAfter(retryAfter).WithCause(cause)
	case slices.Contains(gone, code), status == http.StatusBadRequest && aboutMessage(code):
		return sms.ErrUndeliverable.WithCause(cause)
	}
	return sms.ErrUnavailable.WithRetryAfter(repairWait).WithCause(cause)
}

// failure is the verdict on a message that Twilio took and could not deliver.
func failure(code int) error {
	cause := &ProviderError{Code: code}
	if slices.Contains(gone, code) || aboutMessage(code) {
		return sms.ErrUndeliverable.WithCause(cause)
	}
	return sms.ErrUnavailable.WithCause(cause)
}

// statusOf maps Twilio's states (Messages API, `status`) to ours.
func statusOf(twilio string) (sms.Status, error) {
	switch twilio {
	case "accepted", "scheduled":
		return sms.Accepted, nil
	case "queued", "sending":
		return sms.Queued, nil
	case "sent":
		return sms.Sent, nil
	case "delivered", "read":
		return sms.Delivered, nil
	case "undelivered", "failed", "canceled":
		return sms.Failed, nil
	}
	return "", fmt.Errorf("twilio: unknown message status %.20q", twilio)
}
