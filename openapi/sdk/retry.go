package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

const (
	tries     = 3
	firstWait = 100 * time.Millisecond
	// longestWait: who is told to wait for longer is told so by the Problem.
	longestWait = 5 * time.Second
)

// repeatable marks a call as one that may be sent again, though its method
// doesn't say so.
type repeatable struct{}

// retrying sends requests, and repeats those that may be repeated when the
// connection fails or a part of the suite is down (503): at most three tries,
// within the context.
type retrying struct{ c *Client }

// Do is http.Client.Do with the client's headers, and the retries.
func (r retrying) Do(req *http.Request) (*http.Response, error) {
	for name, values := range r.c.headers {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", r.c.userAgent)
	for try := 1; ; try++ {
		res, err := r.c.http.Do(req)
		wait, again := pause(res, err, try)
		if !again || try == tries || !(mayRepeat(req) || neverSent(err)) || req.Context().Err() != nil {
			if err != nil {
				return nil, fmt.Errorf("sdk: %w", err)
			}
			return res, nil
		}
		if res != nil {
			discard(res)
		}
		if err := sleep(req.Context(), wait); err != nil {
			return nil, fmt.Errorf("sdk: %w", err)
		}
		if req.GetBody != nil {
			if req.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

func mayRepeat(req *http.Request) bool {
	if req.Body != nil && req.GetBody == nil {
		return false
	}
	if req.Method == http.MethodGet || req.Method == http.MethodDelete {
		return true
	}
	return req.Context().Value(repeatable{}) != nil
}

// neverSent: there was no connection, so nobody has seen the request.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// pause says how long to wait before another try, and whether one makes sense.
func pause(res *http.Response, err error, try int) (time.Duration, bool) {
	wait := firstWait << (try - 1)
	wait += time.Duration(rand.Int64N(int64(wait))) // spread: others were cut off at the same moment
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return 0, false
	case err != nil:
		return wait, true
	case res.StatusCode != http.StatusServiceUnavailable:
		return 0, false
	}
	if asked := problemOf(res.StatusCode, res.Header, nil).RetryAfter; asked > wait {
		wait = asked
	}
	return wait, wait <= longestWait
}

// discard frees the connection of an answer that nobody reads.
func discard(res *http.Response) {
	// A connection that fails here is not used again, which is all there is to do.
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	_ = res.Body.Close()
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
