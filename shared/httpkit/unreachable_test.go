package httpkit

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"centinela/shared/fault"
)

// TestUnreachablePeerIsUnavailable: a machine that is gone without a word is unavailable, and not a caller whose time is
// over: the dial's time ends, which net calls a context.DeadlineExceeded.
func TestUnreachablePeerIsUnavailable(t *testing.T) {
	_, dialed := (&net.Dialer{Deadline: time.Unix(1, 0)}).Dial("tcp", "127.0.0.1:1") // of another dialer than ours
	if !errors.Is(dialed, context.DeadlineExceeded) {
		t.Fatalf("the dial failed with %v, want its time to be over", dialed)
	}
	c := &Client{opts: ClientOptions{Callee: "auth"}}
	outcome, f := c.explain(dialed)
	if outcome != "unavailable" || f.Kind != fault.KindUnavailable || f.RetryAfter == 0 {
		t.Errorf("%s: %v, retry after %s; want unavailable, with when to come again", outcome, f, f.RetryAfter)
	}
	if outcome, f := c.explain(context.DeadlineExceeded); outcome != "timeout" || f.Kind != fault.KindTimeout {
		t.Errorf("the caller's own time: %s, %v", outcome, f)
	}
}
