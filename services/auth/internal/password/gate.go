package password

import (
	"context"
	"slices"
	"sync"
	"time"

	"centinela/shared/fault"
)

// ErrBusy says that too many passwords are being hashed.
var ErrBusy = fault.New(fault.KindUnavailable, fault.CodeBusy, "too many sign-ins at once, try again in a moment")

// Lane is how much somebody who wants a hash has to do with the account, as far as it is known before the hash.
type Lane int

// The lanes, the first one served first.
const (
	Familiar Lane = iota // a known device or network, a session, a recovery that was allowed
	Stranger             // anybody: a new device, an unknown name, a sign-up
)

const (
	longestQueue = 16 // a lane: what a small machine serves within the time that anybody waits
	longestWait  = 2 * time.Second
)

// gate bounds the hashes in work, by memory: 16 at once of even 19 MiB took 438 MB (design: dependencies), so a login
// flood would otherwise end the process. Who is familiar is served before all strangers: a flood of them costs its
// victim the hash in work, and no more.
type gate struct {
	total int64 // KiB

	mu     sync.Mutex
	free   int64
	queues [2][]*waiter // by lane, the first come first
}

type waiter struct {
	kib    int64
	served chan struct{} // closed under mu, with the room taken
}

func newGate(totalKiB int64) *gate { return &gate{total: totalKiB, free: totalKiB} }

// enter waits for room, at most 2 s and behind at most 16 others of its lane, else ErrBusy. A hash that is larger than
// all the room (its parameters are older than the config) takes all of it.
func (g *gate) enter(ctx context.Context, lane Lane, kib int64) (leave func(), _ error) {
	w := &waiter{kib: min(kib, g.total), served: make(chan struct{})}
	if !g.queue(lane, w) {
		return nil, ErrBusy.WithRetryAfter(longestWait)
	}
	timer := time.NewTimer(longestWait)
	defer timer.Stop()
	var err error
	select {
	case <-w.served:
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = ErrBusy.WithRetryAfter(longestWait)
	}
	if err != nil && g.withdraw(lane, w) {
		return nil, err
	}
	return func() { g.release(w.kib) }, nil
}

// queue takes w in, and serves it at once where nobody is before it; false: the lane is full.
func (g *gate) queue(lane Lane, w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queues[lane]) >= longestQueue {
		return false
	}
	g.queues[lane] = append(g.queues[lane], w)
	g.serve()
	return true
}

// withdraw takes w out; false: it was served meanwhile, and has the room.
func (g *gate) withdraw(lane Lane, w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := slices.Index(g.queues[lane], w)
	if at < 0 {
		return false
	}
	g.queues[lane] = slices.Delete(g.queues[lane], at, at+1)
	g.serve() // w may have been what the next ones waited behind
	return true
}

func (g *gate) release(kib int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free += kib
	g.serve()
}

// serve gives room in order. Whoever needs more than is free holds up all behind it: it would never come to its turn.
func (g *gate) serve() {
	for lane := range g.queues {
		for len(g.queues[lane]) > 0 {
			next := g.queues[lane][0]
			if next.kib > g.free {
				return
			}
			g.free -= next.kib
			g.queues[lane] = slices.Delete(g.queues[lane], 0, 1)
			close(next.served)
		}
	}
}
