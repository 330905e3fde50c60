package sqlite

import "io/fs"

// Schema is the migrations that Open applies.
func Schema() (fs.FS, error) { return fs.Sub(migrations, "migrations") }
