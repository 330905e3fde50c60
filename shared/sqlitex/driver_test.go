package sqlitex_test

import (
	"database/sql"
	"fmt"
	"testing"
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
