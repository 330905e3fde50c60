package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/review"
	"centinela/shared/sqlitex"
)

// KeepPolicy implements claim.Store.
func (s *Store) KeepPolicy(ctx context.Context, hash, text string) error {
	if _, err := s.Policy(ctx, hash); !errors.Is(err, claim.ErrNoPolicy) {
		return err
	}
	return s.Write(ctx, func(tx *sql.Tx) error {
		_, err := sqlitex.Exec(ctx, tx, `INSERT OR IGNORE INTO policies (hash, text) VALUES (?, ?)`, hash, text)
		return err
	})
}

// Review reads the database at path, beside the service or without it.
func Review(path string, read func(review.Store) error) error {
	return sqlitex.Look(path, func(db *sql.DB) error { return read(reads{db}) })
}

// reads are what a review needs of a store.
type reads struct{ from sqlitex.Querier }

var _ review.Store = reads{}

// Flow implements claim.Store.
func (r reads) Flow(ctx context.Context, id string) (claim.Flow, error) {
	return flows.Get(ctx, r.from, id)
}

// FlowsAfter implements review.Store.
func (r reads) FlowsAfter(ctx context.Context, id string, limit int) ([]claim.Flow, error) {
	return flows.List(ctx, r.from, `SELECT body FROM flows WHERE id > ? ORDER BY id LIMIT ?`, id, limit)
}

// Policy implements review.Store.
func (r reads) Policy(ctx context.Context, hash string) (string, error) {
	found, err := sqlitex.Column[string](ctx, r.from, `SELECT text FROM policies WHERE hash = ?`, hash)
	if err == nil && len(found) == 0 {
		return "", claim.ErrNoPolicy
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}
