package account

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// Lane is how much somebody who wants a hash has to do with the account, as far as it is known before the hash.
type Lane bool

// The lanes.
const (
	Stranger Lane = false // anybody: a new device, an unknown name, a sign-up
	Familiar Lane = true  // a known device or network, a session, a recovery that was allowed
)

const (
	// Strangers wait behind a few only: what waits is served within the time that anybody waits, so a flood of them
	// never takes the place of somebody familiar.
	strangersQueue = 12
	longestQueue   = 32
	longestWait    = 2 * time.Second
)

// gate bounds the hashes in work, by memory: 16 at once of even 19 MiB took 438 MB (design: dependencies), so a login
// flood would otherwise end the process.
type gate struct {
	total   int64
	room    *semaphore.Weighted
	waiting atomic.Int64
}

func newGate(totalKiB int64) *gate {
	return &gate{total: totalKiB, room: semaphore.NewWeighted(totalKiB)}
}

// enter waits for room, at most 2 s and behind at most 12 others (32 for who is familiar), else ErrBusy. A hash that is
// larger than all the room (its parameters are older than the config) takes all of it.
func (g *gate) enter(ctx context.Context, lane Lane, kib int64) (leave func(), _ error) {
	kib = min(kib, g.total)
	if g.room.TryAcquire(kib) {
		return func() { g.room.Release(kib) }, nil
	}
	queue := int64(strangersQueue)
	if lane == Familiar {
		queue = longestQueue
	}
	if g.waiting.Add(1) > queue {
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
