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

func (s *Store) CreateAccount(ctx context.Context, a account.Account, events ...record.Event) error {
	text, err := accountBody(a)
	if err != nil {
		return err
	}
	err = s.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO accounts (id, name_key, ending_at, body) VALUES (?, ?, ?, ?)`,
			a.ID, a.NameKey, sqlitex.Millis(a.Ending.At), text); err != nil {
			return err
		}
		return sqlitex.AppendOutbox(tx, events...)
	})
	if sqlitex.IsUnique(err) {
		return account.ErrNameTaken
	}
	return err
}

func (s *Store) Account(ctx context.Context, id string) (account.Account, error) {
	return findAccount(ctx, s.Read(), `SELECT id, name_key, body FROM accounts WHERE id = ?`, id)
}

func (s *Store) AccountByName(ctx context.Context, key string) (account.Account, error) {
	return findAccount(ctx, s.Read(), `SELECT id, name_key, body FROM accounts WHERE name_key = ?`, key)
}

func findAccount(ctx context.Context, q querier, query, arg string) (account.Account, error) {
	var id, nameKey, text string
	if err := q.QueryRowContext(ctx, query, arg).Scan(&id, &nameKey, &text); err != nil {
		return account.Account{}, notFound(err)
	}
	return accountOf(id, nameKey, text)
}

func (s *Store) UpdateAccount(ctx context.Context, id string, change func(*account.Account) ([]record.Event, error)) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		a, err := findAccount(ctx, tx, `SELECT id, name_key, body FROM accounts WHERE id = ?`, id)
		if err != nil {
			return err
		}
		events, err := change(&a)
		if err != nil {
			return err
		}
		a.Version++
		text, err := accountBody(a)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE accounts SET ending_at = ?, body = ? WHERE id = ?`,
			sqlitex.Millis(a.Ending.At), text, id); err != nil {
			return err
		}
		return sqlitex.AppendOutbox(tx, events...)
	})
}

func (s *Store) AccountsEnding(ctx context.Context, before time.Time, limit int) (ids []string, err error) {
	rows, err := s.Read().QueryContext(ctx,
		`SELECT id FROM accounts WHERE ending_at > 0 AND ending_at < ? ORDER BY ending_at LIMIT ?`, sqlitex.Millis(before), limit)
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
