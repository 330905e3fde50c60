package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"

	"centinela/services/auth/internal/account"
	"centinela/shared/sqlitex"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is an account.Store and an outbox.Source.
type Store struct{ *sqlitex.DB }

var _ account.Store = (*Store)(nil)

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

// Ping asks the file.
func (s *Store) Ping(ctx context.Context) error { return s.Read().PingContext(ctx) }

// querier is a transaction or the read handle.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return account.ErrNotFound
	}
	return err
}
