package sqlite_test

import (
	"path/filepath"
	"testing"

	"centinela/services/chat-relay/internal/store/sqlite"
	"centinela/services/chat-relay/internal/store/storetest"
	"centinela/shared/sqlitex/sqlitextest"
)

// R1, R4.1: the store's contract on SQLite.
func TestStore(t *testing.T) {
	ctx := sqlitextest.Plans(t, "testdata/plans.sql")
	storetest.Run(t, func(t *testing.T) storetest.Open {
		path := filepath.Join(t.TempDir(), "chat-relay.db")
		var last storetest.Store
		return func(t *testing.T) storetest.Store {
			if last != nil { // one process owns the file
				if err := last.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			s, err := sqlite.Open(ctx, path)
			if err != nil {
				t.Fatal(err)
			}
			last = s
			t.Cleanup(func() {
				if last == storetest.Store(s) {
					if err := s.Close(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
			return s
		}
	})
}
