package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

var wallets = sqlitex.NewTable(sqlitex.Layout[wallet.Wallet]{
	Table: "wallets", Shape: 1, Columns: []string{"account", "next_at", "attempts"},
	Row: func(w *wallet.Wallet) []any { return []any{w.Account, w.NextAt, 0} },
})

// Wallet implements wallet.Store.
func (s *Store) Wallet(ctx context.Context, account string) (wallet.Wallet, error) {
	w, err := wallets.Get(ctx, s.Read(), account)
	w.Account = account
	return w, err
}

// UpdateWallet implements wallet.Store.
func (s *Store) UpdateWallet(ctx context.Context, account string, change func(*wallet.Wallet) (post.Effects, error)) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		var effects post.Effects
		var before, after []string
		err := wallets.Update(ctx, tx, account, func(w *wallet.Wallet) (_ []record.Event, err error) {
			w.Account, before = account, macs(w)
			effects, err = change(w)
			after = macs(w)
			return effects.Events, err
		})
		if err != nil {
			return err
		}
		if !slices.Equal(before, after) {
			if err := indexNumbers(ctx, tx, account, after); err != nil {
				return err
			}
		}
		return putTexts(ctx, tx, account, effects)
	})
}

// macs are by what the wallet is found.
func macs(w *wallet.Wallet) []string {
	var all []string
	for _, n := range w.Numbers {
		all = append(all, n.MAC)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func indexNumbers(ctx context.Context, tx *sql.Tx, account string, macs []string) error {
	if _, err := sqlitex.Exec(ctx, tx, `DELETE FROM wallet_numbers WHERE account = ?`, account); err != nil {
		return err
	}
	for _, mac := range macs {
		if _, err := sqlitex.Exec(ctx, tx, `INSERT INTO wallet_numbers (mac, account) VALUES (?, ?)`, mac, account); err != nil {
			return err
		}
	}
	return nil
}

// WalletsByNumber implements wallet.Store.
func (s *Store) WalletsByNumber(ctx context.Context, mac string) ([]wallet.Wallet, error) {
	return wallets.List(ctx, s.Read(), `SELECT w.body FROM wallet_numbers n JOIN wallets w ON w.account = n.account WHERE n.mac = ? ORDER BY n.account`, mac)
}

// DueWallets implements wallet.Store.
func (s *Store) DueWallets(ctx context.Context, now time.Time, limit int) ([]due.Item, error) {
	return s.due(ctx, `SELECT account, attempts FROM wallets WHERE next_at > 0 AND next_at <= ? ORDER BY next_at LIMIT ?`, now, limit)
}

// PutOffWallet implements wallet.Store.
func (s *Store) PutOffWallet(ctx context.Context, item due.Item, next time.Time) error {
	return s.putOff(ctx, `UPDATE wallets SET next_at = ?1, attempts = ?2 WHERE account = ?3 AND next_at > 0 AND next_at < ?1`, item, next)
}
