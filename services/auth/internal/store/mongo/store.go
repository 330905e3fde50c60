package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/services/auth/internal/account"
	"centinela/shared/mongox"
)

// Store is an account.Store and, through its embedded outbox, an outbox.Log.
type Store struct {
	*mongox.Log
	db *mongox.DB
}

var _ account.Store = (*Store)(nil)

// Open connects and makes the indexes. Errors are those of mongox.Open.
func Open(ctx context.Context, uri, database string) (*Store, error) {
	db, err := mongox.Open(ctx, uri, database, indexes())
	if err != nil {
		return nil, err
	}
	return &Store{Log: db.Log("auth", accounts, sessions), db: db}, nil
}

// Close ends the connections.
func (s *Store) Close(ctx context.Context) error { return s.db.Close(ctx) }

// Ping asks the primary.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

func notFound(err error) error {
	if errors.Is(err, mongo.ErrNoDocuments) || errors.Is(err, mongox.ErrNoDocument) {
		return account.ErrNotFound
	}
	return mongox.Wrap(err)
}

func byID(id string) bson.D { return bson.D{{Key: "_id", Value: id}} }
