package sqlite

import (
	"context"
	"database/sql"
	"time"

	"centinela/shared/sqlitex"
)

const keepFinished = 7 * 24 * time.Hour

// Count implements recovery.Store.
func (s *Store) Count(ctx context.Context, key string, now time.Time, window time.Duration) (int, error) {
	var n int
	err := s.Write(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `INSERT INTO counters (key, n, expires_at) VALUES (?1, 1, ?3)
			ON CONFLICT (key) DO UPDATE SET
				n          = CASE WHEN expires_at <= ?2 THEN 1 ELSE n + 1 END,
				expires_at = CASE WHEN expires_at <= ?2 THEN ?3 ELSE expires_at END
			RETURNING n`, key, sqlitex.Millis(now), sqlitex.Millis(now.Add(window))).Scan(&n)
	})
	return n, err
}

// Uncount implements recovery.Store.
func (s *Store) Uncount(ctx context.Context, key string) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM counters WHERE key = ?`, key)
		return err
	})
}

// Prune implements recovery.Store. The outbox is a table of its own here, so a
// flow's events don't go with it.
func (s *Store) Prune(ctx context.Context, now time.Time) error {
	at, old := sqlitex.Millis(now), sqlitex.Millis(now.Add(-keepFinished))
	return s.Write(ctx, func(tx *sql.Tx) error {
		for query, arg := range map[string]int64{
			`DELETE FROM counters WHERE expires_at <= ?`:                   at,
			`DELETE FROM flows WHERE forget_at <= ?`:                       at,
			`DELETE FROM texts WHERE finished_at > 0 AND finished_at <= ?`: old,
			`DELETE FROM inbox WHERE at <= ?`:                              old,
		} {
			if _, err := tx.ExecContext(ctx, query, arg); err != nil {
				return err
			}
		}
		return nil
	})
}
