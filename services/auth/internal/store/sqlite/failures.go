package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

func (s *Store) RegisterFailure(ctx context.Context, key string, now time.Time, window time.Duration, pause func(int) time.Duration) (account.Counter, error) {
	var c account.Counter
	err := s.Write(ctx, func(tx *sql.Tx) error {
		var err error
		if c, err = findCounter(ctx, tx, key); err != nil {
			return err
		}
		if c.WindowStart.IsZero() || now.Sub(c.WindowStart) >= window {
			c = account.Counter{WindowStart: now}
		} else if pause != nil {
			if c.Wait = c.LastAt.Add(pause(c.Count)).Sub(now); c.Wait > 0 {
				return nil
			}
		}
		c.Count, c.LastAt, c.Wait = c.Count+1, now, 0
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO failures (id, count, window_start, last_at) VALUES (?, ?, ?, ?)`,
			key, c.Count, sqlitex.Millis(c.WindowStart), sqlitex.Millis(c.LastAt))
		return err
	})
	return c, err
}

func findCounter(ctx context.Context, q querier, key string) (account.Counter, error) {
	var n int
	var start, last int64
	err := q.QueryRowContext(ctx, `SELECT count, window_start, last_at FROM failures WHERE id = ?`, key).Scan(&n, &start, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return account.Counter{}, nil
	}
	return account.Counter{Count: n, WindowStart: sqlitex.FromMillis(start), LastAt: sqlitex.FromMillis(last)}, err
}

func (s *Store) ForgiveFailures(ctx context.Context, key string, n int) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		query, args := `UPDATE failures SET count = 0 WHERE id = ?`, []any{key}
		if n > 0 {
			query, args = `UPDATE failures SET count = max(0, count - ?) WHERE id = ?`, []any{n, key}
		}
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}

func (s *Store) ReportFailure(ctx context.Context, _ string, events ...record.Event) error {
	return s.Write(ctx, func(tx *sql.Tx) error { return sqlitex.AppendOutbox(tx, events...) })
}

func (s *Store) Sweep(ctx context.Context, before time.Time) error {
	ms := sqlitex.Millis(before)
	return s.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE expires_at < ?1 OR (ended_at > 0 AND ended_at < ?1)`, ms); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM failures WHERE last_at < ?`, ms)
		return err
	})
}
