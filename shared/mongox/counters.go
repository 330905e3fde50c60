package mongox

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/shared/limits"
)

// CountersCollection is where [DB.Counters] keeps them.
const CountersCollection = "limit_counters"

// takeBackBudget ends what goes on after the caller's context has ended.
const takeBackBudget = 5 * time.Second

// CountersIndexes is what a service with limits adds to its index list.
func CountersIndexes() []mongo.IndexModel {
	return []mongo.IndexModel{Index("window_end")} // Prune
}

// Counters keeps the counters of a service's limits, a document a counter.
func (db *DB) Counters() limits.Store {
	return &counters{c: db.C(CountersCollection), seed: maphash.MakeSeed()}
}

type counters struct {
	c *mongo.Collection
	// Turns of this process: who waits for one doesn't collide. A key's is by its hash.
	turns [256]sync.Mutex
	seed  maphash.Seed
}

type counterDoc struct {
	ID    string    `bson:"_id"`
	Count int       `bson:"count"`
	End   time.Time `bson:"window_end"`
	Last  time.Time `bson:"last_at"`
}

// Update implements limits.Store, in a sequence that is safe to stop anywhere: all
// counters are read and altered; each that is another then is written in order, if
// it still is what was found; at one that isn't, what was written is taken back,
// and all begins anew.
//
// Stopped between these, or read by others between them, a use stands there that
// was not granted: the limit is stricter by one, never looser.
func (c *counters) Update(ctx context.Context, keys []string, change func([]limits.Counter)) error {
	turns := make([]uint64, len(keys))
	for i, key := range keys {
		turns[i] = maphash.String(c.seed, key) % uint64(len(c.turns))
	}
	slices.Sort(turns) // in this order no two wait for each other
	for _, turn := range slices.Compact(turns) {
		c.turns[turn].Lock()
		defer c.turns[turn].Unlock() //nolint:revive // as many as there are keys
	}
	return Wrap(untilDone(ctx, func() (bool, error) {
		found := make([]limits.Counter, len(keys))
		for i, key := range keys {
			doc, _, err := One[counterDoc](ctx, c.c, ByID(key))
			if err != nil {
				return false, err
			}
			found[i] = limits.Counter{Count: doc.Count, End: doc.End, Last: doc.Last}
		}
		next := slices.Clone(found)
		change(next)
		for i, key := range keys {
			if next[i] == found[i] {
				continue
			}
			if same, err := c.replace(ctx, key, found[i], next[i]); !same {
				return false, errors.Join(err, c.takeBack(ctx, keys[:i], found, next))
			}
		}
		return true, nil
	}))
}

// replace writes next if the counter still is what was found.
func (c *counters) replace(ctx context.Context, key string, found, next limits.Counter) (same bool, _ error) {
	if found == (limits.Counter{}) {
		_, err := c.c.InsertOne(ctx, counterDoc{ID: key, Count: next.Count, End: next.End, Last: next.Last})
		if IsDuplicate(err) {
			return false, nil
		}
		return err == nil, Wrap(err)
	}
	result, err := c.c.UpdateOne(ctx, append(ByID(key), counterFields(found)...), Set(counterFields(next)))
	if err != nil {
		return false, Wrap(err)
	}
	return result.MatchedCount == 1, nil
}

func counterFields(c limits.Counter) bson.D {
	return bson.D{{Key: "count", Value: c.Count}, {Key: "window_end", Value: c.End}, {Key: "last_at", Value: c.Last}}
}

// takeBack undoes what was written, although ctx may have ended. A counter that
// others changed meanwhile loses what was counted here, if it still is the same
// window; the others are what they were, also in time.
func (c *counters) takeBack(ctx context.Context, keys []string, found, next []limits.Counter) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackBudget)
	defer cancel()
	var failed []error
	for i, key := range keys {
		if next[i] == found[i] {
			continue
		}
		if found[i] != (limits.Counter{}) {
			if same, err := c.replace(ctx, key, next[i], found[i]); same || err != nil {
				failed = append(failed, err)
				continue
			}
		}
		counted := next[i].Count
		if !next[i].End.After(found[i].End) { // in the window that was there
			counted -= found[i].Count
		}
		ours := append(ByID(key), bson.E{Key: "window_end", Value: next[i].End}, bson.E{Key: "count", Value: bson.D{{Key: "$gte", Value: counted}}})
		_, err := c.c.UpdateOne(ctx, ours, bson.D{{Key: "$inc", Value: bson.D{{Key: "count", Value: -counted}}}})
		failed = append(failed, Wrap(err))
	}
	return errors.Join(failed...)
}

// Prune implements limits.Store. A counter that begins a new window meanwhile stays.
func (c *counters) Prune(ctx context.Context, now time.Time, limit int) (int, error) {
	old := bson.D{{Key: "window_end", Value: bson.D{{Key: "$lte", Value: now}}}}
	return Prune(ctx, c.c, old, Keys("window_end"), limit)
}
