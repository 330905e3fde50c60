package sms

import (
	"context"
	"time"

	"centinela/shared/clock"
)

// Inbox keeps what the simulator "delivers"; the recovery service's store is one.
type Inbox interface {
	// Keep stores m as received at the given time (UTC, whole milliseconds).
	// Keeping the same m.ID again changes nothing.
	Keep(ctx context.Context, m Message, at time.Time) error
}

// Simulator is a Sender for development: every text arrives at once, in the
// Inbox. The production profile refuses it.
type Simulator struct {
	inbox Inbox
	clock clock.Clock
}

// NewSimulator delivers to inbox, at the times of clk.
func NewSimulator(inbox Inbox, clk clock.Clock) *Simulator {
	return &Simulator{inbox: inbox, clock: clk}
}

// Send keeps m. Errors: ErrUndeliverable, or ErrUnavailable when the inbox fails.
func (s *Simulator) Send(ctx context.Context, m Message) (string, error) {
	if err := m.Check(); err != nil {
		return "", err
	}
	if err := s.inbox.Keep(ctx, m, s.clock.Now()); err != nil {
		return "", ErrUnavailable.WithCause(err)
	}
	return "sim_" + m.ID, nil
}
