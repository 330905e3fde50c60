package mongo

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/services/auth/internal/account"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

// RegisterFailure compares and sets: the update's filter holds the state on which it was decided, so of two at once one
// looks again. The outbox in the same document is left alone.
func (s *Store) RegisterFailure(ctx context.Context, key string, now time.Time, window time.Duration, pause func(int) time.Duration) (account.Counter, error) {
	for longest := 2 * time.Millisecond; ; longest = min(2*longest, 100*time.Millisecond) {
		c, done, err := s.raiseOnce(ctx, key, now, window, pause)
		if done || err != nil {
			return c, err
		}
		timer := time.NewTimer(rand.N(longest))
		select {
		case <-ctx.Done():
			timer.Stop()
			return account.Counter{}, ctx.Err()
		case <-timer.C:
		}
	}
}

func (s *Store) raiseOnce(ctx context.Context, key string, now time.Time, window time.Duration, pause func(int) time.Duration) (_ account.Counter, done bool, _ error) {
	var old failureDoc
	err := s.db.C(failures).FindOne(ctx, byID(key)).Decode(&old)
	if errors.Is(err, mongo.ErrNoDocuments) {
		_, err := s.db.C(failures).InsertOne(ctx, failureDoc{ID: key, Count: 1, WindowStart: now, LastAt: now})
		if mongox.IsDuplicate(err) {
			return account.Counter{}, false, nil
		}
		return account.Counter{Count: 1, WindowStart: now, LastAt: now}, true, mongox.Wrap(err)
	}
	if err != nil {
		return account.Counter{}, false, mongox.Wrap(err)
	}
	next := account.Counter{Count: old.Count + 1, WindowStart: old.WindowStart, LastAt: now}
	if now.Sub(old.WindowStart) >= window {
		next.Count, next.WindowStart = 1, now
	} else if pause != nil {
		if wait := old.LastAt.Add(pause(old.Count)).Sub(now); wait > 0 {
			return account.Counter{Count: old.Count, WindowStart: old.WindowStart, LastAt: old.LastAt, Wait: wait}, true, nil
		}
	}
	seen := bson.D{
		{Key: "_id", Value: key},
		{Key: "count", Value: old.Count},
		{Key: "window_start", Value: old.WindowStart},
		{Key: "last_at", Value: old.LastAt},
	}
	set := bson.D{{Key: "$set", Value: bson.D{
		{Key: "count", Value: next.Count}, {Key: "window_start", Value: next.WindowStart}, {Key: "last_at", Value: next.LastAt},
	}}}
	result, err := s.db.C(failures).UpdateOne(ctx, seen, set)
	if err != nil {
		return account.Counter{}, false, mongox.Wrap(err)
	}
	return next, result.MatchedCount == 1, nil
}

func (s *Store) ForgiveFailures(ctx context.Context, key string, n int) error {
	if n > 0 {
		enough := append(byID(key), bson.E{Key: "count", Value: bson.D{{Key: "$gte", Value: n}}})
		result, err := s.db.C(failures).UpdateOne(ctx, enough, bson.D{{Key: "$inc", Value: bson.D{{Key: "count", Value: -n}}}})
		if err != nil || result.MatchedCount == 1 {
			return mongox.Wrap(err)
		}
	}
	_, err := s.db.C(failures).UpdateOne(ctx, byID(key), bson.D{{Key: "$set", Value: bson.D{{Key: "count", Value: 0}}}})
	return mongox.Wrap(err)
}

func (s *Store) ReportFailure(ctx context.Context, _ string, events ...record.Event) error {
	return s.db.Record(ctx, events...)
}

// Sweep leaves documents alone that still have events to ship.
func (s *Store) Sweep(ctx context.Context, before time.Time) error {
	shipped := bson.E{Key: "outbox.first", Value: bson.D{{Key: "$exists", Value: false}}}
	old := bson.D{{Key: "$lt", Value: before}}
	for _, what := range []struct {
		collection string
		filter     bson.D
	}{
		{sessions, bson.D{{Key: "expires_at", Value: old}, shipped}},
		{sessions, bson.D{{Key: "ended_at", Value: bson.D{{Key: "$gt", Value: never}, {Key: "$lt", Value: before}}}, shipped}},
		{failures, bson.D{{Key: "last_at", Value: old}, shipped}},
	} {
		if _, err := s.db.C(what.collection).DeleteMany(ctx, what.filter); err != nil {
			return mongox.Wrap(err)
		}
	}
	return nil
}
