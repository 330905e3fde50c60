package mongox_test

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/shared/limits"
	"centinela/shared/limits/limitstest"
	"centinela/shared/mongox"
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
