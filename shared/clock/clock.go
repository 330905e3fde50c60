package clock

import (
	"sync"
	"time"
)

// Clock tells the time, in UTC, truncated to milliseconds.
type Clock interface{ Now() time.Time }

// Real is the machine's clock.
func Real() Clock { return realClock{} }

type realClock struct{}

func (realClock) Now() time.Time { return whole(time.Now()) }

// whole also strips the monotonic reading, so that == and a round trip through
// a store agree.
func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// Manual is a clock that stands still until a test moves it. It is safe for
// concurrent use.
type Manual struct {
	mu  sync.Mutex
	now time.Time
}

// NewManual is a clock that shows t.
func NewManual(t time.Time) *Manual { return &Manual{now: whole(t)} }

// Now is the time that was set.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Advance moves the clock by d, which may be negative.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = whole(m.now.Add(d))
}

// Set shows t from now on.
func (m *Manual) Set(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = whole(t)
}
