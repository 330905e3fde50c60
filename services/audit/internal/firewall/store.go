package firewall

import (
	"context"
	"time"

	"centinela/shared/record"
)

// Versions say how far the verdicts are.
type Versions struct {
	Newest int64 // 0 at first
	// Floor: who knows of nothing above it may not know of every removal.
	Floor int64
	// Epoch is another one in another database, and in one that centinela restore put
	// back: its versions mean something else there. MongoDB's own restore keeps it; the
	// parts that follow are started after that, and ask for everything.
	Epoch string
}

// Store keeps the verdicts. Every change takes the next version, from 1, and no
// version is used twice, not even after what it was given to is swept. Each change
// is written together with the event that reports it: both or neither.
type Store interface {
	// AddVerdict adds one, whose Version it sets. Errors: ErrVerdictExists when
	// the id was ever used and isn't swept yet.
	AddVerdict(ctx context.Context, v Verdict, event record.Event) error
	// LengthenVerdict makes the verdict in force at now with that About last until
	// then, one level higher, and notes the decision that did it; one that lasts as
	// long is left as it is. It reports whether there is one in force. event reports
	// the longer one.
	LengthenVerdict(ctx context.Context, v Verdict, now time.Time, event func(Verdict) record.Event) (found bool, err error)
	// RemoveVerdict makes a tombstone of a verdict in force at now; event reports
	// it. Errors: ErrVerdictNotFound.
	RemoveVerdict(ctx context.Context, id string, now time.Time, event func(Verdict) record.Event) error
	// VerdictsBefore returns at most limit verdicts in force at now with a
	// version below before, newest first.
	VerdictsBefore(ctx context.Context, now time.Time, before int64, limit int) ([]Verdict, error)
	// Changes returns at most limit verdicts and tombstones with a version above
	// since, ascending.
	Changes(ctx context.Context, since int64, limit int) ([]Verdict, error)
	// VerdictVersions says how far the verdicts are.
	VerdictVersions(ctx context.Context) (Versions, error)
	// CountVerdicts counts those in force at now.
	CountVerdicts(ctx context.Context, now time.Time) (int64, error)
	// SweepVerdicts deletes at most limit of the verdicts that expired by now and the
	// tombstones removed by then, and reports how many. It raises the floor first.
	SweepVerdicts(ctx context.Context, now, then time.Time, limit int) (int, error)
}
