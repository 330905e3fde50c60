package due

import (
	"context"
	"log/slog"
	"time"

	"centinela/shared/sweep"
)

const (
	// LookEach is how often, in real time, the (perhaps travelled) clock is looked at.
	LookEach = time.Second
	// PruneEach is the pause between two rounds of deleting, and before the first:
	// a start after an outage has better things to do (GR G1).
	PruneEach = 10 * time.Minute
)

// Every takes the step after each such pause, until ctx ends. A step that fails
// is told once, under that name, and taken again the next time.
func Every(ctx context.Context, each time.Duration, log *slog.Logger, name string, step func(ctx context.Context) error) error {
	ticker := time.NewTicker(each)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := step(ctx); err != nil && ctx.Err() == nil {
			log.Warn(name+": not finished, trying again", "error", err.Error())
		}
	}
}

// Prune is one store's deletion of at most limit rows that were over at that
// time; n is how many there were.
type Prune func(ctx context.Context, at time.Time, limit int) (n int, err error)

// InPieces prunes until nothing is left, in small pieces with a pause between, so
// that nobody who writes waits for long (GR G1).
func InPieces(ctx context.Context, at time.Time, prunes ...Prune) error {
	for _, prune := range prunes {
		_, err := sweep.InPieces(ctx, sweep.Pause, func(ctx context.Context, limit int) (int, error) { return prune(ctx, at, limit) })
		if err != nil {
			return err
		}
	}
	return nil
}
