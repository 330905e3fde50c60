package mongo

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/mongox"
	"centinela/shared/outbox"
)

// Store is the relay's state. Record, Ready and Close are the database's own.
type Store struct {
	*mongox.DB
	log           *mongox.Log
	conversations *mongox.Documents[room.Conversation]
	messages      *mongo.Collection
	digests       *mongox.Documents[digest.Digest]
}

var (
	_ room.Log     = (*Store)(nil)
	_ room.Rooms   = (*Store)(nil)
	_ digest.Store = (*Store)(nil)
)

// Open connects to the database and makes the indexes.
func Open(ctx context.Context, uri, database string) (*Store, error) {
	db, err := mongox.Open(ctx, uri, database, Indexes())
	if err != nil {
		return nil, err
	}
	return &Store{
		DB: db, log: db.Log("chat-relay", conversationsName, digestsName),
		conversations: mongox.NewDocuments[room.Conversation](db, conversationsName, 1, room.ErrConversationNotFound),
		messages:      db.C(messagesName),
		digests:       mongox.NewDocuments[digest.Digest](db, digestsName, digestShape, nil),
	}, nil
}

// Outbox is what audit is told.
func (s *Store) Outbox() outbox.Log { return s.log }

// bulk is how many updates one message has: FerretDB v1 stops for good somewhat above 40.
const bulk = 40

// inBulk writes updates that don't depend on each other.
func inBulk(ctx context.Context, c *mongo.Collection, updates []mongo.WriteModel) error {
	for part := range slices.Chunk(updates, bulk) {
		if _, err := c.BulkWrite(ctx, part, options.BulkWrite().SetOrdered(false)); err != nil {
			return mongox.Wrap(err)
		}
	}
	return nil
}
