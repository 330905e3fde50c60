package mongo

import (
	"context"
	"time"

	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

// Wallet implements wallet.Store.
func (s *Store) Wallet(ctx context.Context, account string) (wallet.Wallet, error) {
	doc, err := s.wallets.Get(ctx, account)
	doc.Account = account
	return doc.Wallet, err
}

// UpdateWallet implements wallet.Store.
func (s *Store) UpdateWallet(ctx context.Context, account string, change func(*wallet.Wallet) (post.Effects, error)) error {
	return s.wallets.Update(ctx, account, func(d *WalletDoc) ([]record.Event, error) {
		d.Account = account
		effects, err := change(&d.Wallet)
		d.take(effects)
		return effects.Events, err
	})
}

// WalletsByNumber implements wallet.Store.
func (s *Store) WalletsByNumber(ctx context.Context, mac string) ([]wallet.Wallet, error) {
	docs, err := s.wallets.List(ctx, is("numbers.mac", mac), mongox.Keys("_id"), 0)
	var all []wallet.Wallet
	for _, d := range docs {
		all = append(all, d.Wallet)
	}
	return all, err
}

// DueWallets implements wallet.Store.
func (s *Store) DueWallets(ctx context.Context, now time.Time, limit int) ([]due.Item, error) {
	return listDue(ctx, s.wallets.Collection, now, limit)
}

// PutOffWallet implements wallet.Store.
func (s *Store) PutOffWallet(ctx context.Context, item due.Item, next time.Time) error {
	return putOff(ctx, s.wallets.Collection, item, next)
}
