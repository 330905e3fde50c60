package sqlite

import (
	"context"
	"database/sql"

	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/sqlitex"
)

// digests are those that audit wasn't told of yet.
func digests() *sqlitex.Table[digest.Digest] {
	return sqlitex.NewTable(sqlitex.Layout[digest.Digest]{
		Table: "digests", Shape: 1, Columns: []string{"id", "owner"},
		Row: func(d *digest.Digest) []any { return []any{d.ID, d.Owner} },
	})
}

// Beat implements room.Digests.
func (s *Store) Beat(ctx context.Context, o digest.Owner) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		_, err := sqlitex.Exec(ctx, tx, `INSERT INTO owners (id, until) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET until = excluded.until`, o.ID, o.Until)
		return err
	})
}

// Owners implements room.Digests.
func (s *Store) Owners(ctx context.Context) ([]digest.Owner, error) {
	return sqlitex.Collect(ctx, s.Read(), func(scan func(...any) error) (o digest.Owner, _ error) {
		var until int64
		err := scan(&o.ID, &until)
		o.Until = sqlitex.FromMillis(until)
		return o, err
	}, `SELECT id, until FROM owners ORDER BY id`)
}

// Retire implements room.Digests.
func (s *Store) Retire(ctx context.Context, owner string) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		_, err := sqlitex.Exec(ctx, tx, `DELETE FROM owners WHERE id = ?`, owner)
		return err
	})
}

// OpenDigests implements room.Digests.
func (s *Store) OpenDigests(ctx context.Context, owner string, limit int) ([]digest.Digest, error) {
	return s.digests.List(ctx, s.Read(), `SELECT body FROM digests WHERE owner = ? ORDER BY id LIMIT ?`, owner, limit)
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
