package httpkit

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// answersAfter is a dial whose peer answers after d.
func answersAfter(d time.Duration) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(d):
			return &net.TCPConn{}, nil
		}
	}
}

// TestDialGivesUpInTime: a peer that is silent is unavailable within 100 ms (gateway.md), and one that answers is reached.
func TestDialGivesUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &dialer{dial: answersAfter(time.Hour), now: time.Now}
		began := time.Now()
		_, err := d.DialContext(t.Context(), "tcp", "peer")
		var network net.Error
		if !errors.As(err, &network) || !network.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != dialTimeout {
			t.Errorf("after %s", took)
		}
		d.dial = answersAfter(dialTimeout - time.Millisecond)
		if _, err := d.DialContext(t.Context(), "tcp", "peer"); err != nil {
			t.Errorf("a peer that answers: %v", err)
		}
	})
}

// TestDialOfAStarvedProcess: a process that gets no turn on the processors doesn't take its own lateness for the peer's
// silence (R2.1: a flood must not take the others down), and gives up all the same.
func TestDialOfAStarvedProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := time.Duration(0)
		d := &dialer{dial: answersAfter(2 * turn), now: func() time.Time { late += 2 * dialTimeout; return time.Now().Add(late) }}
		if _, err := d.DialContext(t.Context(), "tcp", "peer"); err != nil {
			t.Errorf("a peer that answered: %v", err)
		}
		d.dial = answersAfter(time.Hour)
		began := time.Now()
		if _, err := d.DialContext(t.Context(), "tcp", "peer"); err == nil || time.Since(began) > patience {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

// TestDialAfterAStall: a process that stood still for the length of a dial, and hardly longer, still reaches a peer that
// answered meanwhile: what brings the answer gets its turn after what tells the time. (This was "the keys to check
// access tokens are not at hand" beside other work.)
func TestDialAfterAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const still = dialTimeout + turn/2
		began, looks := time.Now(), 0
		d := &dialer{dial: answersAfter(still + 1), now: func() time.Time {
			if looks++; looks == 2 { // the first was when the dial began
				time.Sleep(still - time.Since(began))
			}
			return time.Now()
		}}
		if _, err := d.DialContext(t.Context(), "tcp", "peer"); err != nil {
			t.Errorf("a peer that answered meanwhile: %v", err)
		}
	})
}

// TestDialEndsWithItsCaller: nobody waits for a peer whose caller has left.
func TestDialEndsWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := &dialer{dial: answersAfter(time.Hour), now: time.Now}
	if _, err := d.DialContext(ctx, "tcp", "peer"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

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
