package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"centinela/services/audit/internal/firewall"
	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/openings"
	"centinela/services/audit/internal/places"
	"centinela/shared/sqlitex"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is the state of one audit service. It is an outbox.Log.
type Store struct {
	*sqlitex.DB
	reads
}

var (
	_ ledger.Store   = (*Store)(nil)
	_ openings.Store = (*Store)(nil)
	_ places.Store   = (*Store)(nil)
	_ firewall.Store = (*Store)(nil)
)

// Open opens or makes the file. Errors: sqlitex.Open's.
func Open(ctx context.Context, path string, options ...sqlitex.Option) (*Store, error) {
	scripts, err := Schema()
	if err != nil {
		return nil, err
	}
	db, err := sqlitex.Open(ctx, path, scripts, options...)
	if err != nil {
		return nil, err
	}
	return &Store{db, reads{db.Read()}}, nil
}

// Close closes the file.
func (s *Store) Close(context.Context) error { return s.DB.Close() }

// Reader is the record of a file that is opened without the right to write,
// while its service runs or not.
type Reader struct {
	reads
	db *sql.DB
}

// OpenReader opens an existing file. Errors: there is none, or it isn't audit's.
// A damaged one is opened: to say where it is damaged is what a reader is for.
func OpenReader(ctx context.Context, path string) (*Reader, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open the record: %w", err)
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&_pragma=busy_timeout(5000)&_pragma=query_only(1)"}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open the record %s: %w", path, err)
	}
	r := &Reader{reads{db}, db}
	scripts, err := Schema()
	if err == nil {
		err = sqlitex.CheckEdition(ctx, db, scripts)
	}
	if err != nil && !isCorrupt(err) {
		return nil, errors.Join(fmt.Errorf("open the record %s: %w", path, err), db.Close())
	}
	return r, nil
}

// Rows is ledger.Reader's. Where SQLite itself can't make sense of the file, the
// next row is the damaged one.
func (r *Reader) Rows(ctx context.Context, from int64, limit int) ([]ledger.Row, error) {
	found, err := r.reads.Rows(ctx, from, limit)
	if !isCorrupt(err) {
		return found, err
	}
	if len(found) > 0 {
		from = found[len(found)-1].Seq + 1
	}
	return found, &ledger.DamagedError{Seq: from, Err: err}
}

// CheckSchema names what stands in the file and no migration makes.
func (r *Reader) CheckSchema(ctx context.Context) error {
	scripts, err := Schema()
	if err != nil {
		return err
	}
	return sqlitex.CheckSchema(ctx, r.db, scripts)
}

func isCorrupt(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == sqlite3.SQLITE_CORRUPT
}

// Close closes the file.
func (r *Reader) Close(context.Context) error { return r.db.Close() }
