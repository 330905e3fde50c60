package sqlite

import (
	"context"
	"database/sql"
	"time"

	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

// digests are those that audit wasn't told of yet.
func digests() *sqlitex.Table[digest.Digest] {
	return sqlitex.NewTable(sqlitex.Layout[digest.Digest]{
		Table: "digests", Shape: 1, Columns: []string{"id", "opened_at"},
		Row: func(d *digest.Digest) []any { return []any{d.ID, d.OpenedAt} },
	})
}

// Record implements room.Digests.
func (s *Store) Record(ctx context.Context, events ...record.Event) error {
	return s.Write(ctx, func(tx *sql.Tx) error { return sqlitex.AppendOutbox(tx, events...) })
}

// OpenDigests implements room.Digests.
func (s *Store) OpenDigests(ctx context.Context, before time.Time, limit int) ([]digest.Digest, error) {
	return s.digests.List(ctx, s.Read(), `SELECT body FROM digests WHERE opened_at < ? ORDER BY opened_at, id LIMIT ?`, before, limit)
}

// CloseDigests implements room.Digests.
func (s *Store) CloseDigests(ctx context.Context, closed []room.ClosedDigest) error {
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
