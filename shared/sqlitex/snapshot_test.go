package sqlitex_test

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"centinela/shared/sqlitex"
)

var twoTables = fstest.MapFS{"0001_first.sql": {Data: []byte(`CREATE TABLE a (n INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT; CREATE TABLE b (n INTEGER PRIMARY KEY) STRICT;`)}}

// FR A25: a snapshot holds what was there at its moment, both tables of one, while
// transactions go on; the copy is a whole database that opens as any other.
func TestSnapshot(t *testing.T) {
	t.Chdir(t.TempDir()) // paths may be relative
	const path, copied = "live.db", "copy.db"
	db, err := sqlitex.Open(t.Context(), path, twoTables)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	add := func(from, rows int) {
		err := db.Write(t.Context(), func(tx *sql.Tx) error {
			for n := from; n < from+rows; n++ {
				if _, err := tx.Exec(`INSERT INTO a (n, text) VALUES (?, ?)`, n, strings.Repeat("x", 2000)); err != nil {
					return err
				}
				if _, err := tx.Exec(`INSERT INTO b (n) VALUES (?)`, n); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	const before = 3000 // more pages than are copied at once
	add(0, before)
	snapshot, err := sqlitex.OpenSnapshot(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	writers.Go(func() {
		for n := range 50 {
			add(before+n, 1)
		}
	})
	var steps []int
	if err := snapshot.Copy(t.Context(), copied, func(done, total int) {
		steps = append(steps, done)
		if done > total {
			t.Errorf("%d of %d pages", done, total)
		}
	}); err != nil {
		t.Fatal(err)
	}
	writers.Wait()
	if err := snapshot.Close(); err != nil {
		t.Error(err)
	}
	if len(steps) < 2 {
		t.Errorf("progress was told %d times", len(steps))
	}
	info, err := os.Stat(copied)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", info, err)
	}
	if err := sqlitex.Fits(t.Context(), copied, twoTables); err != nil {
		t.Error(err)
	}
	again, err := sqlitex.Open(t.Context(), copied, twoTables)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	var a, b int
	if err := again.Read().QueryRow(`SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)`).Scan(&a, &b); err != nil || a != before || b != before {
		t.Errorf("%d and %d rows, want %d each: %v", a, b, before, err)
	}
}

// A copy never writes over a file, and stops when it is told to.
func TestSnapshotRefusals(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "live.db")
	if _, err := sqlitex.OpenSnapshot(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no database: %v", err)
	}
	db, err := sqlitex.Open(t.Context(), path, twoTables)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	snapshot, err := sqlitex.OpenSnapshot(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := snapshot.Copy(t.Context(), there, func(int, int) {}); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Error(err)
	}
	if text, err := os.ReadFile(there); err != nil || string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
	halfPages(t, db, 3000)
	full, err := sqlitex.OpenSnapshot(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	over, cancel := context.WithCancel(t.Context())
	told := 0
	if err := full.Copy(over, filepath.Join(dir, "cut"), func(int, int) { told++; cancel() }); !errors.Is(err, context.Canceled) || told != 1 {
		t.Errorf("%v, and it went on for %d steps", err, told)
	}
}

// halfPages adds rows of half a page.
func halfPages(t *testing.T, db *sqlitex.DB, rows int) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *sql.Tx) error {
		for n := range rows {
			if _, err := tx.Exec(`INSERT INTO a (n, text) VALUES (?, ?)`, n, strings.Repeat("x", 2000)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A database that is damaged is found when it is copied, and not when it is needed.
func TestSnapshotOfDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "live.db")
	db, err := sqlitex.Open(t.Context(), path, twoTables)
	if err != nil {
		t.Fatal(err)
	}
	halfPages(t, db, 200)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	spoil(t, path)
	snapshot, err := sqlitex.OpenSnapshot(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	if err := snapshot.Copy(t.Context(), filepath.Join(dir, "copy"), func(int, int) {}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Error(err)
	}
}

// spoil writes over a page in the middle.
func spoil(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteAt([]byte(strings.Repeat("\xff", 4096)), 20*4096)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

// What Open would refuse, Fits refuses with the same words, and leaves nothing behind.
func TestFits(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "live.db")
	newer := fstest.MapFS{"0001_first.sql": twoTables["0001_first.sql"], "0002_next.sql": {Data: []byte(`CREATE TABLE c (n INTEGER)`)}}
	db, err := sqlitex.Open(t.Context(), path, newer)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.Fits(t.Context(), path, newer); err != nil {
		t.Errorf("while it is open: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	changed := fstest.MapFS{"0001_first.sql": {Data: []byte(`CREATE TABLE a (n INTEGER)`)}, "0002_next.sql": newer["0002_next.sql"]}
	for name, c := range map[string]struct {
		migrations fs.FS
		says       string
	}{"the same": {newer, ""}, "a newer version": {twoTables, "written by a newer version"}, "changed": {changed, "has another form"}} {
		err := sqlitex.Fits(t.Context(), path, c.migrations)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := filepath.Join(dir, "other.db")
	if err := os.WriteFile(other, []byte(strings.Repeat("not a database, but long enough ", 200)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.Fits(t.Context(), other, twoTables); err == nil || !strings.Contains(err.Error(), "not a SQLite database") {
		t.Error(err)
	}
	if err := sqlitex.Fits(t.Context(), filepath.Join(dir, "none.db"), twoTables); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// A page that was damaged is found before anybody trusts the file.
func TestWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "live.db")
	db, err := sqlitex.Open(t.Context(), path, twoTables)
	if err != nil {
		t.Fatal(err)
	}
	halfPages(t, db, 200)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.Whole(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	spoil(t, path)
	if err := sqlitex.Whole(t.Context(), path); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("damaged: %v", err)
	}
}
