package sqlite

import (
	"context"
	"embed"
	"io/fs"

	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/outbox"
	"centinela/shared/sqlitex"
)

//go:embed migrations/*.sql
var files embed.FS

// Schema is the migrations that Open applies.
func Schema() (fs.FS, error) { return fs.Sub(files, "migrations") }

// Store is the relay's state. Record and Ready are the database's own.
type Store struct {
	*sqlitex.DB
	conversations *sqlitex.Table[room.Conversation]
	digests       *sqlitex.Table[digest.Digest]
}

var (
	_ room.Log     = (*Store)(nil)
	_ room.Rooms   = (*Store)(nil)
	_ digest.Store = (*Store)(nil)
)

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
	return &Store{DB: db, conversations: conversations(), digests: digests()}, nil
}

// Outbox is what audit is told.
func (s *Store) Outbox() outbox.Log { return s.DB }

// Close closes the file.
func (s *Store) Close(context.Context) error { return s.DB.Close() }
