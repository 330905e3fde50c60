package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"centinela/deploy/suite"
)

// settle waits until the processes do nothing any more (what was written is shipped, the collector is done), so that one
// slice's work doesn't run in the next one's time. It returns what they have used by then.
func settle(ctx context.Context, list ...*suite.Process) (time.Duration, error) {
	const (
		look  = 100 * time.Millisecond
		still = 3
	)
	ctx, cancel := context.WithTimeout(ctx, suite.ReadyTime)
	defer cancel()
	for last, quiet := time.Duration(-1), 0; ; {
		var now time.Duration
		for _, p := range list {
			used, err := p.CPU()
			if err != nil {
				return 0, err
			}
			now += used
		}
		if quiet++; last < 0 || now-last > suite.Tick {
			quiet = 0
		}
		if last = now; quiet == still {
			return now, nil
		}
		if err := pause(ctx, look); err != nil {
			return 0, fmt.Errorf("the processes don't come to rest: %w", err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fetch makes a call without a body that must succeed.
func fetch(ctx context.Context, method, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	return call(req)
}

// call makes a call that must succeed.
func call(req *http.Request) ([]byte, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %.300s", req.Method, req.URL, resp.Status, body)
	}
	return body, err
}

// ask has a baseline do its work n times, and reads what it says of it.
func (s server) ask(ctx context.Context, n int, into any) error {
	said, err := fetch(ctx, http.MethodPost, fmt.Sprintf("http://%s/?n=%d", s.address, n))
	if err != nil {
		return err
	}
	return json.Unmarshal(said, into)
}
