package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"centinela/services/recovery/internal/recovery"
	"centinela/shared/sqlitex"
)

const flowQuery = `SELECT body FROM flows WHERE id = ?`

// CreateFlow implements recovery.Store.
func (s *Store) CreateFlow(ctx context.Context, f recovery.Flow, e recovery.Effects) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		if err := putFlow(ctx, tx, f); err != nil {
			return err
		}
		return write(ctx, tx, e)
	})
}

// Flow implements recovery.Store.
func (s *Store) Flow(ctx context.Context, id string) (recovery.Flow, error) {
	return found(one[recovery.Flow](ctx, s.Read(), flowQuery, id))
}

// UpdateFlow implements recovery.Store.
func (s *Store) UpdateFlow(ctx context.Context, id string, change func(*recovery.Flow) (recovery.Effects, error)) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		f, err := found(one[recovery.Flow](ctx, tx, flowQuery, id))
		if err != nil {
			return err
		}
		effects, err := change(&f)
		if err != nil {
			return err
		}
		if err := putFlow(ctx, tx, f); err != nil {
			return err
		}
		return write(ctx, tx, effects)
	})
}

func putFlow(ctx context.Context, tx *sql.Tx, f recovery.Flow) error {
	body, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO flows (id, account, started_at, next_at, open_until, forget_at, body) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET account = excluded.account, next_at = excluded.next_at, open_until = excluded.open_until,
			forget_at = excluded.forget_at, body = excluded.body`,
		f.ID, f.Account, sqlitex.Millis(f.StartedAt), sqlitex.Millis(f.NextAt), sqlitex.Millis(f.OpenUntil), sqlitex.Millis(f.ForgetAt), string(body)); err != nil {
		return err
	}
	for _, t := range f.VetoTokens {
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO veto_tokens (hash, flow) VALUES (?, ?)`, t.Hash, f.ID); err != nil {
			return err
		}
	}
	return nil
}

func found(f recovery.Flow, ok bool, err error) (recovery.Flow, error) {
	if err == nil && !ok {
		err = recovery.ErrNoFlow
	}
	return f, err
}

// FlowsOfAccount implements recovery.Store.
func (s *Store) FlowsOfAccount(ctx context.Context, account string, limit int) ([]recovery.Flow, error) {
	return list[recovery.Flow](ctx, s.Read(), `SELECT body FROM flows WHERE account = ? AND account <> '' ORDER BY started_at DESC, id DESC LIMIT ?`, account, limit)
}

// OpenFlows implements recovery.Store.
func (s *Store) OpenFlows(ctx context.Context, account string, now time.Time) ([]recovery.Flow, error) {
	return list[recovery.Flow](ctx, s.Read(), `SELECT body FROM flows WHERE account = ? AND account <> '' AND open_until > 0 AND open_until > ? ORDER BY started_at DESC, id DESC`,
		account, sqlitex.Millis(now))
}

// FlowByVetoToken implements recovery.Store.
func (s *Store) FlowByVetoToken(ctx context.Context, hash string) (recovery.Flow, error) {
	return found(one[recovery.Flow](ctx, s.Read(), `SELECT f.body FROM veto_tokens t JOIN flows f ON f.id = t.flow WHERE t.hash = ?`, hash))
}

// Due implements recovery.Store.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) (accounts, flows []string, _ error) {
	at := sqlitex.Millis(now)
	accounts, err := s.ids(ctx, `SELECT account FROM wallets WHERE next_at > 0 AND next_at <= ? ORDER BY next_at LIMIT ?`, at, limit)
	if err != nil {
		return nil, nil, err
	}
	flows, err = s.ids(ctx, `SELECT id FROM flows WHERE next_at > 0 AND next_at <= ? ORDER BY next_at LIMIT ?`, at, limit)
	return accounts, flows, err
}

func (s *Store) ids(ctx context.Context, query string, args ...any) (ids []string, err error) {
	rows, err := s.Read().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
