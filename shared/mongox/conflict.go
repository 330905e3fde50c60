package mongox

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstConflictPause = time.Millisecond
	longestPause       = 64 * time.Millisecond
	// maxConflicts bounds the tries that lose a write conflict of the server's own
	// (112): about a fifth of a second. Some servers answer so to racing inserts under
	// one unique secondary index, where MongoDB tells all but one that it is a duplicate.
	maxConflicts = 8
)

// untilDone tries until it was done, with short random pauses, until ctx ends. try
// must be safe to repeat. Errors: try's, the last write conflict of too many, the
// context's.
func untilDone(ctx context.Context, try func() (done bool, _ error)) error {
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
		select {
		case <-time.After(rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
