package firewall

import (
	"context"
	"time"

	"centinela/shared/record"
)

// Store keeps the verdicts. Every addition and removal takes the next version,
// from 1, and no version is used twice, not even after what it was given to is
// swept. Each change is written together with the event that reports it: both
// or neither.
type Store interface {
	// AddVerdict adds one, whose Version it sets. Errors: ErrVerdictExists when
	// the id was ever used and isn't swept yet.
	AddVerdict(ctx context.Context, v Verdict, event record.Event) error
	// RemoveVerdict makes a tombstone of a verdict in force at now; event reports
	// it. Errors: ErrVerdictNotFound.
	RemoveVerdict(ctx context.Context, id string, now time.Time, event func(Verdict) record.Event) error
	// VerdictsBefore returns at most limit verdicts in force at now with a
	// version below before, newest first.
	VerdictsBefore(ctx context.Context, now time.Time, before int64, limit int) ([]Verdict, error)
	// Changes returns what a follower at version since doesn't know: the changes,
	// or all that is in force at now when since is below 0, above the newest
	// version, or too old to know of every removal.
	Changes(ctx context.Context, now time.Time, since int64) (Changes, error)
	// VerdictVersion is the newest version; 0 at first.
	VerdictVersion(ctx context.Context) (int64, error)
	// CountVerdicts counts those in force at now.
	CountVerdicts(ctx context.Context, now time.Time) (int64, error)
	// SweepVerdicts deletes verdicts that expired by now and tombstones removed
	// by then. Followers older than such a tombstone get a snapshot from then on.
	SweepVerdicts(ctx context.Context, now, then time.Time) (int64, error)
}

// Changes is one answer of the feed.
type Changes struct {
	Version  int64
	Snapshot bool      // forget what you had
	Verdicts []Verdict // in force, oldest version first
	Removed  []string  // ids; some may be unknown to the follower
}
