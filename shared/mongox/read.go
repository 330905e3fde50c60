package mongox

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// List is the documents that match, in that order (nil: none asked for), at most
// limit of them (0: all); with fields, these alone and the _id are read. A limit
// needs an order: without one the server may leave out any. Errors: [ErrUnavailable].
func List[T any](ctx context.Context, c *mongo.Collection, filter any, order bson.D, limit int, fields ...string) ([]T, error) {
	opts := ordered(order, limit)
	if fields != nil {
		opts.SetProjection(Keys(fields...))
	}
	return find[T](ctx, c, filter, opts)
}

func ordered(order bson.D, limit int) *options.FindOptionsBuilder {
	opts := options.Find().SetLimit(int64(limit))
	if order == nil {
		return opts
	}
	return opts.SetSort(order)
}

// IDs is List of the documents' _id, which alone are read.
func IDs(ctx context.Context, c *mongo.Collection, filter any, order bson.D, limit int) (ids []string, _ error) {
	docs, err := List[struct {
		ID string `bson:"_id"`
	}](ctx, c, filter, order, limit, "_id")
	for _, d := range docs {
		ids = append(ids, d.ID)
	}
	return ids, err
}

// One is a document that matches; found false: there is none. With several, which
// one is the server's choice. Errors: [ErrUnavailable].
func One[T any](ctx context.Context, c *mongo.Collection, filter any) (v T, found bool, _ error) {
	err := c.FindOne(ctx, filter).Decode(&v)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return v, false, nil
	}
	return v, err == nil, Wrap(err)
}

func find[T any](ctx context.Context, c *mongo.Collection, filter any, opts *options.FindOptionsBuilder) ([]T, error) {
	cursor, err := c.Find(ctx, filter, opts)
	if err != nil {
		return nil, Wrap(err)
	}
	var all []T
	if err := cursor.All(ctx, &all); err != nil {
		return nil, Wrap(err)
	}
	return all, nil
}

// Prune is one piece of a sweep (sweep.InPieces): it deletes the first limit
// documents that match, in that order. The filter is asked again with the
// deletion, so that one that was changed meanwhile stays. n counts those found:
// fewer than limit means that none is left. Errors: [ErrUnavailable].
func Prune(ctx context.Context, c *mongo.Collection, filter bson.D, order bson.D, limit int) (n int, err error) {
	ids, err := IDs(ctx, c, filter, order, limit)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	still := append(bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}, filter...)
	_, err = c.DeleteMany(ctx, still)
	return len(ids), Wrap(err)
}
