package mongox_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/shared/limits"
	"centinela/shared/limits/limitstest"
	"centinela/shared/mongox"
	"centinela/shared/testkit"
)

// machines is one database seen from a process of its own a call, so that no turn is taken in memory.
type machines struct {
	limits.Store
	db *mongox.DB
}

func (m machines) Update(ctx context.Context, keys []string, change func([]limits.Counter)) error {
	return m.db.Counters().Update(ctx, keys, change)
}

func TestCounters(t *testing.T) {
	indexes := map[string][]mongo.IndexModel{mongox.CountersCollection: mongox.CountersIndexes()}
	t.Run("one_process", func(t *testing.T) {
		limitstest.Run(t, func(t *testing.T) limits.Store { return open(t, indexes).Counters() })
	})
	t.Run("many_processes", func(t *testing.T) {
		limitstest.Run(t, func(t *testing.T) limits.Store {
			db := open(t, indexes)
			return machines{db.Counters(), db}
		})
	})
}

// What was written before another process was faster at a later counter is taken back, in either direction, and done anew.
func TestCountersTakeBack(t *testing.T) {
	db := open(t, nil)
	mine, other := db.Counters(), db.Counters()
	end := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	add := func(n int) func([]limits.Counter) {
		return func(counters []limits.Counter) {
			for i, c := range counters {
				counters[i] = limits.Counter{Count: c.Count + n, End: end, Last: end}
			}
		}
	}
	testkit.Must(t, mine.Update(t.Context(), []string{"a", "b"}, add(3)))
	for _, step := range []struct{ n, a, b int }{{1, 4, 5}, {-1, 3, 5}} {
		calls := 0
		var seen []limits.Counter
		testkit.Must(t, mine.Update(t.Context(), []string{"a", "b"}, func(counters []limits.Counter) {
			if calls++; calls == 1 {
				testkit.Must(t, other.Update(t.Context(), []string{"b"}, add(1)))
			}
			add(step.n)(counters)
		}))
		testkit.Must(t, mine.Update(t.Context(), []string{"a", "b"}, func(counters []limits.Counter) { seen = slices.Clone(counters) }))
		if calls != 2 || seen[0].Count != step.a || seen[1].Count != step.b {
			t.Errorf("%+d: %d and %d after %d tries, want %d and %d after 2", step.n, seen[0].Count, seen[1].Count, calls, step.a, step.b)
		}
	}
}
