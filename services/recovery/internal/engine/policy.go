package engine

import (
	"fmt"
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
	MaxActive          int      `yaml:"max_active" json:"max_active"`
	PendingTTL         Duration `yaml:"pending_ttl" json:"pending_ttl"`
	Quarantine         Duration `yaml:"quarantine" json:"quarantine"`
	QuarantineCautious Duration `yaml:"quarantine_cautious" json:"quarantine_cautious"`
	CautiousWithin     Duration `yaml:"cautious_within" json:"cautious_within"`
	Retire             Duration `yaml:"retire" json:"retire"`
	RetireOldest       Duration `yaml:"retire_oldest" json:"retire_oldest"`
	GapCap             Duration `yaml:"gap_cap" json:"gap_cap"`
	Live               Duration `yaml:"live" json:"live"`
	Dormant            Duration `yaml:"dormant" json:"dormant"`
}

// ChangePolicy says how long a security change counts as recent.
type ChangePolicy struct {
	Recent Duration `yaml:"recent" json:"recent"`
}

// VetoPolicy bounds vetoes (V8).
type VetoPolicy struct {
	PerNumber int      `yaml:"per_number" json:"per_number"`
	Window    Duration `yaml:"window" json:"window"`
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

// Answer is what a row says: a wait, or a refusal.
type Answer struct {
	Refuse bool
	Wait   time.Duration
}

// answer is a row's; a row that is missing refuses.
func (p Policy) answer(row Row) Answer {
	a, ok := p.Waits[row]
	if !ok {
		return Answer{Refuse: true}
	}
	return a
}

// beyond orders answers: a refusal is longer than every wait.
func (a Answer) beyond(b Answer) bool {
	if a.Refuse != b.Refuse {
		return a.Refuse
	}
	return !a.Refuse && a.Wait > b.Wait
}

func longer(a, b Answer) Answer {
	if b.beyond(a) {
		return b
	}
	return a
}

const refuseWord = "refuse"

// MarshalText is "72h0m0s" or "refuse".
func (a Answer) MarshalText() ([]byte, error) {
	if a.Refuse {
		return []byte(refuseWord), nil
	}
	return []byte(a.Wait.String()), nil
}

// UnmarshalText reads a duration or "refuse".
func (a *Answer) UnmarshalText(text []byte) error {
	if string(text) == refuseWord {
		*a = Answer{Refuse: true}
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%.32q is neither a duration like 72h nor %q", text, refuseWord)
	}
	*a = Answer{Wait: d}
	return nil
}

// Duration is a time.Duration that is written as "72h".
type Duration time.Duration

// D is the time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

// MarshalText is the form of time.Duration.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.D().String()), nil }

// UnmarshalText reads the form of time.Duration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%.32q is not a duration like 72h", text)
	}
	*d = Duration(parsed)
	return nil
}
