package clock

import "time"

// Clock tells the time, in UTC, truncated to milliseconds.
type Clock interface{ Now() time.Time }

// Real is the machine's clock.
func Real() Clock { return realClock{} }

type realClock struct{}

func (realClock) Now() time.Time { return whole(time.Now()) }

// whole also strips the monotonic reading, so that == and a round trip through
// a store agree.
func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
