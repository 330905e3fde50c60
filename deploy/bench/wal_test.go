package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"centinela/shared/sqlitex"
)

// Each transaction counts once, however much it writes; what is no index of a log is told.
func TestCommits(t *testing.T) {
	dir := t.TempDir()
	db, err := sqlitex.Open(t.Context(), filepath.Join(dir, "auth", "some.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	write := func(statements ...string) {
		t.Helper()
		err := db.Write(t.Context(), func(tx *sql.Tx) error {
			for _, s := range statements {
				if _, err := tx.Exec(s); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	write(`CREATE TABLE t (x)`)
	before, err := commits(dir)
	if err != nil {
		t.Fatal(err)
	}
	write(`INSERT INTO t VALUES (1)`, `INSERT INTO t VALUES (zeroblob(20000))`)
	write(`INSERT INTO t VALUES (2)`)
	write(`INSERT INTO t VALUES (3)`)
	after, err := commits(dir)
	if err != nil || after["some"]-before["some"] != 3 {
		t.Errorf("%v, then %v (%v): want three more", before, after, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "other.db-shm"), []byte("something"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := commits(dir); err == nil {
		t.Error("something else is read as an index")
	}
}
