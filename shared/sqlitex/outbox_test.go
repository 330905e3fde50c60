package sqlitex_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"centinela/shared/outbox"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

func TestLog(t *testing.T) {
	outboxtest.Run(t, func(t *testing.T) outboxtest.Fixture {
		db, path := open(t)
		return outboxtest.Fixture{
			Log:    db,
			Append: func(t *testing.T, events ...record.Event) { appendEvents(t, db, events...) },
			Reopen: func(t *testing.T) outbox.Log {
				other, err := sqlitex.Open(t.Context(), path, migrations(schema))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := other.Close(); err != nil {
						t.Error(err)
					}
				})
				return other
			},
			Damage: func(t *testing.T, n int64) { exec(t, db, `UPDATE outbox_log SET body = x'7b7d' WHERE n = ?`, n) },
			Aside: func(t *testing.T) (n int) {
				if err := db.Read().QueryRowContext(t.Context(), `SELECT count(*) FROM outbox_rejected WHERE reason <> '' AND source LIKE 'auth/%'`).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			},
		}
	})
}

func appendEvents(t *testing.T, db *sqlitex.DB, events ...record.Event) {
	t.Helper()
	for len(events) > 0 { // in several transactions
		n := min(len(events), 7)
		if err := db.Write(t.Context(), func(tx *sql.Tx) error { return sqlitex.AppendOutbox(tx, events[:n]...) }); err != nil {
			t.Fatal(err)
		}
		events = events[n:]
	}
}

func exec(t *testing.T, db *sqlitex.DB, query string, args ...any) {
	t.Helper()
	if err := db.Write(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(query, args...); return err }); err != nil {
		t.Fatal(err)
	}
}

// Events are kept exactly when the change that they report is, and what is undone
// leaves no gap in the numbers.
func TestOutboxWithItsChange(t *testing.T) {
	db, _ := open(t)
	events := outboxtest.Events(3)
	write := func(fail error, events ...record.Event) error {
		return db.Write(t.Context(), func(tx *sql.Tx) error {
			if _, err := increment(tx); err != nil {
				return err
			}
			return errors.Join(sqlitex.AppendOutbox(tx, events...), fail)
		})
	}
	if err := write(nil, events[0]); err != nil {
		t.Fatal(err)
	}
	if err := write(errOwn, events[1]); !errors.Is(err, errOwn) {
		t.Fatal(err)
	}
	if err := write(nil, events[2]); err != nil {
		t.Fatal(err)
	}
	entries, err := db.After(t.Context(), 0, 10)
	if err != nil || len(entries) != 2 || entries[1].N != 2 || !strings.Contains(string(entries[1].Body), events[2].ID) {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	bad := outboxtest.Events(1)[0]
	bad.Data = record.Data{"a": make(chan int)}
	before := counter(t, db)
	if err := write(nil, bad); err == nil || counter(t, db) != before {
		t.Errorf("an event that has no place in the record was written with its change (%v)", err)
	}
}

// A cursor that was altered by hand is found out.
func TestOutboxCursorAltered(t *testing.T) {
	for _, alter := range []string{`DELETE FROM outbox_cursor`, `UPDATE outbox_cursor SET hash = x'00'`} {
		db, _ := open(t)
		exec(t, db, alter)
		if _, _, err := db.Shipped(t.Context()); !errors.Is(err, sqlitex.ErrOutbox) {
			t.Errorf("%s: %v", alter, err)
		}
	}
}

// A database of the first version is refused in one line, and stays as it is.
func TestOldDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	old, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.ExecContext(t.Context(), `
		CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;
		INSERT INTO schema_migrations VALUES (1, '0001_first.sql', 'of the first version')`); err != nil {
		t.Fatal(err)
	}
	_, err = sqlitex.Open(t.Context(), path, migrations(schema))
	if err == nil || !strings.Contains(err.Error(), "start with an empty data_dir") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	var tables int
	if err := old.QueryRowContext(t.Context(), `SELECT count(*) FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'`).Scan(&tables); err != nil || tables != 1 {
		t.Errorf("%d tables, %v", tables, err)
	}
	if err := old.Close(); err != nil {
		t.Error(err)
	}
}
