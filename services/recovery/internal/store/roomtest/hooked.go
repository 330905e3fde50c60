package roomtest

import (
	"context"
	"sync/atomic"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
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
