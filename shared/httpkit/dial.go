package httpkit

import (
	"context"
	"net"
	"os"
	"time"
)

const (
	dialTimeout = 80 * time.Millisecond // a peer that is gone must answer "unavailable" within 100 ms
	// turn is how often a waiting dial looks: time counts when it passed in turns that came about when they were due.
	turn = 10 * time.Millisecond
	// A turn that took so long tells that this process was not running: the peer may have answered long ago, and what
	// waits for its answer has not had a turn either.
	starved = 3 * turn
	// patience is how much time without turns a dial waits beside its own.
	patience = 400 * time.Millisecond
)

// dialer reaches a peer within dialTimeout of time in which this process could see its answer. net.Dialer's own timeout
// also passes while others have the processors: in a flood of sign-ins 40 of 120 calls to a healthy auth failed so, and
// opened the circuit breaker for everybody; and a process that was out of turns for the length of a whole timeout, but
// no longer, sees its timer first and the answer second.
type dialer struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	now  func() time.Time
}

func newDialer() *dialer {
	return &dialer{dial: (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext, now: time.Now}
}

type dialed struct {
	conn net.Conn
	err  error
}

// DialContext is http.Transport's. A peer that is silent is a net.Error with Timeout.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := make(chan dialed, 1)
	go func() {
		conn, err := d.dial(ctx, network, address)
		answer <- dialed{conn, err}
	}()
	ticker := time.NewTicker(turn)
	defer ticker.Stop()
	for last, spent, lost := d.now(), time.Duration(0), time.Duration(0); spent < dialTimeout && lost < patience; {
		select {
		case a := <-answer:
			return a.conn, a.err
		case <-ticker.C:
		}
		now := d.now()
		if took := now.Sub(last); took < starved {
			spent += took
		} else {
			lost += took
		}
		last = now
	}
	cancel()
	if a := <-answer; a.err == nil { // it came at the last moment
		return a.conn, nil
	}
	return nil, &net.OpError{Op: "dial", Net: network, Err: os.ErrDeadlineExceeded}
}
