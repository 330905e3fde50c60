package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"

	"centinela/services/recovery/internal/recovery"
	"centinela/shared/sqlitex"
)

//go:embed migrations/*.sql
var files embed.FS

// Store is recovery's store on SQLite. It is an outbox.Source by its DB.
type Store struct{ *sqlitex.DB }

var (
	_ recovery.Store = (*Store)(nil)
	_ recovery.Texts = (*Store)(nil)
	_ recovery.Inbox = (*Store)(nil)
)

// Open opens or makes the file at path.
func Open(ctx context.Context, path string, options ...sqlitex.Option) (*Store, error) {
	migrations, err := Schema()
	if err != nil {
		return nil, err
	}
	db, err := sqlitex.Open(ctx, path, migrations, options...)
	if err != nil {
		return nil, err
	}
	return &Store{db}, nil
}

// querier is the read handle or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// list decodes the JSON of the first column of every row.
func list[T any](ctx context.Context, q querier, query string, args ...any) (all []T, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var body string
		if err := rows.Scan(&body); err != nil {
			return nil, err
		}
		var one T
		if err := json.Unmarshal([]byte(body), &one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// one is the only row of list; found false: there is none.
func one[T any](ctx context.Context, q querier, query string, args ...any) (v T, found bool, err error) {
	all, err := list[T](ctx, q, query, args...)
	if err != nil || len(all) == 0 {
		return v, false, err
	}
	return all[0], true, nil
}

// write keeps effects in the transaction of their change.
func write(ctx context.Context, tx *sql.Tx, e recovery.Effects) error {
	if err := sqlitex.AppendOutbox(tx, e.Events...); err != nil {
		return err
	}
	for _, t := range e.Texts {
		body, err := json.Marshal(t)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO texts (id, owner, next_at, provider_id, finished_at, body) VALUES (?, ?, ?, ?, ?, ?)`,
			t.ID, t.Owner, sqlitex.Millis(t.NextAt), t.ProviderID, sqlitex.Millis(t.FinishedAt), string(body)); err != nil {
			return err
		}
	}
	return nil
}
