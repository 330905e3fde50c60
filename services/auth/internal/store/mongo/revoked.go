package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"centinela/services/auth/internal/revoked"
	"centinela/shared/mongox"
)

type endedDoc struct {
	Session     string    `bson:"_id"`
	At          time.Time `bson:"ended_at"`
	AccessUntil time.Time `bson:"access_until"`
}

func (s *Store) Ended(ctx context.Context, from, to time.Time, after revoked.Ended, limit int) ([]revoked.Ended, error) {
	filter := bson.D{{Key: "ended_at", Value: bson.D{{Key: "$gte", Value: from}, {Key: "$lte", Value: to}}}}
	if after.Session != "" {
		filter = append(filter, bson.E{Key: "$or", Value: bson.A{
			bson.D{{Key: "ended_at", Value: bson.D{{Key: "$gt", Value: after.At}}}},
			bson.D{{Key: "ended_at", Value: after.At}, {Key: "_id", Value: bson.D{{Key: "$gt", Value: after.Session}}}},
		}})
	}
	docs, err := mongox.List[endedDoc](ctx, s.db.C(sessions), filter, mongox.Keys("ended_at", "_id"), limit)
	return mapped(docs, func(d endedDoc) revoked.Ended { return revoked.Ended(d) }), err
}
