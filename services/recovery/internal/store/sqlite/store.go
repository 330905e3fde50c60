package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/objection"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/sqlitex"
)

//go:embed migrations/*.sql
var files embed.FS

// Store is recovery's store on SQLite. It is an outbox.Source by its DB.
type Store struct {
	*sqlitex.DB
	reads
}

var (
	_ wallet.Store    = (*Store)(nil)
	_ claim.Store     = (*Store)(nil)
	_ objection.Store = (*Store)(nil)
	_ post.Store      = (*Store)(nil)
	_ post.Inbox      = (*Store)(nil)
)

// Open opens or makes the file at path.
func Open(ctx context.Context, path string, options ...sqlitex.Option) (*Store, error) {
	migrations, err := Schema()
	if err != nil {
		return nil, err
	}
	db, err := sqlitex.Open(ctx, path, migrations, options...)
	if err != nil {
		return nil, err
	}
	return &Store{db, reads{db.Read()}}, nil
}

// Close closes the file.
func (s *Store) Close(context.Context) error { return s.DB.Close() }

// due lists the items of a query for a key and attempts.
func (s *Store) due(ctx context.Context, query string, now time.Time, limit int) ([]due.Item, error) {
	return sqlitex.Collect(ctx, s.Read(), func(i *due.Item) []any { return []any{&i.ID, &i.Attempts} }, query, now, limit)
}

// putOff moves a row that is still due on, without looking into its body.
func (s *Store) putOff(ctx context.Context, query string, item due.Item, next time.Time) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		_, err := sqlitex.Exec(ctx, tx, query, next, item.Attempts, item.ID)
		return err
	})
}

// Schema is the migrations that Open applies.
func Schema() (fs.FS, error) { return fs.Sub(files, "migrations") }
