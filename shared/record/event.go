package record

import (
	"strings"
	"time"
	"unicode/utf8"

	"centinela/shared/id"
)

// Outcomes: a failure was tried and went wrong, a refusal was not let through.
const (
	Success = "success"
	Failure = "failure"
	Refused = "refused"
)

// The bounds of an event, in bytes.
const (
	maxService   = 32
	maxSource    = 64
	maxTarget    = 128
	maxReason    = 512
	maxRequestID = 64
	maxData      = 8 << 10 // of the canonical data, target, reason and correlation id included
	maxMembers   = 64      // of each object in data, and items of each list
	maxDepth     = 4       // of data: itself, and three levels in it
)

// idPrefix is in every event's ID.
const idPrefix = "evt"

// Event is one thing that happened, as a service reports it. Nothing in it is
// secret. Account, Session, Subject, Address, Device and UserAgent are personal:
// the envelope holds them as commitments only.
type Event struct {
	ID        string    `json:"id" bson:"id"`     // evt_…, time-ordered
	Time      time.Time `json:"time" bson:"time"` // UTC, whole milliseconds
	Service   string    `json:"service" bson:"service"`
	Action    string    `json:"action" bson:"action"`   // a constant of actions.go
	Outcome   string    `json:"outcome" bson:"outcome"` // success, failure, refused
	Account   string    `json:"account,omitempty" bson:"account,omitempty"`
	Session   string    `json:"session,omitempty" bson:"session,omitempty"`
	Subject   string    `json:"subject,omitempty" bson:"subject,omitempty"` // whom a verdict is about
	Target    string    `json:"target,omitempty" bson:"target,omitempty"`   // id of the thing
	Address   string    `json:"address,omitempty" bson:"address,omitempty"` // client IP
	Device    string    `json:"device,omitempty" bson:"device,omitempty"`   // hex hash, never the key
	UserAgent string    `json:"user_agent,omitempty" bson:"user_agent,omitempty"`
	RequestID string    `json:"request_id,omitempty" bson:"request_id,omitempty"`
	Reason    string    `json:"reason,omitempty" bson:"reason,omitempty"`
	// Data is small, never secret, never personal, never a message's text.
	Data Data `json:"data,omitempty" bson:"data,omitempty"`
}

// Data is a small JSON object: texts, booleans, numbers (whole ones up to 2^53),
// and lists and objects of them. The names target, reason and correlation_id are
// the envelope's own; those of personal fields are refused.
type Data map[string]any

// Origin is where a request came from.
type Origin struct {
	Address, UserAgent, RequestID, Device string
}

// New is an event with a fresh ID, which begins with the time of making it. What the client chose (its user agent above
// all) is cut to the bounds, so that an over-long header can't make an event
// that can't be recorded.
func New(now time.Time, service, action, outcome string, o Origin) Event {
	return Event{
		ID: id.NewOrdered(idPrefix), Time: now.UTC().Truncate(time.Millisecond),
		Service: service, Action: action, Outcome: outcome,
		Address: bounded(o.Address, limitOf(fieldAddress)), UserAgent: bounded(o.UserAgent, limitOf(fieldUserAgent)),
		RequestID: bounded(o.RequestID, maxRequestID), Device: bounded(o.Device, limitOf(fieldDevice)),
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
