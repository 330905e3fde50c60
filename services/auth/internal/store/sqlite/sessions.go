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

const sessionColumns = `id, account, last_used_at, expires_at, ended_at, access_until, body`

func (s *Store) CreateSession(ctx context.Context, sess account.Session, events ...record.Event) error {
	text, err := sessionBody(sess)
	if err != nil {
		return err
	}
	return s.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO sessions (`+sessionColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			sess.ID, sess.Account, sqlitex.Millis(sess.LastUsedAt), sqlitex.Millis(sess.ExpiresAt), sqlitex.Millis(sess.EndedAt), sqlitex.Millis(sess.AccessUntil), text); err != nil {
			return err
		}
		return sqlitex.AppendOutbox(tx, events...)
	})
}

func (s *Store) Session(ctx context.Context, id string) (account.Session, error) {
	return findSession(ctx, s.Read(), id)
}

func findSession(ctx context.Context, q querier, id string) (account.Session, error) {
	return scanSession(q.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ?`, id))
}

func scanSession(row interface{ Scan(...any) error }) (account.Session, error) {
	var (
		id, owner, text              string
		used, expires, ended, access int64
	)
	if err := row.Scan(&id, &owner, &used, &expires, &ended, &access, &text); err != nil {
		return account.Session{}, notFound(err)
	}
	sess, err := sessionOf(id, text)
	sess.Account, sess.LastUsedAt = owner, sqlitex.FromMillis(used)
	sess.ExpiresAt, sess.EndedAt = sqlitex.FromMillis(expires), sqlitex.FromMillis(ended)
	sess.AccessUntil = sqlitex.FromMillis(access)
	return sess, err
}

func (s *Store) SessionsOf(ctx context.Context, owner string, now time.Time) (sessions []account.Session, err error) {
	rows, err := s.Read().QueryContext(ctx,
		`SELECT `+sessionColumns+` FROM sessions WHERE account = ? AND ended_at = 0 AND expires_at > ? ORDER BY last_used_at DESC, id`,
		owner, sqlitex.Millis(now))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		sess, err := scanSession(rows)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, sess)
	}
	return sessions, rows.Err()
}

func (s *Store) UpdateSession(ctx context.Context, id string, change func(*account.Session) ([]record.Event, error)) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		sess, err := findSession(ctx, tx, id)
		if err != nil {
			return err
		}
		events, err := change(&sess)
		if err != nil {
			return err
		}
		sess.Version++
		text, err := sessionBody(sess)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE sessions SET last_used_at = ?, expires_at = ?, ended_at = ?, access_until = ?, body = ? WHERE id = ?`,
			sqlitex.Millis(sess.LastUsedAt), sqlitex.Millis(sess.ExpiresAt), sqlitex.Millis(sess.EndedAt), sqlitex.Millis(sess.AccessUntil), text, id); err != nil {
			return err
		}
		return sqlitex.AppendOutbox(tx, events...)
	})
}
