package account

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"centinela/shared/record"
)

const (
	repairAfter = 10 * time.Second // what is under way by itself is left alone
	repairBatch = 100
	firstRetry  = time.Minute
	lastRetry   = time.Hour
)

// retries is when what failed may be tried again, by account. It is this process's own: what can't be read can't be given
// a date either.
type retries struct {
	mu sync.Mutex
	by map[string]retry
}

type retry struct {
	at    time.Time
	pause time.Duration
}

// Repair finishes what a stopped process left of finishEnding, however many accounts there are. One that fails is tried
// again after a pause that grows from a minute to an hour, and keeps no other waiting. The error says which failed.
func (s *Service) Repair(ctx context.Context) error {
	s.repairs.mu.Lock()
	defer s.repairs.mu.Unlock()
	now := s.Clock.Now()
	later := make(map[string]retry) // of those that are still there
	var failed []error
	for after, full := (Unfinished{}), true; full; {
		batch, err := s.Store.AccountsEnding(ctx, after, repairBatch)
		if err != nil {
			return errors.Join(append(failed, err)...)
		}
		for _, u := range batch {
			next, err := s.repair(ctx, now, u)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				failed = append(failed, fmt.Errorf("account %s: %w", u.Account, err))
			}
			if !next.at.IsZero() {
				later[u.Account] = next
			}
		}
		if full = len(batch) == repairBatch; full {
			after = batch[len(batch)-1]
		}
	}
	s.repairs.by = later
	return errors.Join(failed...)
}

// repair says when an account may be tried again, zero for one that is finished or too young.
func (s *Service) repair(ctx context.Context, now time.Time, u Unfinished) (retry, error) {
	if age := now.Sub(u.At); age >= 0 && age < repairAfter { // a time in the future is no time to wait for
		return retry{}, nil
	}
	again := s.repairs.by[u.Account]
	if wait := again.at.Sub(now); wait > 0 && wait <= lastRetry {
		return again, nil
	}
	if err := s.finishEnding(ctx, u.Account, record.Origin{}); err != nil {
		again.pause = min(max(2*again.pause, firstRetry), lastRetry)
		again.at = now.Add(again.pause)
		return again, err
	}
	return retry{}, nil
}
