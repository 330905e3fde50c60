package account

import (
	"context"
	"sync"
	"time"
)

// pace makes every refused sign-in take the same time, whoever it was for: the moving average of what real
// verifications take, and never less than the floor. All of it is real time: it is what a stopwatch outside sees.
type pace struct {
	floor time.Duration

	mu      sync.Mutex
	average time.Duration
}

func newPace(floor time.Duration) *pace { return &pace{floor: floor} }

// learn takes in one verification of a real account.
func (p *pace) learn(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.average == 0 {
		p.average = took
		return
	}
	p.average += (took - p.average) / 16
}

// deadline is how long a refusal takes.
func (p *pace) deadline() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.floor, p.average)
}

// hold waits until the deadline of a sign-in that began at start; ctx ends it early.
func (p *pace) hold(ctx context.Context, start time.Time) error {
	timer := time.NewTimer(p.deadline() - time.Since(start))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
