package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"

	"centinela/services/audit/internal/store/sqlite"
	"centinela/services/audit/internal/store/storetest"
)

func open(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
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
	storetest.Run(t, func(t *testing.T) (storetest.Store, func() storetest.Store) {
		path := filepath.Join(t.TempDir(), "audit.db")
		return open(t, path), func() storetest.Store { return open(t, path) }
	})
}

// R5.2: a page of an account's history costs the same however long the record is.
func TestActivityUsesItsIndex(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "audit.db"))
	rows, err := s.Read().QueryContext(t.Context(), `EXPLAIN QUERY PLAN SELECT * FROM entries WHERE token = ? AND token <> x'' AND class = ? AND seq < ? ORDER BY seq DESC LIMIT ?`, []byte("a"), "security", 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // a test's read
	var plan []string
	for rows.Next() {
		var a, b, c int
		var detail string
		if err := rows.Scan(&a, &b, &c, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if got := strings.Join(plan, "; "); !strings.Contains(got, "USING INDEX entries_person (token=? AND class=? AND seq<?)") || strings.Contains(got, "TEMP B-TREE") {
		t.Errorf("plan: %s", got)
	}
}
