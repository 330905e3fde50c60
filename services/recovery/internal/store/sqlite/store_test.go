package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"centinela/services/recovery/internal/recovery"
	"centinela/services/recovery/internal/store/sqlite"
	"centinela/services/recovery/internal/store/storetest"
	"centinela/shared/sqlitex/sqlitextest"
)

func open(ctx context.Context, t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	ctx := sqlitextest.Plans(t, "testdata/plans.sql")
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(ctx, t, filepath.Join(t.TempDir(), "recovery.db")) })
}

// TestReopen: what was written is there after a restart.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recovery.db")
	first := open(t.Context(), t, path)
	if err := first.UpdateWallet(t.Context(), "acc_a", func(w *recovery.Wallet) (recovery.Effects, error) {
		w.Locale = "es"
		return recovery.Effects{}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if w, err := open(t.Context(), t, path).Wallet(t.Context(), "acc_a"); err != nil || w.Locale != "es" {
		t.Errorf("%+v, %v", w, err)
	}
}
