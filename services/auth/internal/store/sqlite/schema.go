package sqlite

import (
	"context"
	"database/sql"
	"io/fs"

	"centinela/shared/sqlitex"
)

// Schema is the migrations that Open applies.
func Schema() (fs.FS, error) { return fs.Sub(migrations, "migrations") }

// Count is how many accounts the file at path holds, beside its service or without it.
func Count(ctx context.Context, path string) (n int, err error) {
	err = sqlitex.Look(path, func(db *sql.DB) error {
		return db.QueryRowContext(ctx, `SELECT count(*) FROM accounts`).Scan(&n)
	})
	return n, err
}
