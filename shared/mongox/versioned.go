package mongox

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

const (
	firstConflictPause = time.Millisecond
	longestPause       = 64 * time.Millisecond
)

// UpdateVersioned loads the document of that id, lets change alter it, and
// replaces it if nobody else has in between; otherwise it starts over with the
// new state, after a short random pause, until ctx ends. version points at T's
// version field, whose name in the document must be "rev"; it is counted up
// here, not by change.
//
// change may run several times, so it must only alter its argument, and assign
// (never add to) anything outside. Its error ends the update and comes back as
// it is; nothing is written then.
//
// Errors: [ErrNoDocument], [ErrUnavailable], the context's, change's.
func UpdateVersioned[T any](ctx context.Context, c *mongo.Collection, id string, version func(*T) *int64, change func(*T) error) error {
	return untilReplaced(ctx, func() (bool, error) { return replaceOnce(ctx, c, id, version, change) })
}

// untilReplaced tries until it was done, with short random pauses, until ctx ends.
// A write conflict of the server's own is one of few tries.
func untilReplaced(ctx context.Context, try func() (done bool, _ error)) error {
	conflicts := 0
	for pause := firstConflictPause; ; pause = min(2*pause, longestPause) {
		done, err := try()
		if hasCode(err, writeConflict) && conflicts < maxConflicts-1 {
			conflicts++
			err = nil
		}
		if err != nil || done {
			return err
		}
		if err := sleep(ctx, rand.N(pause)); err != nil {
			return err
		}
	}
}

func replaceOnce[T any](ctx context.Context, c *mongo.Collection, id string, version func(*T) *int64, change func(*T) error) (replaced bool, _ error) {
	var doc T
	err := c.FindOne(ctx, ByID(id)).Decode(&doc)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, ErrNoDocument
	}
	if err != nil {
		return false, Wrap(err)
	}
	loaded := *version(&doc)
	if err := change(&doc); err != nil {
		return false, err
	}
	*version(&doc) = loaded + 1
	result, err := c.ReplaceOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "rev", Value: loaded}}, doc)
	if err != nil {
		return false, Wrap(err)
	}
	return result.MatchedCount == 1, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// maxConflicts bounds the tries of [RetryConflict]: about a fifth of a second.
const maxConflicts = 8

// RetryConflict tries again, a few times after short random pauses, what lost a
// write conflict (112): some servers answer so to racing inserts under one unique
// secondary index, where MongoDB tells all but one that it is a duplicate. try
// must be safe to repeat. Errors: try's last one, through [Wrap]; the context's.
func RetryConflict(ctx context.Context, try func() error) error {
	pause := firstConflictPause
	for tries := 1; ; tries++ {
		err := try()
		if tries == maxConflicts || !hasCode(err, writeConflict) {
			return Wrap(err)
		}
		if err := sleep(ctx, rand.N(pause)); err != nil {
			return err
		}
		pause = min(2*pause, longestPause)
	}
}
