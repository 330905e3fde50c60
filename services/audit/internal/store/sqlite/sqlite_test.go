package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"centinela/services/audit/internal/store/sqlite"
	"centinela/services/audit/internal/store/storetest"
	"centinela/shared/sqlitex/sqlitextest"
)

func open(ctx context.Context, t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.DB.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	ctx := sqlitextest.Plans(t, "testdata/plans.sql")
	storetest.Run(t, func(t *testing.T) (storetest.Store, func() storetest.Store) {
		path := filepath.Join(t.TempDir(), "audit.db")
		return open(ctx, t, path), func() storetest.Store { return open(ctx, t, path) }
	})
}
