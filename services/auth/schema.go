package auth

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"centinela/services/auth/internal/store/sqlite"
	"centinela/shared/module"
)

// Schema is the migrations of the embedded database: what a restored one must fit.
func Schema() (fs.FS, error) { return sqlite.Schema() }

// People counts the accounts of an embedded database, while the service runs or
// not; 0 without a database.
func People(ctx context.Context, s module.Store) (int, error) {
	n, err := sqlite.Count(ctx, filepath.Join(s.Dir, "auth.db"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return n, err
}
