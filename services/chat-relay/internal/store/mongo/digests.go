package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

// eventDoc is an event that reports no change of a document; it goes when it is delivered.
type eventDoc struct {
	ID     string     `bson:"_id"`
	Outbox []bson.Raw `bson:"outbox"`
}

// shapedDigest is mongox.Document without its id and outbox.
type shapedDigest struct {
	Shape int           `bson:"v"`
	Rev   int64         `bson:"rev"`
	Value digest.Digest `bson:",inline"`
}

const digestShape = 1

// Record implements room.Digests.
func (s *Store) Record(ctx context.Context, events ...record.Event) error {
	if len(events) == 0 {
		return nil
	}
	docs := make([]eventDoc, len(events))
	for i, e := range events {
		raw, err := mongox.Raw(e)
		if err != nil {
			return err
		}
		docs[i] = eventDoc{ID: e.ID, Outbox: []bson.Raw{raw}}
	}
	_, err := s.db.C(eventsName).InsertMany(ctx, docs)
	return mongox.Wrap(err)
}

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
	return s.writeDigests(ctx, updates)
}

// OpenDigests implements room.Digests.
func (s *Store) OpenDigests(ctx context.Context, before time.Time, limit int) ([]digest.Digest, error) {
	return s.digests.List(ctx, append(open(), bson.E{Key: "opened_at", Value: bson.D{{Key: "$lt", Value: before}}}), mongox.Keys("opened_at", "_id"), limit)
}

func open() bson.D { return bson.D{{Key: "closed", Value: bson.D{{Key: "$exists", Value: false}}}} }

// CloseDigests implements room.Digests. A closed digest carries its event until that is delivered; those that have been
// go here.
func (s *Store) CloseDigests(ctx context.Context, closed []room.ClosedDigest) error {
	updates := make([]mongo.WriteModel, 0, len(closed)+1)
	for _, d := range closed {
		one := append(mongox.ByID(d.ID), open()...)
		if d.Event == nil {
			updates = append(updates, mongo.NewDeleteOneModel().SetFilter(one))
			continue
		}
		raw, err := mongox.Raw(*d.Event)
		if err != nil {
			return err
		}
		updates = append(updates, mongo.NewUpdateOneModel().SetFilter(one).SetUpdate(bson.D{
			{Key: "$set", Value: bson.D{{Key: "closed", Value: true}}}, {Key: "$push", Value: bson.D{{Key: "outbox", Value: raw}}},
		}))
	}
	delivered := bson.D{{Key: "closed", Value: true}, {Key: "outbox.0", Value: bson.D{{Key: "$exists", Value: false}}}}
	return s.writeDigests(ctx, append(updates, mongo.NewDeleteManyModel().SetFilter(delivered)))
}

func (s *Store) writeDigests(ctx context.Context, updates []mongo.WriteModel) error {
	if len(updates) == 0 {
		return nil
	}
	_, err := s.digests.Collection.BulkWrite(ctx, updates, options.BulkWrite().SetOrdered(false))
	return mongox.Wrap(err)
}
