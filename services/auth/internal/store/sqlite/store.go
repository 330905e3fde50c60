package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/revoked"
	"centinela/shared/sqlitex"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is what auth keeps and, through its embedded file, an outbox.Log.
type Store struct{ *sqlitex.DB }

var (
	_ account.Store = (*Store)(nil)
	_ revoked.Store = (*Store)(nil)
)

// Open opens or makes the file at path. Errors are those of sqlitex.Open: one line, with what to do.
func Open(ctx context.Context, path string, options ...sqlitex.Option) (*Store, error) {
	files, err := Schema()
	if err != nil {
		return nil, err
	}
	db, err := sqlitex.Open(ctx, path, files, options...)
	if err != nil {
		return nil, err
	}
	return &Store{DB: db}, nil
}

// Close ends after the writes that wait.
func (s *Store) Close(context.Context) error { return s.DB.Close() }

// Schema is the migrations that Open applies.
func Schema() (fs.FS, error) { return fs.Sub(migrations, "migrations") }

// Count is how many accounts the file at path holds, beside its service or without it.
func Count(ctx context.Context, path string) (n int, err error) {
	err = sqlitex.Look(path, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, `SELECT count(*) FROM accounts`).Scan(&n)
	})
	return n, err
}
