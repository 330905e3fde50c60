package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"centinela/services/recovery/internal/recovery"
	"centinela/shared/sqlitex"
)

const walletQuery = `SELECT body FROM wallets WHERE account = ?`

// Wallet implements recovery.Store.
func (s *Store) Wallet(ctx context.Context, account string) (recovery.Wallet, error) {
	w, found, err := one[recovery.Wallet](ctx, s.Read(), walletQuery, account)
	if !found {
		w.Account = account
	}
	return w, err
}

// UpdateWallet implements recovery.Store.
func (s *Store) UpdateWallet(ctx context.Context, account string, change func(*recovery.Wallet) (recovery.Effects, error)) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		w, _, err := one[recovery.Wallet](ctx, tx, walletQuery, account)
		if err != nil {
			return err
		}
		w.Account = account
		effects, err := change(&w)
		if err != nil {
			return err
		}
		body, err := json.Marshal(w)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO wallets (account, next_at, body) VALUES (?, ?, ?)
			ON CONFLICT (account) DO UPDATE SET next_at = excluded.next_at, body = excluded.body`,
			account, sqlitex.Millis(w.NextAt), string(body)); err != nil {
			return err
		}
		if err := indexNumbers(ctx, tx, w); err != nil {
			return err
		}
		return write(ctx, tx, effects)
	})
}

func indexNumbers(ctx context.Context, tx *sql.Tx, w recovery.Wallet) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM wallet_numbers WHERE account = ?`, w.Account); err != nil {
		return err
	}
	for _, n := range w.Numbers {
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO wallet_numbers (mac, account) VALUES (?, ?)`, n.MAC, w.Account); err != nil {
			return err
		}
	}
	return nil
}

// WalletsByNumber implements recovery.Store.
func (s *Store) WalletsByNumber(ctx context.Context, mac string) ([]recovery.Wallet, error) {
	return list[recovery.Wallet](ctx, s.Read(), `SELECT w.body FROM wallet_numbers n JOIN wallets w ON w.account = n.account WHERE n.mac = ? ORDER BY n.account`, mac)
}
