package sqlite_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/store/sqlite"
	"centinela/services/recovery/internal/store/storetest"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/limits"
	"centinela/shared/limits/limitstest"
	"centinela/shared/sqlitex"
)

func open(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, filepath.Join(t.TempDir(), "recovery.db")) })
}

// TestReopen: what was written is there after a restart.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recovery.db")
	first := open(t, path)
	if err := first.UpdateWallet(t.Context(), "acc_a", func(w *wallet.Wallet) (post.Effects, error) {
		w.Locale = "es"
		return post.Effects{}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w, err := open(t, path).Wallet(t.Context(), "acc_a"); err != nil || w.Locale != "es" {
		t.Errorf("%+v, %v", w, err)
	}
}

// TestLimits: the counters of the service's own file are what shared/limits asks for.
func TestLimits(t *testing.T) {
	limitstest.Run(t, func(t *testing.T) limits.Store { return open(t, filepath.Join(t.TempDir(), "recovery.db")).Limits() })
	migration, err := os.ReadFile("migrations/0001_init.sql")
	if err != nil || !strings.Contains(string(migration), sqlitex.CountersTable) {
		t.Errorf("the migration hasn't sqlitex.CountersTable: %v", err)
	}
}
