package mongox

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

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
