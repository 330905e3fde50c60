package claim

import (
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/record"
)

// FlowState is where a recovery stands in the store; View says what the claimant sees.
type FlowState string

// The states of a flow. Waiting becomes ready, and each expired, by time alone,
// before that is stored.
const (
	Collecting FlowState = "collecting" // evidence is brought
	Ready      FlowState = "ready"      // the password may be set
	Waiting    FlowState = "waiting"    // a wait was announced
	Completing FlowState = "completing" // auth is being told; see complete.go
	Completed  FlowState = "completed"
	Vetoed     FlowState = "vetoed"
	RefusedOut FlowState = "refused" // ended by us: the account is gone, or another recovery completed
	Expired    FlowState = "expired"
)

// Flow is one recovery. Times are UTC, whole milliseconds.
type Flow struct {
	ID string `json:"id"` // rec_…
	// Account is empty when the identifier is unknown or the account's budget
	// is used up: such a flow answers like any other and leads nowhere (V15).
	Account string `json:"account,omitempty"`
	// Subject stands for the account in counters and decoy calls: the id of the
	// account, also when its budget is used up, or one made of the identifier's MAC.
	Subject    string    `json:"subject"`
	SecretHash []byte    `json:"secret_hash"`
	Lane       string    `json:"lane"`
	Device     string    `json:"device,omitempty"` // hex SHA-256 of the device key
	Address    string    `json:"address"`
	Locale     string    `json:"locale,omitempty"`
	State      FlowState `json:"state"`
	StartedAt  time.Time `json:"started_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	ForgetAt   time.Time `json:"forget_at"` // when the record may be deleted
	NextAt     time.Time `json:"next_at,omitzero,omitempty"`
	OpenUntil  time.Time `json:"open_until,omitzero,omitempty"` // how long it can still come to something; zero: it is over

	Code       *wallet.Code      `json:"code,omitempty"`
	Sends      []time.Time       `json:"sends,omitempty"`
	CodeTries  limits.Tries      `json:"code_tries,omitzero"`  // of Code
	SavedTries limits.Tries      `json:"saved_tries,omitzero"` // of saved codes
	Texted     []Texted          `json:"texted,omitempty"`     // the numbers that got a code, each once
	Evidence   []engine.Evidence `json:"evidence,omitempty"`
	Decisions  engine.Chain      `json:"decisions,omitempty"`
	// Objections are those against it, also from before possession: they count then.
	Objections []engine.Objection `json:"objections,omitempty"`

	// AnnouncedAt is when everybody was told of the wait: it runs from there.
	AnnouncedAt time.Time `json:"announced_at,omitzero,omitempty"`
	// AnnouncedEnd is the earliest end of the wait that was told of, AnnouncedWith how
	// many evidences there were then.
	AnnouncedEnd  time.Time   `json:"announced_end,omitzero,omitempty"`
	AnnouncedWith int         `json:"announced_with,omitempty"`
	EarliestAt    time.Time   `json:"earliest_at,omitzero,omitempty"`
	HalfReminded  bool        `json:"half_reminded,omitempty"`
	LastReminded  bool        `json:"last_reminded,omitempty"`
	VetoTokens    []VetoToken `json:"veto_tokens,omitempty"`
	// Completing: since when a reset is with auth, the security version that it was
	// decided on, and the last reset that auth knew of then.
	CompletingAt    time.Time `json:"completing_at,omitzero,omitempty"`
	SecurityVersion int64     `json:"security_version,omitempty"`
	ResetBefore     string    `json:"reset_before,omitempty"`

	EndedAt time.Time `json:"ended_at,omitzero,omitempty"`
}

// Texted is a number as its claimant sees it.
type Texted struct {
	Number string `json:"number"` // its id
	Masked string `json:"masked"`
}

// VetoToken lets who got the text object to the flow, once.
type VetoToken struct {
	Hash   string `json:"hash"` // hex SHA-256 of 128 random bits
	Number string `json:"number"`
}

// Ended reports whether nothing can happen to the flow any more at now.
func (f *Flow) Ended(now time.Time) bool {
	if f.State == Completing { // the reset may be with auth already: it must be able to finish
		return false
	}
	return f.State.over() || !now.Before(f.ExpiresAt)
}

// hollow: the flow has no account to speak of, or was ended before any evidence
// was accepted. The claimant must not learn which (V15).
func (f *Flow) hollow() bool {
	if f.State == Vetoed || f.State == RefusedOut {
		return !f.Proved()
	}
	return f.Account == ""
}

// Proved reports that an evidence was accepted: the claimant knows that the account is
// there: whoever has one of its saved codes (80 bits) as well as who holds a number.
func (f *Flow) Proved() bool { return len(f.Evidence) > 0 }

func (state FlowState) over() bool {
	return state == Completed || state == Vetoed || state == RefusedOut || state == Expired
}

// open refuses a flow that is over, without telling a hollow one apart.
func (f *Flow) open(now time.Time) error {
	switch {
	case f.hollow() && now.Before(f.ExpiresAt):
		return nil
	case f.hollow():
		return ErrExpired
	case !f.Ended(now):
		return nil
	case f.State == Completed || f.State == Vetoed || f.State == RefusedOut:
		return ErrEnded
	default:
		return ErrExpired
	}
}

// event is about the flow; data may be nil.
func (f *Flow) event(now time.Time, action, outcome string, o record.Origin, data record.Data) record.Event {
	return post.Event(now, action, outcome, f.Account, f.ID, o, data)
}

// undecided: an evidence came after the last decision, because we were stopped
// between the two.
func (f *Flow) undecided() bool {
	return f.Account != "" && len(f.Evidence) > f.Decisions.Weighed()
}
