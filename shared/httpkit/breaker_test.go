package httpkit

import (
	"testing"
	"time"
)

// TestBreakerOpensForASilentPeerOnly: failures that come together while others are answered don't shut a peer out
// (R2.1), and a peer that answers nobody any more is.
func TestBreakerOpensForASilentPeerOnly(t *testing.T) {
	c, now := &Client{}, time.Now()
	if !c.silent(breakerTrips, now) {
		t.Error("a peer that never answered")
	}
	c.answered.Store(now.UnixNano())
	if c.silent(100, now.Add(breakerPause-time.Millisecond)) {
		t.Error("a peer that answered a moment ago")
	}
	if !c.silent(breakerTrips, now.Add(breakerPause)) || c.silent(breakerTrips-1, now.Add(time.Hour)) {
		t.Error("the failures or the pause don't count")
	}
}
