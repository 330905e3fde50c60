package sqlitex_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"centinela/shared/sqlitex"
)

const schema = `CREATE TABLE counters (id TEXT PRIMARY KEY, n INTEGER NOT NULL, note TEXT UNIQUE);
CREATE TABLE parents (id TEXT PRIMARY KEY); CREATE TABLE kids (parent TEXT NOT NULL REFERENCES parents(id));
INSERT INTO counters (id, n) VALUES ('n', 0);`

func migrations(scripts ...string) fstest.MapFS {
	names := []string{"0001_first.sql", "0002_second.sql", "0003_third.sql"}
	files := fstest.MapFS{}
	for i, script := range scripts {
		files[names[i]] = &fstest.MapFile{Data: []byte(script)}
	}
	return files
}

func open(t testing.TB) (*sqlitex.DB, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data", "test.db")
	db, err := sqlitex.Open(t.Context(), path, migrations(schema))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, path
}

func increment(tx *sql.Tx) (n int, err error) {
	err = tx.QueryRow(`UPDATE counters SET n = n + 1 WHERE id = 'n' RETURNING n`).Scan(&n)
	return n, err
}

func counter(t testing.TB, db *sqlitex.DB) (n int) {
	t.Helper()
	if err := db.Read().QueryRowContext(t.Context(), `SELECT n FROM counters WHERE id = 'n'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// 100 goroutines on one counter: values unique and contiguous, and each is
// readable once its Write has returned (design: architecture, "Stores").
func TestWriteContiguous(t *testing.T) {
	const racers = 100
	db, _ := open(t)
	values := make([]int, racers)
	var all sync.WaitGroup
	for i := range racers {
		all.Go(func() {
			err := db.Write(t.Context(), func(tx *sql.Tx) (err error) {
				values[i], err = increment(tx)
				return err
			})
			if err != nil {
				t.Error(err)
			}
			if n := counter(t, db); n < values[i] {
				t.Errorf("read %d after writing %d", n, values[i])
			}
		})
	}
	all.Wait()
	slices.Sort(values)
	for i, v := range values {
		if v != i+1 {
			t.Fatalf("values are not 1 to %d: %v", racers, values)
		}
	}
}

// crowd runs bad while the writer is held, with good writes queued before and
// after it, so that all share one transaction.
func crowd(t *testing.T, db *sqlitex.DB, bad func()) {
	t.Helper()
	holding, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := db.Write(t.Context(), func(tx *sql.Tx) error {
			close(holding)
			<-release
			_, err := increment(tx)
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-holding
	good := func() {
		err := db.Write(t.Context(), func(tx *sql.Tx) error { _, err := increment(tx); return err })
		if err != nil {
			t.Errorf("a neighbour failed: %v", err)
		}
	}
	for range 5 {
		all.Go(good)
	}
	all.Go(bad)
	for range 5 {
		all.Go(good)
	}
	close(release)
	all.Wait()
	if n := counter(t, db); n != 11 {
		t.Errorf("counter %d, want the 11 good increments", n)
	}
}

var errOwn = errors.New("own")

// A callback's failure undoes that callback alone, comes back to its caller, and
// the writer goes on (design: architecture, "rollback on a callback's error").
func TestWriteFailureUndoesOne(t *testing.T) {
	t.Run("error", func(t *testing.T) {
		db, _ := open(t)
		crowd(t, db, func() {
			err := db.Write(t.Context(), func(tx *sql.Tx) error {
				_, err := increment(tx)
				return errors.Join(err, errOwn)
			})
			if !errors.Is(err, errOwn) {
				t.Errorf("error %v", err)
			}
		})
	})
	t.Run("constraint", func(t *testing.T) {
		db, _ := open(t)
		crowd(t, db, func() {
			err := db.Write(t.Context(), func(tx *sql.Tx) error {
				if _, err := increment(tx); err != nil {
					return err
				}
				_, err := tx.Exec(`INSERT INTO kids (parent) VALUES ('nobody')`)
				return err
			})
			if err == nil || !strings.Contains(err.Error(), "FOREIGN KEY") {
				t.Errorf("error %v: foreign keys must be on", err)
			}
		})
	})
	t.Run("panic in the caller's goroutine", func(t *testing.T) {
		db, _ := open(t)
		crowd(t, db, func() {
			defer func() {
				if v := recover(); v != "boom" {
					t.Errorf("recovered %v", v)
				}
			}()
			err := db.Write(t.Context(), func(tx *sql.Tx) error {
				if _, err := increment(tx); err != nil {
					return err
				}
				panic("boom")
			})
			t.Errorf("Write returned %v", err)
		})
	})
	t.Run("context that ends within the callback", func(t *testing.T) {
		db, _ := open(t)
		crowd(t, db, func() {
			ctx, cancel := context.WithCancel(t.Context())
			err := db.Write(ctx, func(tx *sql.Tx) error {
				cancel()
				_, err := tx.ExecContext(ctx, `UPDATE counters SET n = n + 1`)
				return err
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
	})
	t.Run("context that ends within a statement", func(t *testing.T) {
		db, _ := open(t)
		crowd(t, db, func() {
			err := db.Write(t.Context(), func(tx *sql.Tx) error {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
				defer cancel()
				// Interrupted, this would take the neighbours' changes with it.
				_, err := tx.ExecContext(ctx, `INSERT INTO parents (id) WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 20000) SELECT i FROM c`)
				return err
			})
			if err != nil {
				t.Errorf("a started change was not completed: %v", err)
			}
		})
	})
}

// A cancelled context writes nothing, both before and in the queue.
func TestWriteCancelledBeforeItStarts(t *testing.T) {
	db, _ := open(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	ran := false
	change := func(tx *sql.Tx) error { ran = true; _, err := increment(tx); return err }
	if err := db.Write(cancelled, change); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	queued, cancelQueued := context.WithCancel(t.Context())
	err := db.Write(t.Context(), func(*sql.Tx) error {
		answer := make(chan error)
		go func() { answer <- db.Write(queued, change) }()
		cancelQueued()
		return errors.Join(errOwn, <-answer)
	})
	if !errors.Is(err, context.Canceled) || ran || counter(t, db) != 0 {
		t.Errorf("error %v, ran %v, counter %d", err, ran, counter(t, db))
	}
}

// Close lets those that have entered finish; later ones are refused.
func TestCloseDrains(t *testing.T) {
	db, path := open(t)
	holding, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := db.Write(t.Context(), func(tx *sql.Tx) error {
			close(holding)
			<-release
			_, err := increment(tx)
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-holding
	closed := make(chan error)
	go func() { closed <- db.Close() }()
	// The first refusal shows that Close has begun.
	for {
		err := db.Write(canceled(t), func(*sql.Tx) error { return nil })
		if errors.Is(err, sqlitex.ErrClosed) {
			break
		}
	}
	close(release)
	all.Wait()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	again, err := sqlitex.Open(t.Context(), path, migrations(schema))
	if err != nil {
		t.Fatal(err)
	}
	if n := counter(t, again); n != 1 {
		t.Errorf("after reopening: counter %d, want 1", n)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestReadCannotWrite(t *testing.T) {
	db, _ := open(t)
	if _, err := db.Read().ExecContext(t.Context(), `DELETE FROM counters`); err == nil || counter(t, db) != 0 {
		t.Errorf("the read handle wrote: %v", err)
	}
}

func TestIsUnique(t *testing.T) {
	db, _ := open(t)
	exec := func(statement string) error {
		return db.Write(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(statement); return err })
	}
	if err := exec(`INSERT INTO counters VALUES ('a', 1, 'note')`); err != nil {
		t.Fatal(err)
	}
	for statement, want := range map[string]bool{
		`INSERT INTO counters VALUES ('a', 1, 'other')`: true,
		`INSERT INTO counters VALUES ('b', 1, 'note')`:  true,
		`INSERT INTO counters VALUES ('b', NULL, 'x')`:  false,
		`INSERT INTO missing VALUES (1)`:                false,
	} {
		if err := exec(statement); sqlitex.IsUnique(err) != want {
			t.Errorf("%s: IsUnique(%v) is not %v", statement, err, want)
		}
	}
}

func TestMillis(t *testing.T) {
	at := time.Date(2026, 11, 23, 1, 2, 3, 4_000_000, time.UTC)
	for _, want := range []time.Time{at, {}} {
		if got := sqlitex.FromMillis(sqlitex.Millis(want)); got != want {
			t.Errorf("%v came back as %v", want, got)
		}
	}
}

// R3: a panic of the driver in the writer ends neither the process nor the
// writer: who waits gets an error, nothing of the group is kept, the next write works.
func TestWriterSurvivesPanic(t *testing.T) {
	for _, word := range []string{"SAVEPOINT", "RELEASE"} {
		t.Run(word, func(t *testing.T) {
			db, _ := open(t)
			sqlitex.PanicAt(t, db, word)
			add := func() error {
				return db.Write(t.Context(), func(tx *sql.Tx) error { _, err := increment(tx); return err })
			}
			if err := add(); err == nil || !strings.Contains(err.Error(), "panic: planted\n") {
				t.Errorf("got %v", err)
			}
			if n := counter(t, db); n != 0 {
				t.Errorf("kept %d", n)
			}
			if err := add(); err != nil {
				t.Error(err)
			}
			if n := counter(t, db); n != 1 {
				t.Errorf("then %d, not 1", n)
			}
		})
	}
}
