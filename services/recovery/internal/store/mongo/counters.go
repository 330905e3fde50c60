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
)

const (
	keepFinished = 7 * 24 * time.Hour
	pruneBatch   = 100
)

type counter struct {
	Key       string    `bson:"_id"`
	N         int       `bson:"n"`
	ExpiresAt time.Time `bson:"expires_at"`
}

// Count implements recovery.Store: one of three single-document steps applies,
// and each is atomic; when another caller was in between, it is tried again.
func (s *Store) Count(ctx context.Context, key string, now time.Time, window time.Duration) (int, error) {
	c := s.db.C(counters)
	fresh := counter{Key: key, N: 1, ExpiresAt: now.Add(window)}
	for {
		n, err := counted(c.FindOneAndUpdate(ctx,
			bson.D{{Key: "_id", Value: key}, {Key: "expires_at", Value: is("$gt", now)}}, is("$inc", is("n", 1)),
			options.FindOneAndUpdate().SetReturnDocument(options.After)))
		if n > 0 || err != nil {
			return n, err
		}
		n, err = counted(c.FindOneAndReplace(ctx,
			bson.D{{Key: "_id", Value: key}, {Key: "expires_at", Value: is("$lte", now)}}, fresh,
			options.FindOneAndReplace().SetReturnDocument(options.After)))
		if n > 0 || err != nil {
			return n, err
		}
		_, err = c.InsertOne(ctx, fresh)
		if err == nil {
			return 1, nil
		}
		if !mongox.IsDuplicate(err) {
			return 0, mongox.Wrap(err)
		}
	}
}

// Uncount implements recovery.Store.
func (s *Store) Uncount(ctx context.Context, key string) error {
	_, err := s.db.C(counters).DeleteOne(ctx, byID(key))
	return mongox.Wrap(err)
}

// counted is the new value; 0: the filter matched nothing.
func counted(r *mongo.SingleResult) (int, error) {
	var c counter
	err := r.Decode(&c)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return 0, nil
	}
	return c.N, mongox.Wrap(err)
}

// Prune implements recovery.Store.
func (s *Store) Prune(ctx context.Context, now time.Time) error {
	old := now.Add(-keepFinished)
	shipped := bson.A{is("outbox", is("$exists", false)), is("outbox", is("$size", 0))}
	for _, step := range []struct {
		collection string
		filter     bson.D
	}{
		{counters, atMost("expires_at", now)},
		{flows, append(atMost("forget_at", now), bson.E{Key: "$or", Value: shipped})},
		{inbox, atMost("at", old)},
	} {
		if _, err := s.db.C(step.collection).DeleteMany(ctx, step.filter); err != nil {
			return mongox.Wrap(err)
		}
	}
	return errors.Join(
		pruneTexts(ctx, s.db.C(wallets), old, func(d *walletDoc) *Carried { return &d.Carried }),
		pruneTexts(ctx, s.db.C(flows), old, func(d *flowDoc) *Carried { return &d.Carried }))
}

// pruneTexts takes them in batches, until one isn't full.
func pruneTexts[T any](ctx context.Context, c *mongo.Collection, old time.Time, in func(*T) *Carried) error {
	for {
		docs, err := find[struct {
			ID string `bson:"_id"`
		}](ctx, c, atMost("texts.finished_at", old), options.Find().SetProjection(is("_id", 1)).SetLimit(pruneBatch))
		if err != nil {
			return err
		}
		for _, d := range docs {
			err := mongox.UpdateVersioned(ctx, c, d.ID, func(d *T) *int64 { return &in(d).Version }, func(d *T) error {
				in(d).Texts = slices.DeleteFunc(in(d).Texts, func(t recovery.Text) bool { return !t.FinishedAt.IsZero() && !t.FinishedAt.After(old) })
				return nil
			})
			if err != nil && !missing(err) {
				return err
			}
		}
		if len(docs) < pruneBatch {
			return nil
		}
	}
}
