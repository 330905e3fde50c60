package sqlite_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/store/sqlite"
	"centinela/services/recovery/internal/store/storetest"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/limits"
	"centinela/shared/limits/limitstest"
	"centinela/shared/sqlitex"
	"centinela/shared/sqlitex/sqlitextest"
	"centinela/shared/testkit"
)

func open(ctx context.Context, t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(ctx, path)
	testkit.Must(t, err)
	testkit.CloseAfter(t, s)
	return s
}

func TestStore(t *testing.T) {
	ctx := sqlitextest.Plans(t, "")
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(ctx, t, filepath.Join(t.TempDir(), "recovery.db")) })
}

// TestReopen: what was written is there after a restart.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recovery.db")
	first := open(t.Context(), t, path)
	if err := first.UpdateWallet(t.Context(), "acc_a", func(w *wallet.Wallet) (post.Effects, error) {
		w.Locale = "es"
		return post.Effects{}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w, err := open(t.Context(), t, path).Wallet(t.Context(), "acc_a"); err != nil || w.Locale != "es" {
		t.Errorf("%+v, %v", w, err)
	}
}

// TestLimits: the counters of the service's own file are what shared/limits asks for.
func TestLimits(t *testing.T) {
	limitstest.Run(t, func(t *testing.T) limits.Store {
		return open(t.Context(), t, filepath.Join(t.TempDir(), "recovery.db")).Counters()
	})
	migration, err := os.ReadFile("migrations/0001_init.sql")
	if err != nil || !strings.Contains(string(migration), sqlitex.CountersTable) {
		t.Errorf("the migration hasn't sqlitex.CountersTable: %v", err)
	}
}

// GR G9: the rows by which a number is found are written when the numbers change,
// not with every change of their wallet.
func TestNumberRowsAreLeftAlone(t *testing.T) {
	s := open(t.Context(), t, filepath.Join(t.TempDir(), "recovery.db"))
	numbers := func(macs ...string) func(w *wallet.Wallet) {
		return func(w *wallet.Wallet) {
			w.Numbers = nil
			for _, mac := range macs {
				w.Numbers = append(w.Numbers, wallet.Number{Number: engine.Number{ID: "phn_" + mac}, MAC: mac})
			}
		}
	}
	written := func() (n int) {
		if err := s.Read().QueryRowContext(t.Context(), `SELECT count(*) FROM written`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := s.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `CREATE TABLE written (x INTEGER);
			CREATE TRIGGER added AFTER INSERT ON wallet_numbers BEGIN INSERT INTO written VALUES (1); END;
			CREATE TRIGGER removed AFTER DELETE ON wallet_numbers BEGIN INSERT INTO written VALUES (1); END;`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name   string
		change func(*wallet.Wallet)
		want   int
	}{
		{"two numbers", numbers("a", "b"), 2},
		{"another field", func(w *wallet.Wallet) { w.Locale = "es" }, 0},
		{"a proof", func(w *wallet.Wallet) { w.Numbers[0].Proofs = []time.Time{time.Unix(1, 0)} }, 0},
		{"another order", numbers("b", "a"), 0},
		{"the same twice", numbers("b", "a", "a"), 0},
		{"one fewer", numbers("b"), 3},
	} {
		before := written()
		if err := s.UpdateWallet(t.Context(), "acc_a", func(w *wallet.Wallet) (post.Effects, error) { step.change(w); return post.Effects{}, nil }); err != nil {
			t.Fatal(err)
		}
		if got := written() - before; got != step.want {
			t.Errorf("%s: %d rows written, want %d", step.name, got, step.want)
		}
	}
	if found, err := s.WalletsByNumber(t.Context(), "a"); err != nil || len(found) != 0 {
		t.Errorf("found by a number that is gone: %v, %v", found, err)
	}
}

func TestDamagedText(t *testing.T) {
	s := open(t.Context(), t, filepath.Join(t.TempDir(), "recovery.db"))
	storetest.DamagedText(t, s, func(_, text string) {
		testkit.Must(t, s.Write(t.Context(), func(tx *sql.Tx) error {
			_, err := sqlitex.Exec(t.Context(), tx, `UPDATE texts SET body = '{"v":9}' WHERE id = ?`, text)
			return err
		}))
	})
}
