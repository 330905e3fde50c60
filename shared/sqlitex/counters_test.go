package sqlitex_test

import (
	"path/filepath"
	"testing"

	"centinela/shared/limits"
	"centinela/shared/limits/limitstest"
	"centinela/shared/sqlitex"
)

func TestCounters(t *testing.T) {
	limitstest.Run(t, func(t *testing.T) limits.Store {
		db, err := sqlitex.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), migrations(sqlitex.CountersTable))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		return db.Counters()
	})
}
