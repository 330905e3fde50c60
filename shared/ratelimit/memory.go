package ratelimit

import (
	"context"
	"time"

	"github.com/ulule/limiter/v3"

	"centinela/shared/bounded"
	"centinela/shared/clock"
)

// DefaultMaxKeys bounds a Memory: about 15 MB.
const DefaultMaxKeys = 100_000

// Memory is a limiter.Store (fixed windows) of at most a given number of keys. When more come, the ones that were not
// used for longest are forgotten, which resets their windows: an attacker with that many addresses is not stopped by a
// limit by address anyway, and must not cost memory instead. Safe for concurrent use.
type Memory struct {
	clk     clock.Clock
	windows *bounded.Map[string, window]
}

type window struct {
	count int64
	ends  time.Time
}

var _ limiter.Store = (*Memory)(nil)

// NewMemory returns a store of at most maxKeys keys; 0 is DefaultMaxKeys.
func NewMemory(clk clock.Clock, maxKeys int) *Memory {
	if maxKeys <= 0 {
		maxKeys = DefaultMaxKeys
	}
	return &Memory{clk: clk, windows: bounded.New[string, window](maxKeys)}
}

// Len is the number of keys held.
func (m *Memory) Len() int { return m.windows.Len() }

// Get counts one.
func (m *Memory) Get(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return m.Increment(ctx, key, 1, rate)
}

// Increment counts count. The error is always nil: memory does not fail.
func (m *Memory) Increment(_ context.Context, key string, count int64, rate limiter.Rate) (limiter.Context, error) {
	now := m.clk.Now()
	w := m.windows.Update(key, func(w window, _ bool) window {
		if !now.Before(w.ends) {
			w = window{ends: now.Add(rate.Period)}
		}
		w.count += count
		return w
	})
	return state(w, rate), nil
}

// Peek counts nothing.
func (m *Memory) Peek(_ context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	now := m.clk.Now()
	w, _ := m.windows.Get(key)
	if !now.Before(w.ends) {
		w = window{ends: now.Add(rate.Period)}
	}
	return state(w, rate), nil
}

// Reset forgets the key.
func (m *Memory) Reset(_ context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	m.windows.Delete(key)
	return state(window{ends: m.clk.Now().Add(rate.Period)}, rate), nil
}

// state is what limiter wants to know; Reset is a Unix time in whole seconds, rounded up, so that whoever waits until
// then is not refused again.
func state(w window, rate limiter.Rate) limiter.Context {
	return limiter.Context{
		Limit: rate.Limit, Remaining: max(rate.Limit-w.count, 0),
		Reset: w.ends.Add(time.Second - time.Nanosecond).Unix(), Reached: w.count > rate.Limit,
	}
}
