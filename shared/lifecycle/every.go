package lifecycle

import (
	"context"
	"log/slog"
	"time"
)

// Every runs work now, and then once each interval of real time, until ctx ends. A
// turn that fails or panics is counted like a loop's fault, and the next turn comes
// when it is due. The first failure in a row is logged, and the first success after
// it. Turns never overlap; one that takes longer than the interval lets turns out.
// name is a constant, as Go's.
func (g *Group) Every(ctx context.Context, interval time.Duration, name string, work func(ctx context.Context) error) {
	g.Go(ctx, name, func(ctx context.Context) error {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for failing := false; ; {
			err := caught(ctx, work)
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil:
				g.failures.WithLabelValues(name).Inc()
				if !failing {
					g.log.LogAttrs(ctx, slog.LevelError, "background work failed, trying again", slog.String("loop", name), slog.Duration("each", interval), slog.String("error", err.Error()))
				}
			case failing:
				g.log.LogAttrs(ctx, slog.LevelInfo, "background work goes on", slog.String("loop", name))
			}
			failing = err != nil
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	})
}
