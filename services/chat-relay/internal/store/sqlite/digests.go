package sqlite

import (
	"context"
	"database/sql"
	"time"

	"centinela/services/chat-relay/internal/digest"
	"centinela/shared/sqlitex"
)

// digests are those that audit wasn't told of yet.
func digests() *sqlitex.Table[digest.Digest] {
	return sqlitex.NewTable(sqlitex.Layout[digest.Digest]{
		Table: "digests", Shape: 1, Columns: []string{"id", "owner", "opened_at"},
		Row: func(d *digest.Digest) []any { return []any{d.ID, d.Owner, d.OpenedAt} },
	})
}

// OpenDigests implements digest.Store.
func (s *Store) OpenDigests(ctx context.Context, owner string, before time.Time, limit int) ([]digest.Digest, error) {
	if owner == "" {
		return s.digests.List(ctx, s.Read(), `SELECT body FROM digests WHERE opened_at < ? ORDER BY opened_at, id LIMIT ?`, before, limit)
	}
	return s.digests.List(ctx, s.Read(), `SELECT body FROM digests WHERE owner = ? AND opened_at < ? ORDER BY opened_at, id LIMIT ?`, owner, before, limit)
}

// CloseDigests implements digest.Store.
func (s *Store) CloseDigests(ctx context.Context, closed []digest.Closed) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		for _, d := range closed {
			n, err := sqlitex.Exec(ctx, tx, `DELETE FROM digests WHERE id = ?`, d.ID)
			if err == nil && n > 0 && d.Event != nil {
				err = sqlitex.AppendOutbox(tx, *d.Event)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
