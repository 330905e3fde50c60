package engine

import "time"

// Known is a fact with three values; the zero value is "nobody could say".
type Known string

// The values.
const (
	Unknown Known = ""
	No      Known = "no"
	Yes     Known = "yes"
)

// Methods of evidence.
const (
	SMS       = "sms"
	SavedCode = "saved_code"
)

// Evidence is one accepted proof.
type Evidence struct {
	Method string    `json:"method"`
	Number string    `json:"number,omitempty"` // id of the number, of SMS
	At     time.Time `json:"at"`
}

// Change is when something last happened; Known false: nobody could say. Known
// and a zero time: never.
type Change struct {
	Known bool      `json:"known"`
	At    time.Time `json:"at,omitzero"`
}

// Facts are everything that a decision is made from. They hold no number, name
// or code, and are stored with the decision.
type Facts struct {
	Numbers        []Number   `json:"numbers"`
	Evidence       []Evidence `json:"evidence"`
	DeviceKnown    Known      `json:"device_known,omitempty"`
	PlaceFamiliar  Known      `json:"place_familiar,omitempty"`
	SecurityChange Change     `json:"security_change"`
	// AnnouncedAt is when everybody was told of the wait: it runs from there.
	// Zero: nobody was told yet, it would run from now.
	AnnouncedAt time.Time `json:"announced_at,omitzero"`
}
