package record

import (
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

// The bounds of an event.
const (
	MaxString = 512 // bytes, of each text
	MaxData   = 16  // keys
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
		Address: bounded(o.Address), UserAgent: bounded(o.UserAgent),
		RequestID: bounded(o.RequestID), Device: bounded(o.Device),
	}
}

func bounded(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= MaxString {
		return s
	}
	cut := MaxString
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// ErrInvalid is an event that breaks the form; its fields say where.
var ErrInvalid = fault.New(fault.KindInvalid, fault.CodeInvalidField, "the event is not valid")

// Validate checks the form: a known action and outcome, an ID of ours, a time,
// a service, texts of at most 512 bytes of UTF-8, at most 16 data keys. The
// error is ErrInvalid with a field for each fault, never with a value.
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
		checkText(text.field, text.value, refuse)
	}
	if len(e.Data) > MaxData {
		refuse("data", "maxProperties", "at most 16 keys")
	}
	for key, value := range e.Data {
		// The key isn't named: it may itself be what is too long.
		checkText("data", key, refuse)
		checkText("data", value, refuse)
	}
	if len(wrong) > 0 {
		return ErrInvalid.WithFields(wrong...)
	}
	return nil
}

type text struct{ field, value string }

func (e Event) texts() []text {
	return []text{
		{"service", e.Service},
		{"account", e.Account},
		{"session", e.Session},
		{"target", e.Target},
		{"address", e.Address},
		{"device", e.Device},
		{"user_agent", e.UserAgent},
		{"request_id", e.RequestID},
		{"reason", e.Reason},
	}
}

func checkText(field, value string, refuse func(field, code, detail string)) {
	if len(value) > MaxString {
		refuse(field, "maxLength", "at most 512 bytes")
	} else if !utf8.ValidString(value) {
		refuse(field, "format", "must be UTF-8")
	}
}
