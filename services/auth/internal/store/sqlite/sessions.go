package sqlite

import (
	"context"
	"database/sql"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/revoked"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

var sessions = sqlitex.NewTable(sqlitex.Layout[account.Session]{
	Table: "sessions", Shape: 1, Missing: account.ErrNotFound,
	Columns: []string{"id", "account", "last_used_at", "expires_at", "ended_at", "access_until"},
	Row: func(s *account.Session) []any {
		return []any{s.ID, s.Account, s.LastUsedAt, s.ExpiresAt, s.EndedAt, s.AccessUntil}
	},
})

// BeginSession is one transaction.
func (s *Store) BeginSession(ctx context.Context, id string, change func(*account.Account) (account.Session, []record.Event, error)) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		var sess account.Session
		var events []record.Event
		err := accounts.Update(ctx, tx, id, func(a *account.Account) (_ []record.Event, err error) {
			sess, events, err = change(a)
			return nil, err
		})
		if err != nil {
			return err
		}
		return sessions.Insert(ctx, tx, &sess, events...)
	})
}

func (s *Store) Session(ctx context.Context, id string) (account.Session, error) {
	return sessions.Get(ctx, s.Read(), id)
}

func (s *Store) SessionsOf(ctx context.Context, owner string, now time.Time) ([]account.Session, error) {
	return sessions.List(ctx, s.Read(),
		`SELECT body FROM sessions WHERE account = ? AND ended_at = 0 AND expires_at > ? ORDER BY last_used_at DESC, id`, owner, now)
}

func (s *Store) UpdateSession(ctx context.Context, id string, change func(*account.Session) ([]record.Event, error)) error {
	return s.Write(ctx, func(tx *sql.Tx) error { return sessions.Update(ctx, tx, id, change) })
}

func (s *Store) Ended(ctx context.Context, from, to time.Time, after revoked.Ended, limit int) ([]revoked.Ended, error) {
	return sqlitex.Collect(ctx, s.Read(), func(e *revoked.Ended) []any {
		return []any{&e.Session, sqlitex.At(&e.At), sqlitex.At(&e.AccessUntil)}
	}, `SELECT id, ended_at, access_until FROM sessions
		WHERE ended_at > 0 AND ended_at BETWEEN ? AND ? AND (ended_at, id) > (?, ?) ORDER BY ended_at, id LIMIT ?`,
		from, to, after.At, after.Session, limit)
}

// SweepSessions deletes at most limit sessions that ended or expired before that time, and says how many.
func (s *Store) SweepSessions(ctx context.Context, before time.Time, limit int) (int, error) {
	expired, err := s.Prune(ctx, limit, `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ? ORDER BY expires_at LIMIT ?)`, before)
	if err != nil || expired == limit {
		return expired, err
	}
	ended, err := s.Prune(ctx, limit-expired,
		`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE ended_at > 0 AND ended_at < ? ORDER BY ended_at LIMIT ?)`, before)
	return expired + ended, err
}
