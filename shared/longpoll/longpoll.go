package longpoll

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"centinela/shared/clock"
)

const (
	pauseMin   = 50 * time.Millisecond
	pauseMax   = time.Second            // news is in force within a second of the peer's return
	idlePause  = 100 * time.Millisecond // after an answer without news: its peer doesn't wait, or two instances differ for a moment
	sweepEvery = 30 * time.Second
)

// Follower is one feed and what is done with it.
type Follower struct {
	Name  string // in the log
	Clock clock.Clock
	Log   *slog.Logger
	// Turn asks for what is behind cursor, "" for everything, takes it in, and returns the next cursor. busy: there was
	// news, or there is more.
	Turn func(ctx context.Context, cursor string) (next string, busy bool, err error)
	// Sweep is called each 30 s of Clock's time, between two turns.
	Sweep func(now time.Time)
}

// Run follows until ctx ends, and then returns nil. After a failure it asks again where it was, after a pause that grows
// from 50 ms to a second. Silence is logged when it begins and when it ends.
func (f *Follower) Run(ctx context.Context) error {
	cursor, pause, silent := "", pauseMin, false
	swept := f.Clock.Now()
	for ctx.Err() == nil {
		next, busy, err := f.Turn(ctx, cursor)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			if !silent {
				f.Log.Warn(f.Name+" is silent; what is known stays in force", "error", err)
			}
			silent = true
			rest(ctx, pause/2+rand.N(pause/2))
			pause = min(2*pause, pauseMax)
			continue
		}
		if silent {
			f.Log.Info(f.Name + " is back")
		}
		cursor, pause, silent = next, pauseMin, false
		if now := f.Clock.Now(); now.Sub(swept).Abs() >= sweepEvery {
			swept = now
			f.Sweep(now)
		}
		if !busy {
			rest(ctx, idlePause)
		}
	}
	return nil
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
