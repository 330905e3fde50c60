package sqlite_test

import (
	"path/filepath"
	"testing"

	"centinela/services/chat-relay/internal/store/sqlite"
	"centinela/services/chat-relay/internal/store/storetest"
)

// R1, R4.1: the store's contract on SQLite.
func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Open {
		path := filepath.Join(t.TempDir(), "chat-room.db")
		var last storetest.Store
		return func(t *testing.T) storetest.Store {
			if last != nil { // one process owns the file
				if err := last.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			s, err := sqlite.Open(t.Context(), path)
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
