package recovery

import (
	"context"
	"time"

	"centinela/shared/fault"
)

// pace begins the time of an answer and returns what waits for its end: the next
// whole multiple of AnswerAfter, in real time, which is what a stopwatch outside
// sees. An account that exists makes more work than one that doesn't (a text is
// sealed and written); so the work must not show in the time (V15). ctx ends the
// wait early, and nobody waits for "unavailable", which is said of all alike.
func (s *Service) pace(ctx context.Context) func(*error) {
	if s.AnswerAfter <= 0 {
		return func(*error) {}
	}
	ticker := time.NewTicker(s.AnswerAfter)
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
