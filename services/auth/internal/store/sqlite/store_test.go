package sqlite_test

import (
	"path/filepath"
	"testing"

	"centinela/services/auth/internal/store/sqlite"
	"centinela/services/auth/internal/store/storetest"
	"centinela/shared/sqlitex/sqlitextest"
)

func TestStore(t *testing.T) {
	ctx := sqlitextest.Plans(t, "testdata/plans.sql")
	storetest.Run(t, func(t *testing.T) storetest.Opener {
		path := filepath.Join(t.TempDir(), "auth.db")
		return func(t *testing.T) storetest.Store {
			t.Helper()
			s, err := sqlite.Open(ctx, path)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	})
}
