package sqlitex_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	osexec "os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"centinela/shared/fault"
	"centinela/shared/sqlitex"
)

// unable wants a 503 with a Retry-After whose detail names the store and says what, and no path.
func unable(t *testing.T, err error, words string) {
	t.Helper()
	f := fault.From(err)
	if f.Kind != fault.KindUnavailable || f.RetryAfter < time.Second {
		t.Errorf("kind %v, retry after %s: %v", f.Kind, f.RetryAfter, errors.Unwrap(f))
	}
	if !strings.Contains(f.Detail, words) || !strings.HasPrefix(f.Detail, "the store ") || strings.Contains(f.Detail, "/") {
		t.Errorf("detail %q, want %q", f.Detail, words)
	}
}

func addBig(ctx context.Context, db *sqlitex.DB) error {
	return db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO notes (id, owner, due_at, body) VALUES (hex(randomblob(9)), hex(randomblob(9)), 0, hex(zeroblob(4000)))`)
		return err
	})
}

// AG D9, FR A24: a full store is unavailable, to whoever asks, and works again by itself when there is space.
func TestFull(t *testing.T) {
	db := openNotes(t)
	fill(t, db, 10)
	sqlitex.WriteExec(t, db, `PRAGMA max_page_count = 60`)
	var err error
	for err == nil {
		err = addBig(t.Context(), db)
	}
	unable(t, err, "the store notes is full")
	before := rows(t, db)
	// Whoever shares the transaction is told the same, never that the program is broken.
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { unable(t, addBig(t.Context(), db), "the store notes ") })
	}
	all.Wait()
	if n := rows(t, db); n != before {
		t.Errorf("%d rows, %d before", n, before)
	}
	sqlitex.WriteExec(t, db, `PRAGMA max_page_count = 1000000`)
	if err := addBig(t.Context(), db); err != nil || rows(t, db) != before+1 {
		t.Errorf("with space: %v, %d rows", err, rows(t, db))
	}
}

// A transaction that breaks is a 503 for whoever was in it, whatever broke it: nothing of theirs was kept.
func TestLostTransaction(t *testing.T) {
	db := openNotes(t)
	err := db.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`ROLLBACK`) // which a change must not do
		return err
	})
	unable(t, err, "the store notes could not keep the change")
	if err := addBig(t.Context(), db); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

func TestReadOnlyAndLocked(t *testing.T) {
	db := openNotes(t)
	sqlitex.WriteExec(t, db, `PRAGMA query_only = 1`)
	unable(t, addBig(t.Context(), db), "the store notes is read-only")
	unable(t, db.Ready(t.Context()), "the store notes is read-only")
	sqlitex.WriteExec(t, db, `PRAGMA query_only = 0`)
	sqlitex.WriteExec(t, db, `PRAGMA busy_timeout = 1`)
	other, err := sql.Open("sqlite", sqlitex.Path(db))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Exec(`BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	unable(t, addBig(t.Context(), db), "the store notes is locked by another process")
	if _, err := other.Exec(`ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if err := addBig(t.Context(), db); err != nil {
		t.Errorf("then: %v", err)
	}
}

const childPath = "SQLITEX_TEST_CHILD"

// A write that the system refuses is unavailable. The limit of a file's size is the child's own.
func TestWriteError(t *testing.T) {
	if path := os.Getenv(childPath); path != "" {
		db, err := sqlitex.Open(t.Context(), path, migrations(notesScript))
		if err != nil {
			t.Fatal(err)
		}
		fill(t, db, 10)
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 400 << 10, Max: 400 << 10}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		for err == nil {
			err = addBig(t.Context(), db)
		}
		unable(t, err, "the store notes cannot read or write its file")
		if n := rows(t, db); n < 10 {
			t.Errorf("%d rows can be read", n)
		}
		return
	}
	inChild(t, filepath.Join(t.TempDir(), "notes.db"))
}

func inChild(t *testing.T, path string) {
	t.Helper()
	cmd := osexec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
	cmd.Env = append(os.Environ(), childPath+"="+path)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("PASS")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// R3: a file that was cut off is an error of whoever reads what is missing, not the end of the process.
func TestFaultInMappedMemory(t *testing.T) {
	if path := os.Getenv(childPath); path != "" { // a child, because what fails here would be a crash
		db, err := sqlitex.Open(t.Context(), path, migrations(notesScript))
		if err != nil {
			t.Fatal(err)
		}
		fill(t, db, 5000)
		if _, err := sqlitex.Checkpoint(t, db); err != nil {
			t.Fatal(err)
		}
		count := func() error {
			_, err := sqlitex.Column[int](t.Context(), db.Read(), `SELECT sum(length(body)) FROM notes`)
			return err
		}
		if err := count(); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 100*4096); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			unable(t, count(), "the store notes ")
		}
		// What is opened from now on maps nothing, so that SQLite says itself what it can't read.
		if n, err := sqlitex.Column[int](t.Context(), db.Read(), `PRAGMA mmap_size`); err != nil || n[0] != 0 {
			t.Errorf("then mmap_size %v, %v", n, err)
		}
		unable(t, db.Ready(t.Context()), "start anew")
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		return
	}
	inChild(t, filepath.Join(t.TempDir(), "notes.db"))
}

// AG D9: readiness writes, at most once a second.
func TestReadyWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.db")
	synctest.Test(t, func(t *testing.T) {
		db, err := sqlitex.Open(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for second := range 3 {
			for range 5 {
				if err := db.Ready(t.Context()); err != nil {
					t.Error(err)
				}
			}
			n, err := sqlitex.Column[int](t.Context(), db.Read(), `SELECT n FROM write_probe`)
			if err != nil || n[0] != second+1 {
				t.Errorf("second %d: written %v times, %v", second, n, err)
			}
			time.Sleep(time.Second)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Ready(t.Context()); !errors.Is(err, sqlitex.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}

// AG D9: a probe fits where a change doesn't any more, so a store needs more than that.
func TestReadyNeedsRoom(t *testing.T) {
	for free, ready := range map[uint64]bool{1 << 20: true, 1<<20 - 1: false, 0: false} {
		db := openNotes(t)
		sqlitex.SetFree(db, free)
		if err := db.Ready(t.Context()); !ready {
			unable(t, err, "the store notes is full")
		} else if err != nil {
			t.Errorf("%d bytes free: %v", free, err)
		}
	}
}

// A store whose disk doesn't answer isn't ready, and asks it once, however often it is asked.
func TestReadyWaitsForOne(t *testing.T) {
	db := openNotes(t)
	holding, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		if err := db.Write(t.Context(), func(*sql.Tx) error { close(holding); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-holding
	for range 3 {
		unable(t, db.Ready(canceled(t)), "the store notes does not answer")
	}
	close(release)
	all.Wait()
	if err := db.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if n, err := sqlitex.Column[int](t.Context(), db.Read(), `SELECT n FROM write_probe`); err != nil || n[0] != 1 {
		t.Errorf("written %v times, %v", n, err)
	}
}

// SQLite writes on into a file that was removed: the probe looks for it.
func TestReadyFindsGone(t *testing.T) {
	for name, remove := range map[string]func(path string) error{
		"removed":  os.Remove,
		"replaced": func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			db := openNotes(t)
			if err := remove(sqlitex.Path(db)); err != nil {
				t.Fatal(err)
			}
			unable(t, db.Ready(t.Context()), "the store notes is gone")
		})
	}
}
