package sqlitex

import (
	"context"
	"database/sql"
	"fmt"

	"centinela/shared/sweep"
)

const (
	// keptFree are the free pages that stay in the file for what comes next: 4 MiB.
	keptFree = 1024
	// givenBack is the most pages that one transaction cuts off, each of which moves
	// one page and mends what pointed at it.
	givenBack = 512
)

// Prune is one piece of a sweep (sweep.InPieces): a DELETE whose last parameter
// is its LIMIT, in one transaction, which also gives space back to the file
// system. limit is at most sweep.Rows. n is how many rows went.
//
//	DELETE FROM notes WHERE id IN (SELECT id FROM notes WHERE due_at < ? ORDER BY due_at LIMIT ?)
func (db *DB) Prune(ctx context.Context, limit int, query string, args ...any) (n int, err error) {
	limit = min(limit, sweep.Rows)
	err = db.Write(ctx, func(tx *sql.Tx) error {
		rows, err := Exec(ctx, tx, query, append(args[:len(args):len(args)], limit)...)
		if err != nil {
			return err
		}
		n = int(rows)
		return giveBack(ctx, tx)
	})
	return n, err
}

// giveBack cuts free pages off the file's end, a few at a time, when many are free.
func giveBack(ctx context.Context, tx *sql.Tx) error {
	var free int
	if err := tx.QueryRowContext(ctx, `PRAGMA freelist_count`).Scan(&free); err != nil || free <= keptFree {
		return err
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA incremental_vacuum(%d)`, min(givenBack, free-keptFree)))
	return err
}
