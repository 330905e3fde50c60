package wallet

import (
	"context"
	"time"

	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/post"
)

// Store keeps wallets. Every method is atomic; callbacks may run several times
// and must only change their argument; a callback's error comes back as it is,
// and nothing is written. Errors else: unavailable, the context's.
type Store interface {
	// Wallet returns the account's wallet, an empty one when there is none.
	Wallet(ctx context.Context, account string) (Wallet, error)
	// UpdateWallet loads (or starts), changes and keeps a wallet.
	UpdateWallet(ctx context.Context, account string, change func(*Wallet) (post.Effects, error)) error
	// WalletsByNumber returns the wallets that hold a number with that MAC, by account.
	WalletsByNumber(ctx context.Context, mac string) ([]Wallet, error)
	// DueWallets returns the accounts of wallets whose time has come (NextAt, or
	// when they were put off to), the longest due first.
	DueWallets(ctx context.Context, now time.Time, limit int) ([]due.Item, error)
	// PutOffWallet makes one that is due again at next, whatever is in it; the next
	// UpdateWallet ends that. One that isn't due any more is left alone.
	PutOffWallet(ctx context.Context, item due.Item, next time.Time) error
}
