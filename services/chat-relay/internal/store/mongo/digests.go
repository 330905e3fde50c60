package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/services/chat-relay/internal/digest"
	"centinela/shared/mongox"
)

// shapedDigest is mongox.Document without its id and outbox.
type shapedDigest struct {
	Shape int           `bson:"v"`
	Rev   int64         `bson:"rev"`
	Value digest.Digest `bson:",inline"`
}

const digestShape = 1

// putDigests stores digests, or what they have reached since. One that another relay has closed stays closed.
func (s *Store) putDigests(ctx context.Context, digests []digest.Digest) error {
	updates := make([]mongo.WriteModel, len(digests))
	for i, d := range digests {
		value, err := mongox.Raw(shapedDigest{Shape: digestShape, Rev: 1, Value: d})
		if err != nil {
			return err
		}
		updates[i] = mongo.NewUpdateOneModel().SetFilter(mongox.ByID(d.ID)).SetUpdate(mongox.Set(value)).SetUpsert(true)
	}
	return inBulk(ctx, s.digests.Collection, updates)
}

// OpenDigests implements digest.Store.
func (s *Store) OpenDigests(ctx context.Context, owner string, before time.Time, limit int) ([]digest.Digest, error) {
	filter := append(open(), bson.E{Key: "opened_at", Value: bson.D{{Key: "$lt", Value: before}}})
	if owner != "" {
		filter = append(filter, bson.E{Key: "owner", Value: owner})
	}
	return s.digests.List(ctx, filter, mongox.Keys("opened_at", "_id"), limit)
}

func open() bson.D { return bson.D{{Key: "closed", Value: bson.D{{Key: "$exists", Value: false}}}} }

// CloseDigests implements digest.Store. A closed digest carries its event until that is in the log; twice as many as are
// closed go here, if they are there.
func (s *Store) CloseDigests(ctx context.Context, closed []digest.Closed) error {
	updates := make([]mongo.WriteModel, 0, len(closed))
	for _, d := range closed {
		one := append(mongox.ByID(d.ID), open()...)
		if d.Event == nil {
			updates = append(updates, mongo.NewDeleteOneModel().SetFilter(one))
			continue
		}
		carrying, err := mongox.Carrying(*d.Event)
		if err != nil {
			return err
		}
		updates = append(updates, mongo.NewUpdateOneModel().SetFilter(one).SetUpdate(append(carrying, mongox.Set(bson.D{{Key: "closed", Value: true}})...)))
	}
	if err := inBulk(ctx, s.digests.Collection, updates); err != nil {
		return err
	}
	delivered := bson.D{{Key: "closed", Value: true}, {Key: "outbox.first", Value: bson.D{{Key: "$exists", Value: false}}}}
	_, err := mongox.Prune(ctx, s.digests.Collection, delivered, mongox.Keys("_id"), 2*len(closed))
	return err
}
