package access

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
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

// keySet is auth's public keys, by key id. It never changes.
type keySet map[string]ed25519.PublicKey

// keyCache holds the last keys that the source gave, for as long as the source is silent. Its pauses are real time:
// they protect the source from traffic, and have nothing to do with the product's clock.
type keyCache struct {
	src    KeySource
	now    func() time.Time
	flight singleflight.Group
	keys   atomic.Pointer[keySet] // another pointer exactly when the keys are others

	mu      sync.Mutex
	tried   time.Time
	lastErr error
}

// find returns the key of kid, asking the source when it is unknown.
func (c *keyCache) find(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	if key, ok := (*c.keys.Load())[kid]; ok {
		return key, nil
	}
	if err := c.refresh(ctx); err != nil {
		return nil, err
	}
	if key, ok := (*c.keys.Load())[kid]; ok {
		return key, nil
	}
	return nil, ErrTokenInvalid.WithCause(errors.New("unknown key id"))
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
	answer := c.flight.DoChan("keys", func() (any, error) {
		err := c.fetch(context.WithoutCancel(ctx))
		c.mu.Lock()
		defer c.mu.Unlock()
		c.tried, c.lastErr = c.now(), err
		return nil, err
	})
	select {
	case r := <-answer:
		return r.Err
	case <-ctx.Done():
		return fault.From(ctx.Err())
	}
}

// fetch runs on a goroutine of its own, where a panic would end the process (R3).
func (c *keyCache) fetch(ctx context.Context) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = errNoKeys.WithCause(fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	keys, err := c.src.Keys(ctx)
	if err != nil {
		return errNoKeys.WithCause(err)
	}
	if !maps.EqualFunc(*c.keys.Load(), keys, func(a, b ed25519.PublicKey) bool { return a.Equal(b) }) {
		set := keySet(keys)
		c.keys.Store(&set)
	}
	return nil
}
