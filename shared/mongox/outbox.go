package mongox

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/shared/record"
)

// rejectedCollection keeps events that their receiver refuses for good.
const rejectedCollection = "outbox_rejected"

// OutboxIndex is what a collection with an outbox needs in its index list, so
// that looking for pending events doesn't read every document: sparse, it holds
// only documents that have any.
func OutboxIndex() mongo.IndexModel {
	return mongo.IndexModel{Keys: bson.D{{Key: "outbox.id", Value: 1}}, Options: options.Index().SetSparse(true)}
}

// Outbox is an outbox.Source over documents that carry `outbox: [event]`, the
// events written with the change that they report, in the same document.
//
// A replace of a document that was loaded before a delivery puts the delivered
// event back: it is shipped twice, never lost.
type Outbox struct {
	db          *DB
	collections []string
}

// Outbox reads from those collections.
func (db *DB) Outbox(collections ...string) *Outbox {
	return &Outbox{db: db, collections: collections}
}

// carrier is the part of a document that matters here. The elements stay raw:
// $pullAll compares whole elements, byte for byte.
type carrier struct {
	ID     any        `bson:"_id"`
	Outbox []bson.Raw `bson:"outbox"`
}

// PendingEvents returns pending events, oldest first by their own time, of at
// most limit documents a collection. One that was damaged comes with its id only,
// so that its receiver refuses it: it is moved aside, and holds up no other.
func (o *Outbox) PendingEvents(ctx context.Context, limit int) ([]record.Event, error) {
	var events []record.Event
	// Any id is greater than the empty string; unlike an $exists on outbox.0 the
	// comparison can be answered from OutboxIndex.
	waiting := bson.D{{Key: "outbox.id", Value: bson.D{{Key: "$gt", Value: ""}}}}
	for _, name := range o.collections {
		carriers, err := o.find(ctx, name, waiting, options.Find().SetLimit(int64(limit)))
		if err != nil {
			return nil, err
		}
		for _, c := range carriers {
			for _, raw := range c.Outbox {
				id, ok := raw.Lookup("id").StringValueOK()
				if !ok {
					continue // without an id nothing can be done with it, not even moving it aside
				}
				var e record.Event
				if err := bson.Unmarshal(raw, &e); err != nil {
					e = record.Event{ID: id}
				}
				events = append(events, e)
			}
		}
	}
	// Stable, so that events of one document and one millisecond keep their order.
	slices.SortStableFunc(events, func(a, b record.Event) int { return a.Time.Compare(b.Time) })
	return events[:min(limit, len(events))], nil
}

// DeliveredEvents removes events by id from whatever documents carry them;
// unknown ids are ignored.
func (o *Outbox) DeliveredEvents(ctx context.Context, ids []string) error {
	return o.each(ctx, ids, func(c *mongo.Collection, doc carrier, delivered []bson.Raw) error {
		_, err := c.UpdateOne(ctx,
			bson.D{{Key: "_id", Value: doc.ID}},
			bson.D{{Key: "$pullAll", Value: bson.D{{Key: "outbox", Value: delivered}}}})
		return err
	})
}

// RejectEvent copies an event with the reason to the collection outbox_rejected
// and then removes it from its document. Stopped in between, it is done again.
func (o *Outbox) RejectEvent(ctx context.Context, id, reason string) error {
	err := o.each(ctx, []string{id}, func(_ *mongo.Collection, _ carrier, found []bson.Raw) error {
		aside := bson.D{{Key: "_id", Value: id}, {Key: "reason", Value: reason}, {Key: "event", Value: found[0]}}
		_, err := o.db.C(rejectedCollection).ReplaceOne(ctx, byID(id), aside, options.Replace().SetUpsert(true))
		return err
	})
	if err != nil {
		return err
	}
	return o.DeliveredEvents(ctx, []string{id})
}

// each visits the documents that carry one of ids, with the raw events that match.
func (o *Outbox) each(ctx context.Context, ids []string, visit func(*mongo.Collection, carrier, []bson.Raw) error) error {
	carrying := bson.D{{Key: "outbox.id", Value: bson.D{{Key: "$in", Value: ids}}}}
	for _, name := range o.collections {
		carriers, err := o.find(ctx, name, carrying, options.Find())
		if err != nil {
			return err
		}
		for _, doc := range carriers {
			matching := slices.DeleteFunc(slices.Clone(doc.Outbox), func(raw bson.Raw) bool {
				id, ok := raw.Lookup("id").StringValueOK()
				return !ok || !slices.Contains(ids, id)
			})
			if len(matching) == 0 {
				continue
			}
			if err := visit(o.db.C(name), doc, matching); err != nil {
				return Wrap(err)
			}
		}
	}
	return nil
}

func (o *Outbox) find(ctx context.Context, name string, filter bson.D, opts *options.FindOptionsBuilder) ([]carrier, error) {
	cursor, err := o.db.C(name).Find(ctx, filter, opts.SetProjection(bson.D{{Key: "outbox", Value: 1}}))
	if err != nil {
		return nil, Wrap(err)
	}
	var found []carrier
	if err := cursor.All(ctx, &found); err != nil {
		return nil, Wrap(err)
	}
	return found, nil
}
