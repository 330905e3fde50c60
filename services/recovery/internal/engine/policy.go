package engine

import (
	"fmt"
	"math"
	"time"
)

// Policy is waits and windows. Only Parse makes a usable one: the zero Policy
// has no rows, and so refuses everything.
type Policy struct {
	Version int            `yaml:"version" json:"version"`
	Numbers NumberPolicy   `yaml:"numbers" json:"numbers"`
	Changes ChangePolicy   `yaml:"changes" json:"changes"`
	Vetoes  VetoPolicy     `yaml:"vetoes" json:"vetoes"`
	Waits   map[Row]Answer `yaml:"waits" json:"waits"`

	hash string
}

// Hash is the SHA-256 of the canonical form, in hex: two files that differ only
// in comments, order or spelling of durations have the same.
func (p Policy) Hash() string { return p.hash }

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

// The rows. "oldest" is the first in seniority, "second" a second evidence
// through another channel, "older-x" the most alive of the older numbers that
// are silent.
const (
	OldestLiveSecondCalm       Row = "W-oldest-live-second-calm"
	OldestLiveSecondUnfamiliar Row = "W-oldest-live-second-unfamiliar"
	OldestLiveSecondChange     Row = "W-oldest-live-second-change"
	OldestLiveAlone            Row = "W-oldest-live-alone"
	OldestDormantSecond        Row = "W-oldest-dormant-second"
	OldestDormantAlone         Row = "W-oldest-dormant-alone"
	OldestStaleSecond          Row = "W-oldest-stale-second"
	OldestStaleAlone           Row = "W-oldest-stale-alone"
	YoungerSecondOlderStale    Row = "W-younger-second-older-stale"
	YoungerSecondOlderDormant  Row = "W-younger-second-older-dormant"
	YoungerSecondOlderLive     Row = "W-younger-second-older-live"
	YoungerAloneOlderStale     Row = "W-younger-alone-older-stale"
	YoungerAloneOlderDormant   Row = "W-younger-alone-older-dormant"
	YoungerAloneOlderLive      Row = "W-younger-alone-older-live"
)

// Rows is the whole table, in the order of the design page.
func Rows() []Row {
	return []Row{
		OldestLiveSecondCalm, OldestLiveSecondUnfamiliar, OldestLiveSecondChange, OldestLiveAlone,
		OldestDormantSecond, OldestDormantAlone, OldestStaleSecond, OldestStaleAlone,
		YoungerSecondOlderStale, YoungerSecondOlderDormant, YoungerSecondOlderLive,
		YoungerAloneOlderStale, YoungerAloneOlderDormant, YoungerAloneOlderLive,
	}
}

// Answer is what a row says: how long to wait, or [Never].
type Answer time.Duration

// Never is a refusal, which is longer than every wait.
const Never Answer = math.MaxInt64

// unsaid is what a row without a value has, which YAML would read as a wait of 0.
const unsaid Answer = math.MinInt64

// answer is a row's; a row that is missing refuses.
func (p Policy) answer(row Row) Answer {
	if a, ok := p.Waits[row]; ok {
		return a
	}
	return Never
}

const refuseWord = "refuse"

// MarshalText is "72h0m0s" or "refuse".
func (a Answer) MarshalText() ([]byte, error) {
	if a == Never {
		return []byte(refuseWord), nil
	}
	return []byte(time.Duration(a).String()), nil
}

// UnmarshalText reads a duration or "refuse".
func (a *Answer) UnmarshalText(text []byte) error {
	if string(text) == refuseWord {
		*a = Never
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%.32q is neither a duration like 72h nor %q", text, refuseWord)
	}
	*a = Answer(d)
	return nil
}
