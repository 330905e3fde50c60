package sqlitex_test

import (
	"context"
	"database/sql"
	"os"
	"strings"
	"testing"

	"centinela/shared/sqlitex"
	"centinela/shared/sweep"
)

const pruneNotes = `DELETE FROM notes WHERE id IN (SELECT id FROM notes WHERE due_at < ? ORDER BY due_at LIMIT ?)`

// fill adds n notes, i of them due at i ms, with bodies that fill two to a page.
func fill(t testing.TB, db *sqlitex.DB, n int) {
	t.Helper()
	write(t, db, func(tx *sql.Tx) error {
		_, err := sqlitex.Exec(t.Context(), tx, `INSERT INTO notes (id, owner, due_at, body)
			WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ?)
			SELECT printf('n%08d', i), printf('o%08d', i), i, ? FROM c`, n, strings.Repeat("x", 1400))
		return err
	})
}

func rows(t testing.TB, db *sqlitex.DB) int {
	t.Helper()
	n, err := sqlitex.Column[int](t.Context(), db.Read(), `SELECT count(*) FROM notes`)
	if err != nil {
		t.Fatal(err)
	}
	return n[0]
}

// GR G1: a transaction of a sweep takes away at most 500 rows, whatever it is asked for.
func TestPruneIsBounded(t *testing.T) {
	db := openNotes(t)
	fill(t, db, 1300)
	for _, c := range []struct{ limit, gone, left int }{{3, 3, 1297}, {100_000, 500, 797}, {sweep.Rows, 500, 297}, {sweep.Rows, 296, 1}, {sweep.Rows, 0, 1}} {
		n, err := db.Prune(t.Context(), c.limit, pruneNotes, 1300)
		if err != nil || n != c.gone || rows(t, db) != c.left {
			t.Errorf("limit %d: %d gone, %d left, %v, want %d and %d", c.limit, n, rows(t, db), err, c.gone, c.left)
		}
	}
	if n, err := db.Prune(t.Context(), 1, `DELETE FROM nowhere LIMIT ?`); err == nil || n != 0 {
		t.Errorf("a wrong statement: %d, %v", n, err)
	}
}

// GR G7: what a sweep took away goes back to the file system.
func TestPruneGivesSpaceBack(t *testing.T) {
	db := openNotes(t)
	fill(t, db, 10_000)
	size := func() int64 {
		write(t, db, func(*sql.Tx) error { return nil })
		if _, err := sqlitex.Checkpoint(t, db); err != nil {
			t.Fatal(err)
		}
		pages, err := sqlitex.Column[int64](t.Context(), db.Read(), `SELECT page_count FROM pragma_page_count`)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(sqlitex.Path(db))
		if err != nil || info.Size() != pages[0]*4096 {
			t.Errorf("the file has %d bytes, %d pages, %v", info.Size(), pages[0], err)
		}
		return pages[0]
	}
	full := size()
	total, err := sweep.InPieces(t.Context(), 0, func(ctx context.Context, limit int) (int, error) {
		return db.Prune(ctx, limit, pruneNotes, 10_000)
	})
	if err != nil || total != 9_999 {
		t.Fatalf("%d, %v", total, err)
	}
	// What stays is the free pages that are kept, and the one row's.
	if after := size(); full < 5000 || after > 1060 {
		t.Errorf("%d pages before, %d after", full, after)
	}
	var free int
	if err := db.Read().QueryRow(`SELECT freelist_count FROM pragma_freelist_count`).Scan(&free); err != nil || free < 1000 {
		t.Errorf("%d pages stay for what comes next, %v", free, err)
	}
}

// GR G7: a WAL that one large transaction made long is cut again.
func TestLongWALIsCut(t *testing.T) {
	db := openNotes(t)
	size := func() int64 {
		info, err := os.Stat(sqlitex.Path(db) + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	fill(t, db, 20_000)
	long := size()
	for range 2 { // the first one after a checkpoint begins the WAL anew
		write(t, db, func(tx *sql.Tx) error {
			_, err := tx.Exec(`UPDATE notes SET due_at = 0 WHERE id = 'n00000001'`)
			return err
		})
	}
	if after := size(); long <= 32<<20 || after > 32<<20 {
		t.Errorf("%d MiB after the large one, %d later", long>>20, after>>20)
	}
}
