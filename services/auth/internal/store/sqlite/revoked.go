package sqlite

import (
	"context"
	"time"

	"centinela/services/auth/internal/revoked"
	"centinela/shared/sqlitex"
)

func (s *Store) Ended(ctx context.Context, from, to time.Time, after revoked.Ended, limit int) ([]revoked.Ended, error) {
	return sqlitex.Collect(ctx, s.Read(), func(scan func(...any) error) (e revoked.Ended, _ error) {
		var at, access int64
		err := scan(&e.Session, &at, &access)
		e.At, e.AccessUntil = sqlitex.FromMillis(at), sqlitex.FromMillis(access)
		return e, err
	}, `SELECT id, ended_at, access_until FROM sessions
		WHERE ended_at > 0 AND ended_at BETWEEN ? AND ? AND (ended_at, id) > (?, ?) ORDER BY ended_at, id LIMIT ?`,
		from, to, after.At, after.Session, limit)
}
