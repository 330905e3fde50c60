package sqlite

import (
	"context"
	"embed"

	"centinela/services/chat-relay/internal/relay"
	"centinela/shared/sqlitex"
)

//go:embed migrations/*.sql
var files embed.FS

// Store is a relay.Store. The outbox methods are the database's own.
type Store struct{ *sqlitex.DB }

var _ relay.Store = (*Store)(nil)

// Open opens the database file at path, or makes it.
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

// Ping returns nil when the file answers.
func (s *Store) Ping(ctx context.Context) error { return s.Read().PingContext(ctx) }

// Close closes the file.
func (s *Store) Close(context.Context) error { return s.DB.Close() }
