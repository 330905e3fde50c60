package sqlitex_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

// note is a domain's type: one tag set, which serves JSON here and BSON on MongoDB.
type note struct {
	ID     string    `json:"id"`
	Owner  string    `json:"owner,omitempty"`
	DueAt  time.Time `json:"due_at,omitzero,omitempty"`
	Marks  []mark    `json:"marks,omitempty"`
	Sealed []byte    `json:"sealed,omitempty"`
}

type mark struct {
	Key string    `json:"key"`
	At  time.Time `json:"at,omitzero,omitempty"`
}

const notesScript = `CREATE TABLE notes (
	id     TEXT PRIMARY KEY,
	owner  TEXT NOT NULL UNIQUE,
	due_at INTEGER NOT NULL, -- ms; 0: never
	body   TEXT NOT NULL
) STRICT;`

var errNoNote = errors.New("no such note")

func layout() sqlitex.Layout[note] {
	return sqlitex.Layout[note]{
		Table: "notes", Shape: 1, Columns: []string{"id", "owner", "due_at"}, Missing: errNoNote,
		Row: func(n *note) []any { return []any{n.ID, n.Owner, n.DueAt} },
	}
}

func openNotes(t testing.TB) *sqlitex.DB {
	t.Helper()
	db, err := sqlitex.Open(t.Context(), filepath.Join(t.TempDir(), "notes.db"), migrations(notesScript))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func at(hour int) time.Time { return time.Date(2026, 11, 23, hour, 0, 0, 0, time.UTC) }

func full() note {
	return note{ID: "a", Owner: "ana", DueAt: at(1), Marks: []mark{{Key: "k", At: at(2)}, {Key: "l"}}, Sealed: []byte{0, 255}}
}

func told(account string) record.Event {
	e := record.New(at(0), "auth", record.SessionCreated, record.Success, record.Origin{})
	e.Account = account
	return e
}

func write(t testing.TB, db *sqlitex.DB, change func(tx *sql.Tx) error) {
	t.Helper()
	if err := db.Write(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

func outboxRows(t testing.TB, db *sqlitex.DB) int {
	t.Helper()
	n, err := sqlitex.Column[int](t.Context(), db.Read(), `SELECT count(*) FROM outbox_log`)
	if err != nil {
		t.Fatal(err)
	}
	return n[0]
}

// Every field comes back, and the lookup columns follow the value.
func TestTableRoundTrip(t *testing.T) {
	db, notes := openNotes(t), sqlitex.NewTable(layout())
	want := full()
	write(t, db, func(tx *sql.Tx) error { return notes.Insert(t.Context(), tx, &want, told("ana")) })
	got, err := notes.Get(t.Context(), db.Read(), "a")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	write(t, db, func(tx *sql.Tx) error {
		return notes.Update(t.Context(), tx, "a", func(n *note) ([]record.Event, error) {
			n.Owner, n.DueAt, n.Marks = "eva", time.Time{}, nil
			return []record.Event{told("eva")}, nil
		})
	})
	byOwner := func(owner string) ([]note, error) {
		return notes.List(t.Context(), db.Read(), `SELECT body FROM notes WHERE owner = ? AND due_at < ?`, owner, at(9))
	}
	found, err := byOwner("eva")
	if err != nil || !reflect.DeepEqual(found, []note{{ID: "a", Owner: "eva", Sealed: []byte{0, 255}}}) {
		t.Errorf("changed: %+v, %v", found, err)
	}
	if found, err := byOwner("ana"); err != nil || found != nil {
		t.Errorf("by the old owner: %+v, %v", found, err)
	}
	if n := outboxRows(t, db); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	bodies, err := sqlitex.Column[string](t.Context(), db.Read(), `SELECT body FROM notes`)
	if err != nil || bodies[0] != `{"v":1,"id":"a","owner":"eva","sealed":"AP8="}` {
		t.Errorf("stored %s, %v", bodies, err)
	}
}

// What was refused changed nothing, and errors keep their identity.
func TestTableRefusals(t *testing.T) {
	db, notes := openNotes(t), sqlitex.NewTable(layout())
	first := full()
	write(t, db, func(tx *sql.Tx) error { return notes.Insert(t.Context(), tx, &first) })
	other := note{ID: "b", Owner: "ana"}
	change := func(id string, err error) func(tx *sql.Tx) error {
		return func(tx *sql.Tx) error {
			return notes.Update(t.Context(), tx, id, func(n *note) ([]record.Event, error) {
				n.Sealed = nil
				return []record.Event{told("ana")}, err
			})
		}
	}
	for name, c := range map[string]struct {
		change func(tx *sql.Tx) error
		want   func(error) bool
	}{
		"same key":      {func(tx *sql.Tx) error { return notes.Insert(t.Context(), tx, &first, told("ana")) }, sqlitex.IsUnique},
		"same owner":    {func(tx *sql.Tx) error { return notes.Insert(t.Context(), tx, &other, told("ana")) }, sqlitex.IsUnique},
		"put, owner":    {func(tx *sql.Tx) error { return notes.Put(t.Context(), tx, &other, told("ana")) }, sqlitex.IsUnique},
		"missing":       {change("z", nil), func(err error) bool { return err == errNoNote }}, //nolint:errorlint // identity is what is tested
		"change's own":  {change("a", errOwn), func(err error) bool { return err == errOwn }}, //nolint:errorlint // identity is what is tested
		"changed, then": {func(tx *sql.Tx) error { return errors.Join(change("a", nil)(tx), errOwn) }, func(err error) bool { return errors.Is(err, errOwn) }},
	} {
		t.Run(name, func(t *testing.T) {
			if err := db.Write(t.Context(), c.change); err == nil || !c.want(err) {
				t.Errorf("error %v", err)
			}
			all, err := notes.List(t.Context(), db.Read(), `SELECT body FROM notes`)
			if err != nil || !reflect.DeepEqual(all, []note{full()}) || outboxRows(t, db) != 0 {
				t.Errorf("after it: %+v, %v", all, err)
			}
		})
	}
	if _, err := notes.Get(t.Context(), db.Read(), "z"); err != errNoNote { //nolint:errorlint // identity is what is tested
		t.Errorf("Get: %v", err)
	}
}

// Put replaces by key; without Missing each key has a value, which Update adds.
func TestTablePut(t *testing.T) {
	l := layout()
	l.Missing = nil
	db, notes := openNotes(t), sqlitex.NewTable(l)
	v, err := notes.Get(t.Context(), db.Read(), "a")
	if err != nil || !reflect.DeepEqual(v, note{}) {
		t.Fatalf("at first %+v, %v", v, err)
	}
	for i := range 2 {
		write(t, db, func(tx *sql.Tx) error {
			return notes.Update(t.Context(), tx, "a", func(n *note) ([]record.Event, error) {
				n.ID = "a"
				n.Marks = append(n.Marks, mark{Key: fmt.Sprint(i)})
				return nil, nil
			})
		})
	}
	if v, err = notes.Get(t.Context(), db.Read(), "a"); err != nil || len(v.Marks) != 2 {
		t.Errorf("after two updates %+v, %v", v, err)
	}
	v.Marks = nil
	write(t, db, func(tx *sql.Tx) error { return notes.Put(t.Context(), tx, &v) })
	if v, err = notes.Get(t.Context(), db.Read(), "a"); err != nil || v.Marks != nil {
		t.Errorf("replaced %+v, %v", v, err)
	}
}

// A body of a shape to come, or without one, is refused, and quoted by no error.
func TestTableShapes(t *testing.T) {
	db, notes := openNotes(t), sqlitex.NewTable(layout())
	for body, good := range map[string]bool{
		`{"v":1}`:                         true,
		`{"v":1,"id":"s3cret"}`:           true,
		`{"v":2,"id":"s3cret"}`:           false,
		`{"v":0,"id":"s3cret"}`:           false,
		`{"v":99999999999,"id":"s3cret"}`: false,
		`{"id":"s3cret"}`:                 false,
		`{"v":1,"id":"s3cret`:             false,
		`{"v":1,"marks":"s3cret"}`:        false,
		``:                                false,
	} {
		write(t, db, func(tx *sql.Tx) error {
			_, err := sqlitex.Exec(t.Context(), tx, `INSERT OR REPLACE INTO notes (id, owner, due_at, body) VALUES ('a', 'ana', 0, ?)`, body)
			return err
		})
		if _, err := notes.Get(t.Context(), db.Read(), "a"); (err == nil) != good || err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// Times are bound as their milliseconds; the caller's arguments stay as they are.
func TestExecAndColumnBindTimes(t *testing.T) {
	db := openNotes(t)
	args := []any{"a", "ana", at(1)}
	write(t, db, func(tx *sql.Tx) error {
		n, err := sqlitex.Exec(t.Context(), tx, `INSERT INTO notes (id, owner, due_at, body) VALUES (?, ?, ?, '')`, args...)
		if n != 1 {
			t.Errorf("%d rows", n)
		}
		return err
	})
	ids, err := sqlitex.Column[string](t.Context(), db.Read(), `SELECT id FROM notes WHERE due_at = ?`, at(1))
	if err != nil || !reflect.DeepEqual(ids, []string{"a"}) || args[2] != any(at(1)) {
		t.Errorf("%v, %v, arguments %v", ids, err, args)
	}
	if _, err := sqlitex.Column[string](t.Context(), db.Read(), `SELECT id FROM nowhere`); err == nil {
		t.Error("a table that isn't there")
	}
}

// A store of a service: the table is declared once, a use is a line.
func ExampleTable() {
	ctx := context.Background()
	notes := sqlitex.NewTable(sqlitex.Layout[note]{
		Table: "notes", Shape: 1, Columns: []string{"id", "owner", "due_at"}, Missing: errNoNote,
		Row: func(n *note) []any { return []any{n.ID, n.Owner, n.DueAt} },
	})
	add := func(db *sqlitex.DB, n note, events ...record.Event) error {
		err := db.Write(ctx, func(tx *sql.Tx) error { return notes.Insert(ctx, tx, &n, events...) })
		if sqlitex.IsUnique(err) {
			return errors.New("the owner has a note")
		}
		return err
	}
	update := func(db *sqlitex.DB, id string, change func(*note) ([]record.Event, error)) error {
		return db.Write(ctx, func(tx *sql.Tx) error { return notes.Update(ctx, tx, id, change) })
	}
	due := func(db *sqlitex.DB, now time.Time, limit int) ([]note, error) {
		return notes.List(ctx, db.Read(), `SELECT body FROM notes WHERE due_at > 0 AND due_at <= ? ORDER BY due_at LIMIT ?`, now, limit)
	}

	db, closeDB := exampleDB(fstest.MapFS{"0001_notes.sql": &fstest.MapFile{Data: []byte(notesScript)}})
	defer closeDB()
	fmt.Println(add(db, note{ID: "a", Owner: "ana"}), add(db, note{ID: "b", Owner: "ana"}))
	fmt.Println(update(db, "a", func(n *note) ([]record.Event, error) { n.DueAt = at(1); return nil, nil }))
	fmt.Println(update(db, "z", func(*note) ([]record.Event, error) { return nil, nil }))
	list, err := due(db, at(1), 10)
	fmt.Println(len(list), err)
	// Output:
	// <nil> the owner has a note
	// <nil>
	// no such note
	// 1 <nil>
}

func exampleDB(scripts fstest.MapFS) (*sqlitex.DB, func()) {
	folder, err := os.MkdirTemp("", "sqlitex")
	if err != nil {
		panic(err)
	}
	db, err := sqlitex.Open(context.Background(), filepath.Join(folder, "notes.db"), scripts)
	if err != nil {
		panic(err)
	}
	return db, func() {
		if err := errors.Join(db.Close(), os.RemoveAll(folder)); err != nil {
			panic(err)
		}
	}
}
