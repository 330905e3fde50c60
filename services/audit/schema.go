package audit

import (
	"context"
	"io/fs"

	"centinela/services/audit/internal/store/sqlite"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

// Schema is the migrations of the embedded database: what a restored one must fit.
func Schema() (fs.FS, error) { return sqlite.Schema() }

// Heads is how far the record in that database has each source's log.
func Heads(ctx context.Context, db *sqlitex.DB) (map[string]record.Head, error) {
	return sqlite.Heads(ctx, db)
}
