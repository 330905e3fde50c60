package sqlite_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"centinela/services/audit/internal/openings"
	"centinela/services/audit/internal/store/sqlite"
)

// An erased key isn't in the file any more, not even in what SQLite doesn't use.
func TestErasedKeyIsOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.db")
	life := func(do func(s *sqlite.Store) error) []byte {
		s, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := do(s); err != nil {
			t.Error(err)
		}
		if err := s.Close(context.Background()); err != nil { // takes the WAL in
			t.Fatal(err)
		}
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	token, wrapped := openings.Token{1}, []byte("the wrapped key of a person, long enough to be found")
	before := life(func(s *sqlite.Store) error {
		_, err := s.AddPersonKey(t.Context(), token, wrapped)
		return err
	})
	if !bytes.Contains(before, wrapped) {
		t.Fatal("the key isn't where this test looks for it")
	}
	if after := life(func(s *sqlite.Store) error { return s.ErasePersonKey(t.Context(), token) }); bytes.Contains(after, wrapped[:20]) {
		t.Error("the key is still in the file")
	}
}
