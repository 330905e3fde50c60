package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

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
	*mongox.Outbox
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
		db: db, Outbox: db.Outbox(conversationsName, messagesName, eventsName), last: bounded.New[string, int64](maxHints),
		turns: keylock.New(),
	}, nil
}

// Ping returns nil when the server answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Close disconnects.
func (s *Store) Close(ctx context.Context) error { return s.db.Close(ctx) }

type eventDoc struct {
	ID     string         `bson:"_id"`
	Outbox []record.Event `bson:"outbox"`
}

// RecordEvents implements relay.Store: each event is a document of its own, which goes when it is delivered.
func (s *Store) RecordEvents(ctx context.Context, events ...record.Event) error {
	if len(events) == 0 {
		return nil
	}
	docs := make([]any, len(events))
	for i, e := range events {
		docs[i] = eventDoc{ID: e.ID, Outbox: []record.Event{e}}
	}
	_, err := s.db.C(eventsName).InsertMany(ctx, docs)
	return mongox.Wrap(err)
}

// DeliveredEvents implements relay.Store. Stopped after the first step it leaves empty documents, which do no harm.
func (s *Store) DeliveredEvents(ctx context.Context, ids []string) error {
	if err := s.Outbox.DeliveredEvents(ctx, ids); err != nil {
		return err
	}
	_, err := s.db.C(eventsName).DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}})
	return mongox.Wrap(err)
}
