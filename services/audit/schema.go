package audit

import (
	"io/fs"

	"centinela/services/audit/internal/store/sqlite"
)

// Schema is the migrations of the embedded database: what a restored one must fit.
func Schema() (fs.FS, error) { return sqlite.Schema() }
