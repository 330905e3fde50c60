package runner

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"centinela/shared/module"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

// FR A25: the log of a restored source begins anew and says why, with what the
// restored record doesn't hold behind it; so no number is given twice to a record that
// is ahead, and no event is recorded twice, though the log's cursor lags.
func TestRestoredSourcesBeginAnew(t *testing.T) {
	from := load(t, "data_dir="+t.TempDir())
	if _, err := MakeKeys(from.KeyDir); err != nil {
		t.Fatal(err)
	}
	instances, held := map[string]string{}, map[string]record.Head{}
	for _, r := range table {
		if r.schema == nil {
			continue
		}
		db := openPart(t, from, r)
		at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		known, waiting := record.New(at, r.name, record.SessionRefused, record.Failure, record.Origin{}), record.New(at, r.name, record.SessionCreated, record.Success, record.Origin{})
		instance, head, err := db.Shipped(t.Context())
		err = errors.Join(err, db.Write(t.Context(), func(tx *sql.Tx) error { return sqlitex.AppendOutbox(tx, known, waiting) }))
		entries, err2 := db.After(t.Context(), 0, 1)
		if err := errors.Join(err, err2, db.Close()); err != nil {
			t.Fatal(err)
		}
		instances[r.name], held[r.name+"/"+instance] = instance, head.Next(entries[0].Body)
	}
	holds(t, from, held)
	dir, to := filepath.Join(t.TempDir(), "backup"), load(t, "data_dir="+filepath.Join(t.TempDir(), "fresh"))
	if err := Backup(t.Context(), from, "v1", dir, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if err := Restore(t.Context(), to, dir, func(string) {}); err != nil {
		t.Fatal(err)
	}
	for _, r := range table {
		if r.schema == nil {
			continue
		}
		db := openPart(t, to, r)
		instance, shipped, err := db.Shipped(t.Context())
		entries, err2 := db.After(t.Context(), 0, 10)
		if err := errors.Join(err, err2, db.Close()); err != nil {
			t.Fatal(err)
		}
		var actions []string
		for _, e := range entries {
			env, err := record.Parse(e.Body)
			if err != nil {
				t.Fatal(err)
			}
			actions = append(actions, env.Event.Action)
		}
		if instance == instances[r.name] || shipped.N != 0 || !slices.Equal(actions, []string{record.AuditGap, record.SessionCreated}) {
			t.Errorf("%s: instance %s, shipped %d, waiting %v", r.name, instance, shipped.N, actions)
		}
	}
	if len(instances) != 4 || instances[module.Gateway] != "" {
		t.Errorf("sources: %v", instances)
	}
}

// holds notes in audit's database how far it has those sources.
func holds(t *testing.T, cfg Config, heads map[string]record.Head) {
	t.Helper()
	db := openPart(t, cfg, table[slices.IndexFunc(table, func(r row) bool { return r.name == module.Audit })])
	err := db.Write(t.Context(), func(tx *sql.Tx) (err error) {
		for source, head := range heads {
			_, one := tx.Exec(`INSERT INTO sources (source, n, hash) VALUES (?, ?, ?)`, source, head.N, head.Hash[:])
			err = errors.Join(err, one)
		}
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func openPart(t *testing.T, cfg Config, r row) *sqlitex.DB {
	t.Helper()
	places, err := cfg.placesOf(r)
	if err != nil {
		t.Fatal(err)
	}
	last := places[len(places)-1]
	db, err := sqlitex.Open(t.Context(), last.Path, last.Schema)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// The public halves of former keys (SECURITY.md) come back too, for all to read:
// without them audit can't verify what was signed before a rotation. A key folder's
// name is no pattern.
func TestFormerKeysAreBackedUp(t *testing.T) {
	from := load(t, "data_dir="+t.TempDir(), "key_dir="+filepath.Join(t.TempDir(), "keys[1]"))
	if _, err := MakeKeys(from.KeyDir); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(from.KeyDir, "auth.pub"), filepath.Join(from.KeyDir, "auth.pub.1")); err != nil {
		t.Fatal(err)
	}
	dir, to := filepath.Join(t.TempDir(), "backup"), load(t, "data_dir="+filepath.Join(t.TempDir(), "fresh"))
	if err := Backup(t.Context(), from, "v1", dir, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if err := Restore(t.Context(), to, dir, func(string) {}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"auth.pub.1": 0o644, "auth.key": 0o600} {
		if info, err := os.Stat(filepath.Join(to.KeyDir, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// A manifest is no way to other files than the suite's own.
func TestPlaceOfAStranger(t *testing.T) {
	cfg := load(t, "data_dir="+t.TempDir())
	for _, name := range []string{"keys/../a.key", "keys/below/a.key", "keys/centinela.yaml", "auth/other.db", "auth/../auth/auth.db", "/auth/auth.db", ""} {
		if p, known := cfg.place(name); known {
			t.Errorf("%q belongs to %s", name, p.Path)
		}
	}
	if _, known := cfg.place("auth/auth.db"); !known {
		t.Error("auth's database has no place")
	}
}
