package sqlite

import (
	"context"
	"database/sql"

	"centinela/services/auth/internal/account"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

var accounts = sqlitex.NewTable(sqlitex.Layout[account.Account]{
	Table: "accounts", Shape: 1, Missing: account.ErrNotFound, Columns: []string{"id", "name_key", "ending_at"},
	Row: func(a *account.Account) []any { return []any{a.ID, a.NameKey, a.Ending.At} },
})

func (s *Store) CreateAccount(ctx context.Context, a account.Account, events ...record.Event) error {
	err := s.Write(ctx, func(tx *sql.Tx) error { return accounts.Insert(ctx, tx, &a, events...) })
	if sqlitex.IsUnique(err) {
		return account.ErrNameTaken
	}
	return err
}

func (s *Store) Account(ctx context.Context, id string) (account.Account, error) {
	return accounts.Get(ctx, s.Read(), id)
}

func (s *Store) AccountByName(ctx context.Context, key string) (account.Account, error) {
	return accounts.One(ctx, s.Read(), `SELECT body FROM accounts WHERE name_key = ?`, key)
}

func (s *Store) UpdateAccount(ctx context.Context, id string, change func(*account.Account) ([]record.Event, error)) error {
	return s.Write(ctx, func(tx *sql.Tx) error { return accounts.Update(ctx, tx, id, change) })
}

func (s *Store) AccountsEnding(ctx context.Context, after account.Unfinished, limit int) ([]account.Unfinished, error) {
	return sqlitex.Collect(ctx, s.Read(), func(u *account.Unfinished) []any { return []any{&u.Account, sqlitex.At(&u.At)} },
		`SELECT id, ending_at FROM accounts WHERE ending_at > 0 AND (ending_at, id) > (?, ?) ORDER BY ending_at, id LIMIT ?`,
		after.At, after.Account, limit)
}
