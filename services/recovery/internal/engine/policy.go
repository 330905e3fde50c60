package engine

import (
	"fmt"
	"math"
	"time"
)

// Policy is waits and windows. Only Parse makes a usable one: the zero Policy
// has no rows, and so refuses everything.
type Policy struct {
	Version int          `yaml:"version" json:"version"`
	Numbers NumberPolicy `yaml:"numbers" json:"numbers"`
	Changes ChangePolicy `yaml:"changes" json:"changes"`
	Vetoes  VetoPolicy   `yaml:"vetoes" json:"vetoes"`
	// Rows are the wait table: the first that fits decides, and where none does
	// the answer is a refusal.
	Rows []RowPolicy `yaml:"rows" json:"rows"`

	hash, text string
}

// Hash is the SHA-256 of the canonical form, in hex: two files that differ only
// in comments, order of words or spelling of durations have the same.
func (p Policy) Hash() string { return p.hash }

// Text is the file as it was read: it is kept by its hash, so that a decision can be
// made again as it was.
func (p Policy) Text() string { return p.text }

// RowPolicy is a row of the wait table.
type RowPolicy struct {
	Name Row    `yaml:"name" json:"name"`
	When When   `yaml:"when" json:"when"`
	Then string `yaml:"then" json:"then"` // a duration, or "refuse"

	mask   mask
	answer Answer
}

// NumberPolicy is about the life of a number.
type NumberPolicy struct {
	MaxActive          int           `yaml:"max_active" json:"max_active"`
	PendingTTL         time.Duration `yaml:"pending_ttl" json:"pending_ttl"`
	Quarantine         time.Duration `yaml:"quarantine" json:"quarantine"`
	QuarantineCautious time.Duration `yaml:"quarantine_cautious" json:"quarantine_cautious"`
	CautiousWithin     time.Duration `yaml:"cautious_within" json:"cautious_within"`
	Retire             time.Duration `yaml:"retire" json:"retire"`
	RetireOldest       time.Duration `yaml:"retire_oldest" json:"retire_oldest"`
	GapCap             time.Duration `yaml:"gap_cap" json:"gap_cap"`
	Live               time.Duration `yaml:"live" json:"live"`
	Dormant            time.Duration `yaml:"dormant" json:"dormant"`
}

// ChangePolicy says how long a security change counts as recent.
type ChangePolicy struct {
	Recent time.Duration `yaml:"recent" json:"recent"`
}

// VetoPolicy bounds vetoes (V8).
type VetoPolicy struct {
	PerNumber int           `yaml:"per_number" json:"per_number"`
	Window    time.Duration `yaml:"window" json:"window"`
}

// Row names a row of the wait table; it is cited in decisions.
type Row string

// at is what the policy says of a point, and the row that says it; empty: none fits.
func (p Policy) at(pt point) (Answer, Row) {
	for i := range p.Rows {
		if r := &p.Rows[i]; r.mask.fits(pt) {
			return r.answer, r.Name
		}
	}
	return Never, ""
}

// Answer is what a row says: how long to wait, or [Never].
type Answer time.Duration

// Never is a refusal, which is longer than every wait.
const Never Answer = math.MaxInt64

const refuseWord = "refuse"

// String is "72h0m0s" or "refuse".
func (a Answer) String() string {
	if a == Never {
		return refuseWord
	}
	return time.Duration(a).String()
}

func parseAnswer(text string) (Answer, error) {
	if text == refuseWord {
		return Never, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || Answer(d) > longest {
		return 0, fmt.Errorf("%.32q is neither a duration of 0 to 8760h nor %q", text, refuseWord)
	}
	return Answer(d), nil
}
