package due

import (
	"context"
	"time"

	"centinela/shared/fault"
)

// Paced begins the time of an answer and returns what waits for its end: the
// next whole multiple of each, or nothing when each is 0. An account that exists
// makes more work than one that doesn't (a text is sealed and written), which must
// not show in the time (V15). ctx ends the wait early, and nobody waits for
// "unavailable", which is said of all alike.
func Paced(ctx context.Context, each time.Duration) func(*error) {
	if each <= 0 {
		return func(*error) {}
	}
	ticker := time.NewTicker(each)
	return func(err *error) {
		defer ticker.Stop()
		if *err != nil && fault.From(*err).Kind == fault.KindUnavailable {
			return
		}
		select {
		case <-ticker.C: // passed while the work was done
		default:
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}
