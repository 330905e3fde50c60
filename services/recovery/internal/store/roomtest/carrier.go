package roomtest

import (
	"context"
	"sync"

	"centinela/shared/sms"
)

// Carrier is a Sender that can be broken: it answers with each of Errs once, then
// with Always as long as that is set, and hands on to Inner else.
type Carrier struct {
	mu     sync.Mutex
	Inner  sms.Sender
	Errs   []error
	always error
	IDs    []string // of all texts that it was given
}

// Break makes every text fail with err; nil mends it.
func (c *Carrier) Break(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.always = err
}

// Send implements sms.Sender.
func (c *Carrier) Send(ctx context.Context, m sms.Message) (string, error) {
	c.mu.Lock()
	c.IDs = append(c.IDs, m.ID)
	err := c.always
	if len(c.Errs) > 0 {
		err, c.Errs = c.Errs[0], c.Errs[1:]
	}
	inner := c.Inner
	c.mu.Unlock()
	if err != nil {
		return "", err
	}
	return inner.Send(ctx, m)
}
