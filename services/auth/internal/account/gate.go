package account

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	longestQueue = 32
	longestWait  = 2 * time.Second
)

// gate bounds the memory of hashes in work: 16 at once of even 19 MiB took 438 MB (design: dependencies), so a login
// flood would otherwise end the process.
type gate struct {
	total   int64
	room    *semaphore.Weighted
	waiting atomic.Int64
}

func newGate(totalKiB int64) *gate {
	return &gate{total: totalKiB, room: semaphore.NewWeighted(totalKiB)}
}

// enter waits for room, at most 2 s and behind at most 32 others, else ErrBusy. A hash that is larger than all the room
// (its parameters are older than the config) takes all of it.
func (g *gate) enter(ctx context.Context, kib int64) (leave func(), _ error) {
	kib = min(kib, g.total)
	if g.room.TryAcquire(kib) {
		return func() { g.room.Release(kib) }, nil
	}
	if g.waiting.Add(1) > longestQueue {
		g.waiting.Add(-1)
		return nil, ErrBusy.WithRetryAfter(longestWait)
	}
	defer g.waiting.Add(-1)
	limited, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	if err := g.room.Acquire(limited, kib); err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, ctx.Err()
		}
		return nil, ErrBusy.WithRetryAfter(longestWait)
	}
	return func() { g.room.Release(kib) }, nil
}
