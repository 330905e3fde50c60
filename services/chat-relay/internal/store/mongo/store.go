package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/mongox"
)

// Store is the relay's state.
type Store struct {
	db *mongox.DB
	*mongox.Outbox
	conversations *mongox.Documents[room.Conversation]
	messages      *mongo.Collection
	digests       *mongox.Documents[digest.Digest]
}

var (
	_ room.Log     = (*Store)(nil)
	_ room.Rooms   = (*Store)(nil)
	_ room.Digests = (*Store)(nil)
)

// Open connects to the database and makes the indexes.
func Open(ctx context.Context, uri, database string) (*Store, error) {
	db, err := mongox.Open(ctx, uri, database, Indexes())
	if err != nil {
		return nil, err
	}
	return &Store{
		db: db, Outbox: db.Outbox(conversationsName, digestsName, eventsName),
		conversations: mongox.NewDocuments[room.Conversation](db, conversationsName, 1, room.ErrConversationNotFound),
		messages:      db.C(messagesName),
		digests:       mongox.NewDocuments[digest.Digest](db, digestsName, digestShape, nil),
	}, nil
}

// Ping returns nil when the server answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Close disconnects.
func (s *Store) Close(ctx context.Context) error { return s.db.Close(ctx) }

// DeliveredEvents implements outbox.Source. Stopped after the first step it leaves empty documents, which do no harm.
func (s *Store) DeliveredEvents(ctx context.Context, ids []string) error {
	if err := s.Outbox.DeliveredEvents(ctx, ids); err != nil {
		return err
	}
	_, err := s.db.C(eventsName).DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}})
	return mongox.Wrap(err)
}
