package probe

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Every is how long an answer stands.
const Every = time.Second

// Probe is the last attempt, or the one that is being made. The zero value is
// ready to use; it is safe for concurrent use.
type Probe struct {
	mu   sync.Mutex
	last *attempt
}

type attempt struct {
	begun time.Time
	ended chan struct{} // closed when err is there
	err   error
}

// Ask is the error of the last try that began less than [Every] ago or hasn't
// ended yet, and otherwise that of a new one. try outlives a caller whose ctx
// ends, because others wait for it as well: it gets a context without an end.
// Errors: try's, the context's.
func (p *Probe) Ask(ctx context.Context, try func(ctx context.Context) error) error {
	a := p.attempt(context.WithoutCancel(ctx), try)
	select {
	case <-a.ended:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Probe) attempt(ctx context.Context, try func(ctx context.Context) error) *attempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last != nil && (!p.last.over() || time.Since(p.last.begun) < Every) {
		return p.last
	}
	a := &attempt{begun: time.Now(), ended: make(chan struct{})}
	p.last = a
	go func() {
		defer close(a.ended)
		defer func() {
			if cause := recover(); cause != nil { // nothing in the background ends the process (R3)
				a.err = fmt.Errorf("probe: panic: %v\n%s", cause, debug.Stack())
			}
		}()
		a.err = try(ctx)
	}()
	return a
}

func (a *attempt) over() bool {
	select {
	case <-a.ended:
		return true
	default:
		return false
	}
}
