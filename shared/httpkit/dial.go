package httpkit

import (
	"context"
	"net"
	"os"
	"time"
)

const (
	dialTimeout = 80 * time.Millisecond // a peer that is gone must answer "unavailable" within 100 ms
	// A timer that fires so much too late tells that this process gets no turn on the processors: the peer may have
	// answered long ago.
	starved = 20 * time.Millisecond
	// patience is how often a dial of a process without turns gets its time anew.
	patience = 5
)

// dialer reaches a peer within dialTimeout of time in which this process could see its answer. net.Dialer's own timeout
// also passes while a flood of sign-ins has the processors: 40 of 120 calls to a healthy auth failed so, and opened the
// circuit breaker for everybody.
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
	for range patience {
		began := d.now()
		timer := time.NewTimer(dialTimeout)
		select {
		case a := <-answer:
			timer.Stop()
			return a.conn, a.err
		case <-timer.C:
		}
		if d.now().Sub(began) < dialTimeout+starved {
			break
		}
	}
	cancel()
	if a := <-answer; a.err == nil { // it came at the last moment
		return a.conn, nil
	}
	return nil, &net.OpError{Op: "dial", Net: network, Err: os.ErrDeadlineExceeded}
}
