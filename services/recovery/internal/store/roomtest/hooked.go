package roomtest

import (
	"context"
	"sync"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
)

// Hooked is a store in which something else happens right before an update:
// between what a use case read and what it changes. Each hook is called once.
type Hooked struct {
	Store
	mu     sync.Mutex
	wallet func()
	flow   func()
}

// BeforeWallet is called before the next UpdateWallet.
func (h *Hooked) BeforeWallet(hook func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wallet = hook
}

// BeforeFlow is called before the next UpdateFlow.
func (h *Hooked) BeforeFlow(hook func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.flow = hook
}

func (h *Hooked) call(hook *func()) {
	h.mu.Lock()
	f := *hook
	*hook = nil
	h.mu.Unlock()
	if f != nil {
		f()
	}
}

// UpdateWallet implements wallet.Store.
func (h *Hooked) UpdateWallet(ctx context.Context, account string, change func(*wallet.Wallet) (post.Effects, error)) error {
	h.call(&h.wallet)
	return h.Store.UpdateWallet(ctx, account, change)
}

// UpdateFlow implements claim.Store.
func (h *Hooked) UpdateFlow(ctx context.Context, id string, change func(*claim.Flow) (post.Effects, error)) error {
	h.call(&h.flow)
	return h.Store.UpdateFlow(ctx, id, change)
}
