package sweep

import (
	"context"
	"time"
)

const (
	// Rows is the most that one transaction of a sweep takes away.
	Rows = 500
	// Pause between pieces leaves the writer to the others about half of the time.
	Pause = 50 * time.Millisecond
)

// InPieces calls piece with [Rows] as the limit, and again after a pause, until
// one finds less than that. It stops between two pieces when ctx ends. total is
// right beside an error as well. Errors: piece's, the context's.
func InPieces(ctx context.Context, pause time.Duration, piece func(ctx context.Context, limit int) (n int, err error)) (total int, err error) {
	for {
		n, err := piece(ctx, Rows)
		total += n
		if err != nil || n < Rows {
			return total, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return total, ctx.Err()
		}
	}
}
