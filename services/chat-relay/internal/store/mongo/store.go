package mongo

import (
	"context"

	"centinela/services/chat-relay/internal/relay"
	"centinela/shared/bounded"
	"centinela/shared/keylock"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

const maxHints = 50_000

// Store is a relay.Store.
type Store struct {
	db *mongox.DB
	*mongox.Log
	// last is a number that each conversation has reached. Messages are never deleted, so it can only be too small.
	last *bounded.Map[string, int64]
	// turns let the appends of this process to one conversation come one after the other: at once, each but one of them
	// would collide and ask again. Other instances' are found by the collision.
	turns *keylock.Locks
}

var _ relay.Store = (*Store)(nil)

// Open connects to the database and makes the indexes.
func Open(ctx context.Context, uri, database string) (*Store, error) {
	db, err := mongox.Open(ctx, uri, database, Indexes())
	if err != nil {
		return nil, err
	}
	return &Store{
		db: db, Log: db.Log("chat-relay", conversationsName, messagesName), last: bounded.New[string, int64](maxHints),
		turns: keylock.New(),
	}, nil
}

// Ping returns nil when the server answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Close disconnects.
func (s *Store) Close(ctx context.Context) error { return s.db.Close(ctx) }

// RecordEvents implements relay.Store.
func (s *Store) RecordEvents(ctx context.Context, events ...record.Event) error {
	return s.db.Record(ctx, events...)
}
