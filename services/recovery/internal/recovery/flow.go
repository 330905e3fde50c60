package recovery

import (
	"encoding/json"
	"time"

	"centinela/services/recovery/internal/engine"
)

// FlowState is where a recovery stands in the store; View says what the claimant sees.
type FlowState string

// The states of a flow. Ready and expired are not stored: they follow from the time.
const (
	Collecting FlowState = "collecting" // evidence is brought
	Ready      FlowState = "ready"      // the password may be set
	Waiting    FlowState = "waiting"    // a wait was announced
	Completing FlowState = "completing" // auth is being told; see flow_complete.go
	Completed  FlowState = "completed"
	Vetoed     FlowState = "vetoed"
	RefusedOut FlowState = "refused" // ended by us: the account is gone, or another recovery completed
	Expired    FlowState = "expired"
)

// Flow is one recovery. Times are UTC, whole milliseconds.
type Flow struct {
	ID string `json:"id" bson:"id"` // rec_…
	// Account is empty when the identifier is unknown or the account's budget
	// is used up: such a flow answers like any other and leads nowhere (V15).
	Account string `json:"account,omitempty" bson:"account,omitempty"`
	// Subject stands for the account in counters and decoy calls: the id of the
	// account, also when its budget is used up, or one made of the identifier's MAC.
	Subject    string    `json:"subject" bson:"subject"`
	SecretHash []byte    `json:"secret_hash" bson:"secret_hash"`
	Lane       string    `json:"lane" bson:"lane"`
	Device     string    `json:"device,omitempty" bson:"device,omitempty"` // hex SHA-256 of the device key
	Address    string    `json:"address" bson:"address"`
	Locale     string    `json:"locale,omitempty" bson:"locale,omitempty"`
	State      FlowState `json:"state" bson:"state"`
	StartedAt  time.Time `json:"started_at" bson:"started_at"`
	ExpiresAt  time.Time `json:"expires_at" bson:"expires_at"`
	ForgetAt   time.Time `json:"forget_at" bson:"forget_at"` // when the record may be deleted
	NextAt     time.Time `json:"next_at,omitzero" bson:"next_at,omitempty"`
	OpenUntil  time.Time `json:"open_until,omitzero" bson:"open_until,omitempty"` // how long it can still come to something; zero: it is over

	Possession bool        `json:"possession,omitempty" bson:"possession,omitempty"` // a number was proved to be in hand
	Code       *Code       `json:"code,omitempty" bson:"code,omitempty"`
	Sends      []time.Time `json:"sends,omitempty" bson:"sends,omitempty"`
	Evidence   []Evidence  `json:"evidence,omitempty" bson:"evidence,omitempty"`
	Decisions  []Judgement `json:"decisions,omitempty" bson:"decisions,omitempty"`

	// AnnouncedAt is when everybody was told of the wait: it runs from there.
	AnnouncedAt time.Time `json:"announced_at,omitzero" bson:"announced_at,omitempty"`
	// ToldFrom is the earliest end of the wait that was told of.
	ToldFrom     time.Time   `json:"told_from,omitzero" bson:"told_from,omitempty"`
	EarliestAt   time.Time   `json:"earliest_at,omitzero" bson:"earliest_at,omitempty"`
	HalfTold     bool        `json:"half_told,omitempty" bson:"half_told,omitempty"`
	LastTold     bool        `json:"last_told,omitempty" bson:"last_told,omitempty"`
	VetoTokens   []VetoToken `json:"veto_tokens,omitempty" bson:"veto_tokens,omitempty"`
	CompletingAt time.Time   `json:"completing_at,omitzero" bson:"completing_at,omitempty"`
	EndedAt      time.Time   `json:"ended_at,omitzero" bson:"ended_at,omitempty"`
}

// Evidence is one that was accepted.
type Evidence struct {
	Method string    `json:"method" bson:"method"`
	Number string    `json:"number,omitempty" bson:"number,omitempty"`
	At     time.Time `json:"at" bson:"at"`
}

// VetoToken lets who got the text stop the flow; single use.
type VetoToken struct {
	Hash   string    `json:"hash" bson:"hash"` // hex SHA-256 of 128 random bits
	Number string    `json:"number" bson:"number"`
	UsedAt time.Time `json:"used_at,omitzero" bson:"used_at,omitempty"`
}

// Judgement is a decision with everything it was made from, chained to the one
// before it by hash, so that it can be replayed and none can be left out.
type Judgement struct {
	At       time.Time `json:"at" bson:"at"`
	Verdict  string    `json:"verdict" bson:"verdict"`
	Rules    []string  `json:"rules" bson:"rules"`
	Evidence []string  `json:"evidence,omitempty" bson:"evidence,omitempty"`
	Earliest time.Time `json:"earliest,omitzero" bson:"earliest,omitempty"`
	Policy   string    `json:"policy" bson:"policy"`
	Facts    string    `json:"facts" bson:"facts"`       // JSON of engine.Facts
	Decision string    `json:"decision" bson:"decision"` // JSON of engine.Decision
	Prev     string    `json:"prev,omitempty" bson:"prev,omitempty"`
	Hash     string    `json:"hash" bson:"hash"`
}

// ended reports whether nothing can happen to the flow any more at now.
func (f *Flow) ended(now time.Time) bool {
	switch f.State {
	case Completed, Vetoed, RefusedOut, Expired:
		return true
	case Completing: // the reset may be with auth already: it must be able to finish
		return false
	}
	return !now.Before(f.ExpiresAt)
}

// hollow: the flow has no account to speak of, or was ended before anybody
// proved possession. The claimant must not learn which (V15).
func (f *Flow) hollow() bool {
	switch f.State {
	case Vetoed, RefusedOut:
		return !f.Possession
	}
	return f.Account == ""
}

// last is the newest decision; ok false: there is none.
func (f *Flow) last() (engine.Decision, bool) {
	if len(f.Decisions) == 0 {
		return engine.Decision{}, false
	}
	var d engine.Decision
	if err := json.Unmarshal([]byte(f.Decisions[len(f.Decisions)-1].Decision), &d); err != nil {
		return engine.Decision{}, false // written by us with json.Marshal: can't be
	}
	return d, true
}
