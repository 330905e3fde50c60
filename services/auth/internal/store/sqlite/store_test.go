package sqlite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"centinela/services/auth/internal/store/sqlite"
	"centinela/services/auth/internal/store/storetest"
	"centinela/shared/sqlitex"
	"centinela/shared/sqlitex/sqlitextest"
)

func TestStore(t *testing.T) {
	ctx := sqlitextest.Plans(t, "")
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

// The table of the counters is the one that sqlitex writes to.
func TestCountersTable(t *testing.T) {
	text, err := os.ReadFile("migrations/0001_init.sql")
	if err != nil || !strings.Contains(string(text), sqlitex.CountersTable) {
		t.Errorf("the migration lacks sqlitex.CountersTable (%v)", err)
	}
}
