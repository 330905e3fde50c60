package mongox

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/shared/keylock"
	"centinela/shared/limits"
)

// CountersCollection is where [Counters] keeps them.
const CountersCollection = "limit_counters"

// takeBackBudget ends what goes on after the caller's context has ended.
const takeBackBudget = 5 * time.Second

// CountersIndexes is what a service with limits adds to its index list.
func CountersIndexes() []mongo.IndexModel {
	return []mongo.IndexModel{Index("last_at")} // Prune
}

// Counters is a limits.Store, a document a counter.
type Counters struct {
	db    *DB
	turns *keylock.Locks // of this process: who waits for a turn doesn't collide
}

// Counters keeps the counters of a service's limits.
func (db *DB) Counters() *Counters { return &Counters{db: db, turns: keylock.New()} }

var _ limits.Store = (*Counters)(nil)

type counterDoc struct {
	ID    string    `bson:"_id"`
	Count int       `bson:"count"`
	Start time.Time `bson:"window_start"`
	Last  time.Time `bson:"last_at"`
}

// Raise implements limits.Store, in a sequence that is safe to stop anywhere:
//
//  1. All counters are read, and the rules applied to what was found.
//  2. When a wait came out, only what must wait is kept where its times were mended.
//  3. Otherwise each counter is written in order, if it still is what was found.
//  4. At one that isn't, the uses counted by 3 are taken back, and all begins anew.
//
// Stopped between 3 and 4, or read by others between them, a use stands there
// that was not granted: the limit is stricter by one, never looser.
func (c *Counters) Raise(ctx context.Context, rises []limits.Rise) ([]time.Duration, error) {
	defer c.lock(rises)()
	for pause := firstConflictPause; ; pause = min(2*pause, longestPause) {
		waits, done, err := c.raiseOnce(ctx, rises)
		if done || err != nil {
			return waits, err
		}
		if err := sleep(ctx, rand.N(pause)); err != nil {
			return nil, err
		}
	}
}

// lock takes the turns in the order of the keys, so that no two wait for each other.
func (c *Counters) lock(rises []limits.Rise) (unlock func()) {
	keys := make([]string, len(rises))
	for i, r := range rises {
		keys[i] = r.Key
	}
	slices.Sort(keys)
	unlocks := make([]func(), len(keys))
	for i, key := range keys {
		unlocks[i] = c.turns.Lock(key)
	}
	return func() {
		for _, unlock := range unlocks {
			unlock()
		}
	}
}

func (c *Counters) raiseOnce(ctx context.Context, rises []limits.Rise) (_ []time.Duration, done bool, _ error) {
	found, next := make([]limits.Counter, len(rises)), make([]limits.Counter, len(rises))
	waits := make([]time.Duration, len(rises))
	granted := true
	for i, r := range rises {
		var err error
		if found[i], err = c.find(ctx, r.Key); err != nil {
			return nil, false, err
		}
		next[i], waits[i] = r.Apply(found[i])
		granted = granted && waits[i] == 0
	}
	for i, r := range rises {
		if next[i] == found[i] || (!granted && waits[i] == 0) {
			continue
		}
		same, err := c.replace(ctx, r.Key, found[i], next[i])
		if err == nil && (same || !granted) { // times that somebody else mended need no second mending
			continue
		}
		if granted {
			err = errors.Join(err, c.takeBack(ctx, rises[:i], found, next))
		}
		return nil, false, err
	}
	return waits, true, nil
}

func (c *Counters) find(ctx context.Context, key string) (limits.Counter, error) {
	doc, _, err := One[counterDoc](ctx, c.db.C(CountersCollection), ByID(key))
	return limits.Counter{Count: doc.Count, Start: doc.Start, Last: doc.Last}, err
}

// replace writes next if the counter still is what was found.
func (c *Counters) replace(ctx context.Context, key string, found, next limits.Counter) (same bool, _ error) {
	collection := c.db.C(CountersCollection)
	if found == (limits.Counter{}) {
		_, err := collection.InsertOne(ctx, counterDoc{ID: key, Count: next.Count, Start: next.Start, Last: next.Last})
		if IsDuplicate(err) {
			return false, nil
		}
		return err == nil, Wrap(err)
	}
	result, err := collection.UpdateOne(ctx, append(ByID(key), counterFields(found)...), Set(counterFields(next)))
	if err != nil {
		return false, Wrap(err)
	}
	return result.MatchedCount == 1, nil
}

func counterFields(c limits.Counter) bson.D {
	return bson.D{{Key: "count", Value: c.Count}, {Key: "window_start", Value: c.Start}, {Key: "last_at", Value: c.Last}}
}

// takeBack undoes rises that were written, although ctx may have ended. A counter that others raised meanwhile loses one
// use of the same window; the others are what they were, also in time.
func (c *Counters) takeBack(ctx context.Context, rises []limits.Rise, found, next []limits.Counter) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackBudget)
	defer cancel()
	var failed []error
	for i, r := range rises {
		if found[i] != (limits.Counter{}) {
			if same, err := c.replace(ctx, r.Key, next[i], found[i]); same || err != nil {
				failed = append(failed, err)
				continue
			}
		}
		ours := append(ByID(r.Key), bson.E{Key: "window_start", Value: next[i].Start}, bson.E{Key: "count", Value: bson.D{{Key: "$gte", Value: 1}}})
		_, err := c.db.C(CountersCollection).UpdateOne(ctx, ours, bson.D{{Key: "$inc", Value: bson.D{{Key: "count", Value: -1}}}})
		failed = append(failed, Wrap(err))
	}
	return errors.Join(failed...)
}

// Forgive implements limits.Store, one counter after the other.
func (c *Counters) Forgive(ctx context.Context, returns []limits.Return) error {
	for _, r := range returns {
		if err := c.forgive(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (c *Counters) forgive(ctx context.Context, r limits.Return) error {
	collection, rest := c.db.C(CountersCollection), ByID(r.Key)
	if r.N > 0 {
		enough := append(ByID(r.Key), bson.E{Key: "count", Value: bson.D{{Key: "$gte", Value: r.N}}})
		result, err := collection.UpdateOne(ctx, enough, bson.D{{Key: "$inc", Value: bson.D{{Key: "count", Value: -r.N}}}})
		if err != nil || result.MatchedCount == 1 {
			return Wrap(err)
		}
		rest = append(rest, bson.E{Key: "count", Value: bson.D{{Key: "$lt", Value: r.N}}})
	}
	_, err := collection.UpdateOne(ctx, rest, Set(bson.D{{Key: "count", Value: 0}}))
	return Wrap(err)
}

// Prune implements limits.Store. A counter that was raised meanwhile stays.
func (c *Counters) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	old := bson.D{{Key: "last_at", Value: bson.D{{Key: "$lt", Value: before}}}}
	return Prune(ctx, c.db.C(CountersCollection), old, Keys("last_at"), limit)
}
