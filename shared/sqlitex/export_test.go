package sqlitex

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"
	"testing"
)

// WritePragma reads a pragma of the write connection.
func WritePragma(t *testing.T, db *DB, name string) (value int) {
	t.Helper()
	if err := db.write.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// PanicAt makes the write connection's driver panic, once, at the next statement
// that begins with word.
func PanicAt(t *testing.T, db *DB, word string) {
	t.Helper()
	path := ""
	if err := db.read.QueryRowContext(t.Context(), `SELECT file FROM pragma_database_list`).Scan(&path); err != nil {
		t.Fatal(err)
	}
	h := newHandles(t.Context(), path, nil)
	sound, err := h.openWrite()
	if err != nil {
		t.Fatal(err)
	}
	old := db.write
	db.write = sql.OpenDB(faulty{sound.Driver(), dsn(path, nil, "_txlock=immediate"), &word})
	db.write.SetMaxOpenConns(1)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sound.Close(); err != nil {
		t.Fatal(err)
	}
}

// faulty is a driver with a fault planted.
type faulty struct {
	driver driver.Driver
	dsn    string
	word   *string
}

func (f faulty) Driver() driver.Driver { return f.driver }

func (f faulty) Connect(context.Context) (driver.Conn, error) {
	c, err := f.driver.Open(f.dsn)
	if err != nil {
		return nil, err
	}
	return faultyConn{c.(fullConn), f.word}, nil
}

type faultyConn struct {
	fullConn
	word *string
}

func (c faultyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if *c.word != "" && strings.HasPrefix(query, *c.word) {
		*c.word = ""
		panic("planted")
	}
	return c.fullConn.ExecContext(ctx, query, args)
}

// Path is the database's file.
func Path(db *DB) string { return db.path }

// Checkpoint moves the WAL into the file.
func Checkpoint(t *testing.T, db *DB) (busy int, err error) {
	t.Helper()
	var log, moved int
	err = db.write.QueryRowContext(t.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &log, &moved)
	return busy, err
}

// WriteExec runs a statement on the write connection, outside of every transaction.
func WriteExec(t testing.TB, db *DB, statement string) {
	t.Helper()
	// A pragma that sets a value answers with it.
	if _, err := Column[any](t.Context(), db.write, statement); err != nil {
		t.Fatal(err)
	}
}

// Kept is how many statements the connection keeps prepared, and can use again.
func Kept(t testing.TB, c *sql.Conn) (n int) {
	t.Helper()
	err := c.Raw(func(c any) error {
		for _, s := range c.(*conn).ready {
			if !s.reading {
				n++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// SetFree makes the database believe that so many bytes are free.
func SetFree(db *DB, bytes uint64) { db.free = func(string) (uint64, error) { return bytes, nil } }
