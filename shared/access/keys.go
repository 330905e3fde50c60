package access

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"centinela/shared/fault"
)

const (
	refreshEvery  = 5 * time.Minute
	refreshAtMost = 5 * time.Second        // after a refresh that worked
	retryAtMost   = 250 * time.Millisecond // after one that failed: services start in any order
	fetchTimeout  = 3 * time.Second
)

// errNoKeys: the token may be good, but nobody can tell now. It must not sign a person out, so it is a 503.
var errNoKeys = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "the keys to check access tokens are not at hand")

// keyCache holds the last keys that the source gave, for as long as the source is silent. Its pauses are real time:
// they protect the source from traffic, and have nothing to do with the product's clock.
type keyCache struct {
	src     KeySource
	now     func() time.Time
	changed func() // the set is another one: forget what was verified with the former one
	flight  singleflight.Group
	keys    atomic.Pointer[map[string]ed25519.PublicKey]

	mu      sync.Mutex
	tried   time.Time
	lastErr error
}

// find returns the key of kid, asking the source when it is unknown.
func (c *keyCache) find(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	if key, ok := c.known(kid); ok {
		return key, nil
	}
	if err := c.refresh(ctx); err != nil {
		return nil, err
	}
	if key, ok := c.known(kid); ok {
		return key, nil
	}
	return nil, ErrTokenInvalid.WithCause(fmt.Errorf("unknown key id"))
}

func (c *keyCache) known(kid string) (ed25519.PublicKey, bool) {
	keys := c.keys.Load()
	if keys == nil {
		return nil, false
	}
	key, ok := (*keys)[kid]
	return key, ok
}

// refresh asks the source unless it was asked just now; many callers share one question.
func (c *keyCache) refresh(ctx context.Context) error {
	c.mu.Lock()
	pause := refreshAtMost
	if c.lastErr != nil {
		pause = retryAtMost
	}
	if !c.tried.IsZero() && c.now().Sub(c.tried) < pause {
		defer c.mu.Unlock()
		return c.lastErr
	}
	c.mu.Unlock()

	// The question outlives a caller who gives up: others wait for the same answer.
	answer := c.flight.DoChan("keys", func() (any, error) { return nil, c.fetch(context.WithoutCancel(ctx)) })
	select {
	case r := <-answer:
		return r.Err
	case <-ctx.Done():
		return fault.From(ctx.Err())
	}
}

func (c *keyCache) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	keys, err := c.src.Keys(ctx)
	if err != nil {
		err = errNoKeys.WithCause(err)
	} else {
		former := c.keys.Swap(&keys)
		if former != nil && !maps.EqualFunc(*former, keys, func(a, b ed25519.PublicKey) bool { return a.Equal(b) }) {
			c.changed()
		}
	}
	c.mu.Lock()
	c.tried, c.lastErr = c.now(), err
	c.mu.Unlock()
	return err
}
