package mongox

import (
	"bytes"
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/shared/record"
)

// Document is what [Documents] store: the domain's value by its JSON tags, beside
// the fields that are the store's. The value has none of their names; an id
// within it is kept twice.
type Document[T any] struct {
	ID     string  `bson:"_id"`
	Shape  int     `bson:"v"`   // of the value's persisted form
	Rev    int64   `bson:"rev"` // counts the changes: a replace names the one that it saw
	Value  T       `bson:",inline"`
	Outbox Carried `bson:"outbox,omitempty"`
}

// Documents reads and writes the values of one collection. What it doesn't offer
// is the driver's, in Collection.
type Documents[T any] struct {
	Collection *mongo.Collection
	shape      int
	missing    error
}

// NewDocuments is the collection of that name. shape numbers T's persisted form,
// 1 and up. missing answers for a document that isn't there; with nil each id has
// a value, the zero one at first, and Update adds the document.
//
// T is a struct with JSON tags, which serve here as well; times carry
// `omitzero,omitempty`, and embedded structs are exported and `json:",inline"`.
func NewDocuments[T any](db *DB, name string, shape int, missing error) *Documents[T] {
	return &Documents[T]{Collection: db.C(name), shape: shape, missing: missing}
}

// Get is the value of that id. Errors: missing, [ErrUnavailable].
func (d *Documents[T]) Get(ctx context.Context, id string) (T, error) { return d.One(ctx, ByID(id)) }

// One is a value that matches; of several, which one is the server's choice.
// Errors: missing, [ErrUnavailable].
func (d *Documents[T]) One(ctx context.Context, filter any) (v T, _ error) {
	all, err := d.read(ctx, filter, options.Find().SetLimit(1))
	if err != nil {
		return v, err
	}
	if len(all) == 0 {
		return v, d.missing
	}
	return all[0], nil
}

// List is the values that match, in that order, at most limit of them (0: all);
// nil without any. A limit needs an order. Errors: [ErrUnavailable].
func (d *Documents[T]) List(ctx context.Context, filter any, order bson.D, limit int) ([]T, error) {
	return d.read(ctx, filter, ordered(order, limit))
}

func (d *Documents[T]) read(ctx context.Context, filter any, opts *options.FindOptionsBuilder) ([]T, error) {
	docs, err := find[Document[T]](ctx, d.Collection, filter, opts.SetProjection(bson.D{{Key: "outbox", Value: 0}}))
	if err != nil {
		return nil, err
	}
	var values []T
	for i := range docs {
		if err := d.known(&docs[i]); err != nil {
			return nil, err
		}
		values = append(values, docs[i].Value)
	}
	return values, nil
}

// Insert adds v under id, with events in its outbox. Errors: one that
// [IsDuplicate], [ErrUnavailable].
func (d *Documents[T]) Insert(ctx context.Context, id string, v T, events ...record.Event) error {
	doc := Document[T]{ID: id, Shape: d.shape, Rev: 1, Value: v}
	if err := doc.Outbox.Carry(events...); err != nil {
		return err
	}
	return Wrap(untilDone(ctx, func() (bool, error) {
		_, err := d.Collection.InsertOne(ctx, doc)
		return err == nil, err
	}))
}

// Update lets change alter the value of that id and keeps it in one write with
// the events that change returns. Of several at once none is lost: change runs
// again on the newer value, so it must only alter its argument and assign (never
// add to) anything outside. Errors: missing, [ErrUnavailable], the context's,
// change's own, as they are; nothing is written then.
func (d *Documents[T]) Update(ctx context.Context, id string, change func(*T) ([]record.Event, error)) error {
	return untilDone(ctx, func() (bool, error) {
		doc, found, err := One[Document[T]](ctx, d.Collection, ByID(id))
		if err != nil {
			return false, err
		}
		if !found && d.missing != nil {
			return false, d.missing
		}
		if found {
			if err := d.known(&doc); err != nil {
				return false, err
			}
		}
		events, err := change(&doc.Value)
		if err != nil {
			return false, err
		}
		seen := doc.Rev
		doc.ID, doc.Shape, doc.Rev = id, d.shape, seen+1
		if err := doc.Outbox.Carry(events...); err != nil {
			return false, err
		}
		if !found {
			_, err := d.Collection.InsertOne(ctx, doc)
			if IsDuplicate(err) {
				return false, d.madeBySomebody(ctx, id, err)
			}
			return err == nil, Wrap(err)
		}
		result, err := d.Collection.ReplaceOne(ctx, append(ByID(id), bson.E{Key: "rev", Value: seen}), doc)
		if err != nil {
			return false, Wrap(err)
		}
		return result.MatchedCount == 1, nil
	})
}

// madeBySomebody tells a lost race for the id from the violation of another
// unique index, which would come again for ever.
func (d *Documents[T]) madeBySomebody(ctx context.Context, id string, duplicate error) error {
	_, found, err := One[bson.Raw](ctx, d.Collection, ByID(id))
	if err == nil && !found {
		err = duplicate
	}
	return err
}

// known refuses what a newer version wrote: replacing it would lose what it added.
func (d *Documents[T]) known(doc *Document[T]) error {
	if doc.Shape < 1 || doc.Shape > d.shape {
		return fmt.Errorf("%s: a document of shape %d, known are 1 to %d: a newer version of centinela wrote it, or it is damaged",
			d.Collection.Name(), doc.Shape, d.shape)
	}
	return nil
}

// Raw is v as the collections of [DB.C] would store it.
func Raw(v any) (bson.Raw, error) {
	var buffer bytes.Buffer
	encoder := bson.NewEncoder(bson.NewDocumentWriter(&buffer))
	encoder.UseJSONStructTags()
	encoder.OmitZeroStruct()
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}
