package httpkit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/sony/gobreaker/v2"

	"centinela/shared/fault"
)

const (
	breakerTrips  = 3                      // failures in a row, and no answer for as long as the pause
	breakerPause  = 500 * time.Millisecond // then nobody tries for so long, and then a probe does
	probeTimeout  = time.Second            // of a probe: a peer that lives refuses it in no time
	probePatience = 50 * time.Millisecond  // how long a call waits for a probe: a dead peer's callers learn it within 100 ms
)

// newBreaker opens when the peer is silent. Nobody's call finds out whether it is back: see allow.
func (c *Client) newBreaker() *gobreaker.TwoStepCircuitBreaker[struct{}] {
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: c.opts.Callee, Timeout: breakerPause, MaxRequests: 1,
		ReadyToTrip: func(n gobreaker.Counts) bool { return c.silent(n.ConsecutiveFailures, time.Now()) },
		IsExcluded:  saysNothing,
		OnStateChange: func(peer string, from, to gobreaker.State) {
			level := slog.LevelWarn
			if from == gobreaker.StateHalfOpen && to == gobreaker.StateOpen || to == gobreaker.StateHalfOpen { // probes of a peer that is known to be away
				level = slog.LevelDebug
			}
			c.opts.Log.Log(context.Background(), level, "circuit breaker", "peer", peer, "from", from.String(), "to", to.String())
		},
	})
}

// saysNothing: the breaker is about whether the peer answers. A caller who left, and a client whose body didn't come,
// tell nothing about it.
func saysNothing(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return errors.Is(err, context.Canceled) && !(ok && f.Kind == fault.KindTimeout) || ok && f.Kind.Status() < http.StatusInternalServerError
}

// silent tells a peer that is gone from one that is in a flood: of a hundred calls at once a few may fail together, while
// the others are answered, and an open breaker would then refuse everybody.
func (c *Client) silent(failures uint32, now time.Time) bool {
	return failures >= breakerTrips && now.Sub(time.Unix(0, c.answered.Load())) >= breakerPause
}

// allow asks the breaker. When its pause is over, a probe asks the peer, and not somebody's call: a peer that takes
// connections and answers nothing would hold that one for all the time it has. Calls wait for the probe for a moment.
func (c *Client) allow(ctx context.Context) (done func(error), err error) {
	if c.breaker.State() == gobreaker.StateHalfOpen {
		patience := time.NewTimer(probePatience)
		defer patience.Stop()
		select {
		case <-c.probes.DoChan("probe", func() (any, error) { return nil, c.probe(context.WithoutCancel(ctx)) }):
		case <-patience.C:
		case <-ctx.Done():
		}
		if c.breaker.State() != gobreaker.StateClosed {
			return nil, gobreaker.ErrOpenState
		}
	}
	return c.breaker.Allow()
}

// probe sends a request that every peer refuses, without anybody's token: any answer closes the breaker. It runs on a
// goroutine of its own, where a panic would end the process (R3).
func (c *Client) probe(ctx context.Context) (err error) {
	done, err := c.breaker.Allow()
	if err != nil {
		return err
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
		done(err)
	}()
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req := (&http.Request{Method: http.MethodHead, URL: &url.URL{Path: "/"}, Header: http.Header{}}).WithContext(ctx)
	if err = c.prepare(WithRequest(ctx, Request{}), req); err == nil {
		var resp *http.Response
		if resp, err = c.transport.RoundTrip(req); err == nil { //nolint:bodyclose // drain closes it
			drain(resp.Body)
			c.answered.Store(time.Now().UnixNano())
		}
	}
	return err
}
