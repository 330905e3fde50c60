package roomtest

import (
	"context"
	"sync"
	"sync/atomic"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/sms"
)

// Hooked is a store in which something else happens right before an update:
// between what a use case read and what it changes. Each hook is called once.
type Hooked struct {
	Store
	wallet, flow atomic.Pointer[func()]
}

// BeforeWallet is called before the next UpdateWallet.
func (h *Hooked) BeforeWallet(hook func()) { h.wallet.Store(&hook) }

// BeforeFlow is called before the next UpdateFlow.
func (h *Hooked) BeforeFlow(hook func()) { h.flow.Store(&hook) }

func call(hook *atomic.Pointer[func()]) {
	if f := hook.Swap(nil); f != nil {
		(*f)()
	}
}

// UpdateWallet implements wallet.Store.
func (h *Hooked) UpdateWallet(ctx context.Context, account string, change func(*wallet.Wallet) (post.Effects, error)) error {
	call(&h.wallet)
	return h.Store.UpdateWallet(ctx, account, change)
}

// UpdateFlow implements claim.Store.
func (h *Hooked) UpdateFlow(ctx context.Context, id string, change func(*claim.Flow) (post.Effects, error)) error {
	call(&h.flow)
	return h.Store.UpdateFlow(ctx, id, change)
}

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
