package mongo

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/services/recovery/internal/recovery"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

// Store is recovery's store on MongoDB.
type Store struct {
	*mongox.Log
	db *mongox.DB
}

var (
	_ recovery.Store = (*Store)(nil)
	_ recovery.Texts = (*Store)(nil)
	_ recovery.Inbox = (*Store)(nil)
)

// Open connects and makes the indexes.
func Open(ctx context.Context, uri, database string) (*Store, error) {
	db, err := mongox.Open(ctx, uri, database, indexes())
	if err != nil {
		return nil, err
	}
	return &Store{Log: db.Log("recovery", wallets, flows), db: db}, nil
}

// Ping asks the primary.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Close ends the connections.
func (s *Store) Close(ctx context.Context) error { return s.db.Close(ctx) }

// Carried is what every document has besides its content. Exported, because the
// driver leaves unexported embedded structs out.
type Carried struct {
	Version int64           `bson:"rev"`
	Outbox  mongox.Carried  `bson:"outbox,omitempty"`
	Texts   []recovery.Text `bson:"texts,omitempty"`
}

type walletDoc struct {
	ID              string `bson:"_id"`
	recovery.Wallet `bson:",inline"`
	Carried         `bson:",inline"`
}

// flowDoc holds the flow's own id as _id and as id.
type flowDoc struct {
	Key           string `bson:"_id"`
	recovery.Flow `bson:",inline"`
	Carried       `bson:",inline"`
}

func (c *Carried) add(e recovery.Effects) error {
	for _, t := range e.Texts {
		if !slices.ContainsFunc(c.Texts, func(o recovery.Text) bool { return o.ID == t.ID }) {
			c.Texts = append(c.Texts, t)
		}
	}
	return c.report(e.Events)
}

func (c *Carried) report(events []record.Event) error { return c.Outbox.Carry(events...) }

func byID(id string) bson.D { return bson.D{{Key: "_id", Value: id}} }

func is(key string, value any) bson.D { return bson.D{{Key: key, Value: value}} }

func atMost(key string, t time.Time) bson.D { return is(key, is("$lte", t)) }

func find[T any](ctx context.Context, c *mongo.Collection, filter bson.D, opts *options.FindOptionsBuilder) ([]T, error) {
	cursor, err := c.Find(ctx, filter, opts)
	if err != nil {
		return nil, mongox.Wrap(err)
	}
	var all []T
	if err := cursor.All(ctx, &all); err != nil {
		return nil, mongox.Wrap(err)
	}
	return all, nil
}

func findOne[T any](ctx context.Context, c *mongo.Collection, filter bson.D) (v T, found bool, _ error) {
	err := c.FindOne(ctx, filter).Decode(&v)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return v, false, nil
	}
	return v, err == nil, mongox.Wrap(err)
}

// missing is told by identity: the callbacks' own faults may have the same code.
func missing(err error) bool { return err == error(mongox.ErrNoDocument) } //nolint:errorlint // see above
