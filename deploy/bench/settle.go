package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"centinela/deploy/suite"
)

// cpuOf is the sum over several children.
func cpuOf(list ...*suite.Process) (time.Duration, error) {
	var sum time.Duration
	for _, p := range list {
		used, err := p.CPU()
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// settle waits until the children do nothing any more (what was written is shipped, the collector is done), so that one
// slice's work doesn't run in the next one's time. It returns what they have used by then.
func settle(ctx context.Context, list ...*suite.Process) (time.Duration, error) {
	const (
		look  = 100 * time.Millisecond
		still = 3
	)
	ctx, cancel := context.WithTimeout(ctx, suite.ReadyTime)
	defer cancel()
	last, err := cpuOf(list...)
	for quiet := 0; err == nil && quiet < still; {
		if err := pause(ctx, look); err != nil {
			return 0, fmt.Errorf("the processes don't come to rest: %w", err)
		}
		var now time.Duration
		if now, err = cpuOf(list...); now-last <= suite.Tick {
			quiet++
		} else {
			quiet = 0
		}
		last = now
	}
	return last, err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func get(ctx context.Context, url string, to io.Writer) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(to, resp.Body)
	return resp.StatusCode, err
}

// fetch is a get that must succeed.
func fetch(ctx context.Context, url string) ([]byte, error) {
	var text bytes.Buffer
	status, err := get(ctx, url, &text)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d: %.300s", status, &text)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	return text.Bytes(), nil
}
