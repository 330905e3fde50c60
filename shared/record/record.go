package record

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"centinela/shared/fault"
	"centinela/shared/id"
)

// Outcomes: a failure was tried and went wrong, a refusal was not let through.
const (
	Success = "success"
	Failure = "failure"
	Refused = "refused"
)

// The bounds of an event: bytes of each text, keys of the data. They are those of
// openapi/audit.yaml (Event): audit refuses for good what breaks them.
const (
	maxService   = 32
	maxAccount   = 64
	maxSession   = 64
	maxTarget    = 128
	maxAddress   = 64
	maxDevice    = 64
	maxUserAgent = 512
	maxRequestID = 64
	maxReason    = 512
	maxDataText  = 512 // of a key, and of a value
	maxData      = 16
)

// idPrefix is in every event's ID.
const idPrefix = "evt"

// Event is one thing that happened. Nothing in it is secret.
type Event struct {
	ID        string    `json:"id" bson:"id"`     // evt_…; receivers are idempotent by it
	Time      time.Time `json:"time" bson:"time"` // UTC, whole milliseconds
	Service   string    `json:"service" bson:"service"`
	Action    string    `json:"action" bson:"action"`   // a constant of actions.go
	Outcome   string    `json:"outcome" bson:"outcome"` // success, failure, refused
	Account   string    `json:"account,omitempty" bson:"account,omitempty"`
	Session   string    `json:"session,omitempty" bson:"session,omitempty"`
	Target    string    `json:"target,omitempty" bson:"target,omitempty"`   // id of the thing
	Address   string    `json:"address,omitempty" bson:"address,omitempty"` // client IP
	Device    string    `json:"device,omitempty" bson:"device,omitempty"`   // hex hash, never the key
	UserAgent string    `json:"user_agent,omitempty" bson:"user_agent,omitempty"`
	RequestID string    `json:"request_id,omitempty" bson:"request_id,omitempty"`
	Reason    string    `json:"reason,omitempty" bson:"reason,omitempty"`
	// Data is small, never secret, never a message's text.
	Data map[string]string `json:"data,omitempty" bson:"data,omitempty"`
}

// Origin is where a request came from.
type Origin struct {
	Address, UserAgent, RequestID, Device string
}

// New is an event with a fresh ID. What the client chose (its user agent above
// all) is cut to the bounds, so that an over-long header can't make an event
// that audit refuses.
func New(now time.Time, service, action, outcome string, o Origin) Event {
	return Event{
		ID: id.New(idPrefix), Time: now.UTC().Truncate(time.Millisecond),
		Service: service, Action: action, Outcome: outcome,
		Address: bounded(o.Address, maxAddress), UserAgent: bounded(o.UserAgent, maxUserAgent),
		RequestID: bounded(o.RequestID, maxRequestID), Device: bounded(o.Device, maxDevice),
	}
}

func bounded(s string, limit int) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= limit {
		return s
	}
	cut := limit
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// ErrInvalid is an event that breaks the form; its fields say where.
var ErrInvalid = fault.New(fault.KindInvalid, fault.CodeInvalidField, "the event is not valid")

// Validate checks the form: a known action and outcome, an ID of ours, a time,
// a service, texts of UTF-8 within their bounds, at most 16 data keys. The error
// is ErrInvalid with a field for each fault, never with a value.
func (e Event) Validate() error {
	var wrong []fault.Field
	refuse := func(field, code, detail string) {
		wrong = append(wrong, fault.Field{Pointer: "/" + field, Code: code, Detail: detail})
	}
	if !id.Valid(idPrefix, e.ID) {
		refuse("id", "format", "must be an event id")
	}
	if e.Time.IsZero() {
		refuse("time", "required", "must be set")
	}
	if e.Service == "" {
		refuse("service", "required", "must be set")
	}
	if !Known(e.Action) {
		refuse("action", "enum", "must be a known action")
	}
	if e.Outcome != Success && e.Outcome != Failure && e.Outcome != Refused {
		refuse("outcome", "enum", "must be success, failure or refused")
	}
	for _, text := range e.texts() {
		checkText(text.field, text.value, text.limit, refuse)
	}
	if len(e.Data) > maxData {
		refuse("data", "maxProperties", fmt.Sprintf("at most %d keys", maxData))
	}
	for key, value := range e.Data {
		// The key isn't named: it may itself be what is too long.
		checkText("data", key, maxDataText, refuse)
		checkText("data", value, maxDataText, refuse)
	}
	if len(wrong) > 0 {
		return ErrInvalid.WithFields(wrong...)
	}
	return nil
}

type text struct {
	field, value string
	limit        int
}

func (e Event) texts() []text {
	return []text{
		{"service", e.Service, maxService},
		{"account", e.Account, maxAccount},
		{"session", e.Session, maxSession},
		{"target", e.Target, maxTarget},
		{"address", e.Address, maxAddress},
		{"device", e.Device, maxDevice},
		{"user_agent", e.UserAgent, maxUserAgent},
		{"request_id", e.RequestID, maxRequestID},
		{"reason", e.Reason, maxReason},
	}
}

func checkText(field, value string, limit int, refuse func(field, code, detail string)) {
	if len(value) > limit {
		refuse(field, "maxLength", fmt.Sprintf("at most %d bytes", limit))
	} else if !utf8.ValidString(value) {
		refuse(field, "format", "must be UTF-8")
	}
}
