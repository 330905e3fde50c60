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

// shapedDigest is mongox.Document without its id and outbox.
type shapedDigest struct {
	Shape int           `bson:"v"`
	Rev   int64         `bson:"rev"`
	Value digest.Digest `bson:",inline"`
}

const digestShape = 1

// Record implements room.Digests.
func (s *Store) Record(ctx context.Context, events ...record.Event) error {
	return s.db.Record(ctx, events...)
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
	return inBulk(ctx, s.digests.Collection, updates)
}

// ownerDoc is an owner; its id is the document's.
type ownerDoc struct {
	ID    string    `bson:"_id"`
	Until time.Time `bson:"until"`
}

// Beat implements room.Digests.
func (s *Store) Beat(ctx context.Context, o digest.Owner) error {
	_, err := s.db.C(ownersName).UpdateOne(ctx, mongox.ByID(o.ID), mongox.Set(bson.D{{Key: "until", Value: o.Until}}), options.UpdateOne().SetUpsert(true))
	return mongox.Wrap(err)
}

// maxOwners is more relays than are killed between two looks.
const maxOwners = 1000

// Owners implements room.Digests.
func (s *Store) Owners(ctx context.Context) ([]digest.Owner, error) {
	docs, err := mongox.List[ownerDoc](ctx, s.db.C(ownersName), bson.D{}, mongox.Keys("_id"), maxOwners)
	var owners []digest.Owner
	for _, o := range docs {
		owners = append(owners, digest.Owner(o))
	}
	return owners, err
}

// Retire implements room.Digests.
func (s *Store) Retire(ctx context.Context, owner string) error {
	_, err := s.db.C(ownersName).DeleteOne(ctx, mongox.ByID(owner))
	return mongox.Wrap(err)
}

// OpenDigests implements room.Digests.
func (s *Store) OpenDigests(ctx context.Context, owner string, limit int) ([]digest.Digest, error) {
	return s.digests.List(ctx, append(bson.D{{Key: "owner", Value: owner}}, open()...), mongox.Keys("_id"), limit)
}

func open() bson.D { return bson.D{{Key: "closed", Value: bson.D{{Key: "$exists", Value: false}}}} }

// CloseDigests implements room.Digests. A closed digest carries its event until that is in the log; twice as many as are
// closed go here, if they are there.
func (s *Store) CloseDigests(ctx context.Context, closed []room.ClosedDigest) error {
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
