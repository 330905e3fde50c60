package suite

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	readyPoll = 5 * time.Millisecond
	// answerTime bounds one question: /readyz answers at once, or the machine is busy and is asked again.
	answerTime = 10 * time.Second
)

// AwaitReady waits until /readyz of the operations listener ops says so.
func (p *Process) AwaitReady(ctx context.Context, ops string) error {
	ctx, cancel := context.WithTimeout(ctx, ReadyTime)
	defer cancel()
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for {
		status := Readyz(ctx, ops)
		if status == http.StatusOK {
			return nil
		}
		select {
		case <-p.ended:
			return p.failure("ended before it was ready")
		case <-ctx.Done():
			return p.failure(fmt.Sprintf("not ready: /readyz says %d", status))
		case <-ticker.C:
		}
	}
}

// Readyz is the status that /readyz of an operations listener answers, 0 for none.
func Readyz(ctx context.Context, ops string) int {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+ops+"/readyz", nil)
	if err != nil {
		return 0
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	resp.Body.Close() //nolint:errcheck // the status is all that is asked for
	return resp.StatusCode
}
