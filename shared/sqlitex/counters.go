package sqlitex

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"centinela/shared/limits"
)

// CountersTable is what the migration of a service with limits contains.
const CountersTable = `CREATE TABLE limit_counters (
	id         TEXT PRIMARY KEY, -- the limit's name and a keyed hash
	count      INTEGER NOT NULL,
	window_end INTEGER NOT NULL, -- ms, as all times
	last_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX limit_counters_end ON limit_counters (window_end);
`

// Counters keeps the counters of a service's limits in [CountersTable]. Each call is
// one transaction.
func (db *DB) Counters() limits.Store { return counters{db} }

type counters struct{ db *DB }

// Update implements limits.Store.
func (c counters) Update(ctx context.Context, keys []string, change func([]limits.Counter)) error {
	return c.db.Write(ctx, func(tx *sql.Tx) error {
		found := make([]limits.Counter, len(keys))
		for i, key := range keys {
			known, err := Collect(ctx, tx, func(c *limits.Counter) []any { return []any{&c.Count, At(&c.End), At(&c.Last)} },
				`SELECT count, window_end, last_at FROM limit_counters WHERE id = ?`, key)
			if err != nil {
				return err
			}
			copy(found[i:], known)
		}
		next := slices.Clone(found)
		change(next)
		for i, n := range next {
			if n == found[i] {
				continue
			}
			if _, err := Exec(ctx, tx, `INSERT OR REPLACE INTO limit_counters (id, count, window_end, last_at) VALUES (?, ?, ?, ?)`,
				keys[i], n.Count, n.End, n.Last); err != nil {
				return err
			}
		}
		return nil
	})
}

// Prune implements limits.Store.
func (c counters) Prune(ctx context.Context, now time.Time, limit int) (int, error) {
	return c.db.Prune(ctx, limit,
		`DELETE FROM limit_counters WHERE id IN (SELECT id FROM limit_counters WHERE window_end <= ? ORDER BY window_end LIMIT ?)`, now)
}
