package sqlitex_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"centinela/shared/sqlitex"
)

// A statement that is kept prepared works again after it failed, after a rollback, and after the table changed; more
// statements than are kept work as well.
func TestPreparedStatements(t *testing.T) {
	db, _ := open(t)
	exec := func(query string, args ...any) error {
		return db.Write(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(query, args...); return err })
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(exec(`CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)`))
	const insert = `INSERT INTO things (id, name) VALUES (?, ?)`
	must(exec(insert, 1, "a"))
	if err := exec(insert, 1, "b"); err == nil {
		t.Fatal("the same key twice")
	}
	must(exec(insert, 2, nil)) // and no argument stays from before
	must(exec(`ALTER TABLE things ADD COLUMN note TEXT NOT NULL DEFAULT 'n'`))
	must(exec(insert, 3, "c"))
	for i := range 100 {
		must(exec(fmt.Sprintf(`UPDATE things SET note = 'n%d' WHERE id = ?`, i), 3))
	}
	must(exec(insert, 4, "d"))
	var got string
	must(db.Read().QueryRow(`SELECT group_concat(id || coalesce(name, '-') || note, ' ') FROM things`).Scan(&got))
	if got != "1an 2-n 3cn99 4dn" {
		t.Errorf("the table holds %s", got)
	}
}

// KB Q4: queries stay prepared as well, on both handles. One may still be read when the same one begins.
func TestPreparedQueries(t *testing.T) {
	db := openNotes(t)
	fill(t, db, 5)
	const query = `SELECT id FROM notes WHERE due_at >= ? ORDER BY id`
	nested := func(t *testing.T, q sqlitex.Querier, inner int) {
		t.Helper()
		var counts []int
		ids, err := sqlitex.Collect(t.Context(), q, func(id *string) []any {
			inside, err := sqlitex.Column[string](t.Context(), q, query, inner)
			if err != nil {
				t.Error(err)
			}
			counts = append(counts, len(inside))
			return []any{id}
		}, query, 3)
		if want := 6 - inner; err != nil || len(ids) != 3 || !slices.Equal(counts, []int{want, want, want}) {
			t.Errorf("inner %d: %v, %v, %v", inner, ids, counts, err)
		}
	}
	c, err := db.Read().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before := sqlitex.Kept(t, c)
	for _, inner := range []int{1, 4, 1} {
		nested(t, c, inner)
		write(t, db, func(tx *sql.Tx) error { nested(t, tx, inner); return nil })
	}
	if n := sqlitex.Kept(t, c); n != before+1 {
		t.Errorf("%d statements are kept, want %d and one", n, before)
	}
	// One that isn't read to its end gives its snapshot back when it is closed.
	rows, err := c.QueryContext(t.Context(), query, 1)
	if err != nil || !rows.Next() {
		t.Fatal(err)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil { //nolint:sqlclosecheck // closing is what is tested
		t.Fatal(err)
	}
	write(t, db, func(tx *sql.Tx) error { _, err := tx.Exec(`DELETE FROM notes WHERE due_at > 1`); return err })
	if busy, err := sqlitex.Checkpoint(t, db); busy != 0 || err != nil {
		t.Errorf("a checkpoint finds %d readers, %v", busy, err)
	}
	if ids, err := sqlitex.Column[string](t.Context(), c, query, 1); err != nil || len(ids) != 1 {
		t.Errorf("after a write: %v, %v", ids, err)
	}
	// A wrong one fails each time, and so does one whose table goes.
	for range 2 {
		if _, err := sqlitex.Column[string](t.Context(), c, `SELECT nothing FROM notes`); err == nil {
			t.Error("a wrong query")
		}
	}
	write(t, db, func(tx *sql.Tx) error { _, err := tx.Exec(`ALTER TABLE notes RENAME TO remarks`); return err })
	for range 2 {
		if _, err := sqlitex.Column[string](t.Context(), c, query, 1); err == nil {
			t.Error("a query whose table is gone")
		}
	}
	write(t, db, func(tx *sql.Tx) error { _, err := tx.Exec(`ALTER TABLE remarks RENAME TO notes`); return err })
	if ids, err := sqlitex.Column[string](t.Context(), c, query, 1); err != nil || len(ids) != 1 {
		t.Errorf("back again: %v, %v", ids, err)
	}
}

// A query that is cancelled while it runs ends, and the next one of its text works.
func TestPreparedQueryCancelled(t *testing.T) {
	db, _ := open(t)
	const endless = `WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ?) SELECT count(*) FROM c`
	count := func(ctx context.Context, limit int64) ([]int, error) {
		return sqlitex.Column[int](ctx, db.Read(), endless, limit)
	}
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		if _, err := count(ctx, 1<<60); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("cancelled: %v", err)
		}
		cancel()
		if n, err := count(t.Context(), 10); err != nil || n[0] != 10 {
			t.Errorf("after it: %v, %v", n, err)
		}
	}
}

func TestOptions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "o.db")
	for want, options := range map[int][]sqlitex.Option{-32 << 10: nil, -64 << 10: {sqlitex.Cache(64 << 20)}} {
		db, err := sqlitex.Open(t.Context(), path, nil, options...)
		if err != nil {
			t.Fatal(err)
		}
		if got := sqlitex.WritePragma(t, db, "cache_size"); got != want {
			t.Errorf("cache_size %d, want %d", got, want)
		}
		if got := sqlitex.WritePragma(t, db, "journal_size_limit"); got != 32<<20 {
			t.Errorf("journal_size_limit %d", got)
		}
		if got := sqlitex.WritePragma(t, db, "auto_vacuum"); got != 2 {
			t.Errorf("auto_vacuum %d, want 2 (INCREMENTAL)", got)
		}
		if n, err := sqlitex.Column[int](t.Context(), db.Read(), `PRAGMA mmap_size`); err != nil || n[0] != 1<<30 {
			t.Errorf("mmap_size %v, %v", n, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
