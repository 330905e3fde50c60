package password

import (
	"context"
	"sync"
	"time"
)

// Pace makes every refused sign-in take the same time, whoever it was for: the moving average of what real
// verifications take, and never less than the floor. All of it is real time: it is what a stopwatch outside sees.
type Pace struct {
	floor time.Duration

	mu      sync.Mutex
	average time.Duration
}

// NewPace is a Pace that has learned nothing.
func NewPace(floor time.Duration) *Pace { return &Pace{floor: floor} }

// Learn takes in one verification of a real account.
func (p *Pace) Learn(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.average == 0 {
		p.average = took
		return
	}
	p.average += (took - p.average) / 16
}

// deadline is how long a refusal takes.
func (p *Pace) deadline() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.floor, p.average)
}

// Hold waits until the deadline of a sign-in that began at start; ctx ends it early.
func (p *Pace) Hold(ctx context.Context, start time.Time) error {
	timer := time.NewTimer(p.deadline() - time.Since(start))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
