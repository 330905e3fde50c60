package sqlitex

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"centinela/shared/limits"
)

// CountersTable is what the migration of a service with limits contains.
const CountersTable = `CREATE TABLE limit_counters (
	id           TEXT PRIMARY KEY, -- the limit's name and a keyed hash
	count        INTEGER NOT NULL,
	window_start INTEGER NOT NULL, -- ms, as all times
	last_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX limit_counters_last ON limit_counters (last_at);
`

// Counters is a limits.Store over [CountersTable]. Each call is one transaction.
type Counters struct{ db *DB }

// Counters keeps the counters of a service's limits.
func (db *DB) Counters() *Counters { return &Counters{db: db} }

var _ limits.Store = (*Counters)(nil)

// Raise implements limits.Store.
func (c *Counters) Raise(ctx context.Context, rises []limits.Rise) ([]time.Duration, error) {
	waits := make([]time.Duration, len(rises))
	err := c.db.Write(ctx, func(tx *sql.Tx) error {
		found, next := make([]limits.Counter, len(rises)), make([]limits.Counter, len(rises))
		granted := true
		for i, r := range rises {
			var err error
			if found[i], err = findCounter(ctx, tx, r.Key); err != nil {
				return err
			}
			next[i], waits[i] = r.Apply(found[i])
			granted = granted && waits[i] == 0
		}
		for i, r := range rises {
			if next[i] == found[i] || (!granted && waits[i] == 0) {
				continue
			}
			if _, err := Exec(ctx, tx, `INSERT OR REPLACE INTO limit_counters (id, count, window_start, last_at) VALUES (?, ?, ?, ?)`,
				r.Key, next[i].Count, next[i].Start, next[i].Last); err != nil {
				return err
			}
		}
		return nil
	})
	return waits, err
}

func findCounter(ctx context.Context, tx *sql.Tx, key string) (limits.Counter, error) {
	var c limits.Counter
	var start, last int64
	err := tx.QueryRowContext(ctx, `SELECT count, window_start, last_at FROM limit_counters WHERE id = ?`, key).Scan(&c.Count, &start, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil
	}
	c.Start, c.Last = FromMillis(start), FromMillis(last)
	return c, err
}

// Forgive implements limits.Store.
func (c *Counters) Forgive(ctx context.Context, returns []limits.Return) error {
	return c.db.Write(ctx, func(tx *sql.Tx) error {
		for _, r := range returns {
			// 0 takes all: nothing is below zero.
			if _, err := tx.ExecContext(ctx, `UPDATE limit_counters SET count = CASE ?1 WHEN 0 THEN 0 ELSE max(0, count - ?1) END WHERE id = ?2`,
				r.N, r.Key); err != nil {
				return err
			}
		}
		return nil
	})
}

// Prune implements limits.Store.
func (c *Counters) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	return c.db.Prune(ctx, limit,
		`DELETE FROM limit_counters WHERE id IN (SELECT id FROM limit_counters WHERE last_at < ? ORDER BY last_at LIMIT ?)`, before)
}
