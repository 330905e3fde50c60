package backup_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"centinela/services/runner/backup"
	"centinela/shared/sqlitex"
)

var schema = fstest.MapFS{"0001_log.sql": {Data: []byte(`CREATE TABLE log (n INTEGER PRIMARY KEY) STRICT; CREATE TABLE told (n INTEGER) STRICT; INSERT INTO told VALUES (0);`)}}

// suite is a data folder with a caller and a callee that keeps its record.
type suite struct {
	t              *testing.T
	data, keys     string
	source, record *sqlitex.DB
}

func newSuite(t *testing.T) *suite {
	t.Helper()
	s := &suite{t: t, data: filepath.Join(t.TempDir(), "data"), keys: filepath.Join(t.TempDir(), "keys")}
	s.source, s.record = s.open("source"), s.open("record")
	s.file(filepath.Join(s.keys, "a.key"), "secret")
	s.file(filepath.Join(s.keys, "a.pub"), "public")
	s.file(filepath.Join(s.data, "record", "checkpoint.json"), "{}")
	return s
}

func (s *suite) open(name string) *sqlitex.DB {
	s.t.Helper()
	db, err := sqlitex.Open(s.t.Context(), filepath.Join(s.data, name, name+".db"), schema)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	return db
}

func (s *suite) file(path, text string) {
	s.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *suite) places() []backup.Place {
	return []backup.Place{
		{Name: "keys/a.key", Path: filepath.Join(s.keys, "a.key")},
		{Name: "keys/a.pub", Path: filepath.Join(s.keys, "a.pub")},
		{Name: "nothing.yet", Path: filepath.Join(s.data, "nothing.yet")},
		{Name: "source/source.db", Path: filepath.Join(s.data, "source", "source.db"), Schema: schema},
		{Name: "record/checkpoint.json", Path: filepath.Join(s.data, "record", "checkpoint.json")},
		{Name: "record/record.db", Path: filepath.Join(s.data, "record", "record.db"), Schema: schema},
	}
}

// write makes a backup in a new folder.
func (s *suite) write() string {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), "backup")
	if err := backup.Write(s.t.Context(), dir, backup.Manifest{Version: "v1", Time: time.Unix(1, 0).UTC(), Engine: "sqlite"}, s.places(), func(string) {}); err != nil {
		s.t.Fatal(err)
	}
	return dir
}

// target restores to folders that aren't there yet.
func (s *suite) target() backup.Target {
	to := &suite{t: s.t, data: filepath.Join(s.t.TempDir(), "fresh"), keys: filepath.Join(s.t.TempDir(), "fresh")}
	return backup.Target{
		Engine: "sqlite", Roots: []string{to.data, to.keys},
		Place: func(name string) (backup.Place, bool) {
			for _, p := range to.places() {
				if p.Name == name {
					return p, true
				}
			}
			return backup.Place{}, false
		},
		Prepare: func(context.Context, []backup.Place) error { return nil },
	}
}

func (s *suite) exec(db *sqlitex.DB, statement string, args ...any) {
	s.t.Helper()
	if err := db.Write(s.t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(statement, args...); return err }); err != nil {
		s.t.Error(err)
	}
}

// number is a number out of a database file.
func number(t *testing.T, path, query string) (n int) {
	t.Helper()
	db, err := sqlitex.Open(t.Context(), path, schema)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Read().QueryRow(query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// FR A25: what was backed up is what is restored, with closed modes.
func TestThereAndBack(t *testing.T) {
	s := newSuite(t)
	s.exec(s.source, `INSERT INTO log VALUES (7)`)
	dir, target := s.write(), s.target()
	var prepared []string
	target.Prepare = func(_ context.Context, databases []backup.Place) error {
		for _, place := range databases {
			prepared = append(prepared, place.Name)
			if !strings.Contains(place.Path, backup.Staging) {
				t.Errorf("%s was in place before it was prepared", place.Path)
			}
		}
		return nil
	}
	if err := backup.Restore(t.Context(), dir, target, func(string) {}); err != nil {
		t.Fatal(err)
	}
	data, keys := target.Roots[0], target.Roots[1]
	for path, want := range map[string]os.FileMode{
		filepath.Join(keys, "a.key"): 0o600, filepath.Join(keys, "a.pub"): 0o644, filepath.Join(data, "record", "checkpoint.json"): 0o600,
		filepath.Join(data, "source", "source.db"): 0o600, filepath.Join(data, "record", "record.db"): 0o600, data: 0o700 | os.ModeDir, filepath.Join(data, "source"): 0o700 | os.ModeDir,
		dir: 0o700 | os.ModeDir, filepath.Join(dir, "manifest.json"): 0o600, filepath.Join(dir, "keys", "a.key"): 0o600,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", path, info, err, want)
		}
	}
	if n := number(t, filepath.Join(data, "source", "source.db"), `SELECT n FROM log`); n != 7 {
		t.Errorf("it holds %d", n)
	}
	if strings.Join(prepared, " ") != "source/source.db record/record.db" {
		t.Errorf("prepared: %v", prepared)
	}
	if _, err := os.Stat(filepath.Join(data, backup.Staging)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the staging folder: %v", err)
	}
	m, err := backup.Read(dir)
	if err != nil || m.Version != "v1" || len(m.Files) != 5 || !m.Time.Equal(time.Unix(1, 0)) {
		t.Errorf("%+v, %v", m, err)
	}
}

// FR A25: while everybody works, the record is never behind what its source was
// told to be recorded; so no event is lost by restoring the two.
func TestRecordIsNeverBehindItsSource(t *testing.T) {
	s := newSuite(t)
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		for n := 1; ctx.Err() == nil; n++ {
			s.exec(s.source, `INSERT INTO log VALUES (?)`, n)  // a change and its event
			s.exec(s.record, `INSERT INTO log VALUES (?)`, n)  // shipped
			s.exec(s.source, `UPDATE told SET n = ?`, n)       // acknowledged
			s.exec(s.source, `DELETE FROM log WHERE n < ?`, n) // trimmed
		}
	})
	for range 20 {
		dir := s.write()
		told := number(t, filepath.Join(dir, "source", "source.db"), `SELECT n FROM told`)
		newest := number(t, filepath.Join(dir, "record", "record.db"), `SELECT coalesce(max(n), 0) FROM log`)
		if newest < told {
			t.Errorf("the source was told that %d is recorded, the record ends with %d", told, newest)
		}
	}
	stop()
	work.Wait()
}

// A backup goes into a new or empty folder, and leaves nothing behind when it fails.
func TestWriteRefusals(t *testing.T) {
	s := newSuite(t)
	full := t.TempDir()
	s.file(filepath.Join(full, "mine"), "mine")
	if err := backup.Write(t.Context(), full, backup.Manifest{}, s.places(), func(string) {}); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Error(err)
	}
	if entries, err := os.ReadDir(full); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	none := filepath.Join(t.TempDir(), "none")
	if err := backup.Write(t.Context(), none, backup.Manifest{}, []backup.Place{{Name: "x", Path: filepath.Join(full, "x")}}, func(string) {}); err == nil || !strings.Contains(err.Error(), "nothing to back up") {
		t.Error(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, dir := range []string{none, t.TempDir()} {
		_, before := os.Stat(dir)
		if err := backup.Write(over, dir, backup.Manifest{}, s.places(), func(string) {}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		entries, err := os.ReadDir(dir)
		if errors.Is(before, os.ErrNotExist) != errors.Is(err, os.ErrNotExist) || len(entries) != 0 {
			t.Errorf("left behind: %v, %v", entries, err)
		}
	}
	damaged := filepath.Join(s.data, "source", "source.db")
	if err := s.source.Close(); err != nil {
		t.Fatal(err)
	}
	s.file(damaged, strings.Repeat("not a database, but long enough ", 200))
	if err := backup.Write(t.Context(), none, backup.Manifest{}, s.places(), func(string) {}); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "not a SQLite database") {
		t.Error(err)
	}
	if _, err := os.Stat(none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
}

// FR A25: whatever is wrong with a backup or the place for it is one line, and
// changes nothing there.
func TestRestoreRefusals(t *testing.T) {
	change := func(name string, to func(text string) string) func(*testing.T, string, *backup.Target) {
		return func(t *testing.T, dir string, _ *backup.Target) {
			path := filepath.Join(dir, name)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(to(string(text))), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	replace := func(old, now string) func(*testing.T, string, *backup.Target) {
		return change("manifest.json", func(text string) string {
			if !strings.Contains(text, old) {
				t.Errorf("no %q in the manifest", old)
			}
			return strings.Replace(text, old, now, 1)
		})
	}
	remove := func(name string) func(*testing.T, string, *backup.Target) {
		return func(t *testing.T, dir string, _ *backup.Target) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	flip := func(text string) string { return text[:len(text)-1] + string(text[len(text)-1]^1) }
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string, target *backup.Target)
		says  string
	}{
		"no manifest":            {remove("manifest.json"), "holds no whole backup"},
		"a manifest cut off":     {change("manifest.json", func(s string) string { return s[:len(s)/2] }), "manifest.json in "},
		"an empty manifest":      {change("manifest.json", func(string) string { return "{}" }), "is damaged"},
		"a newer format":         {replace(`"format": 1`, `"format": 2`), "newer version of centinela (v1)"},
		"a file that's gone":     {remove("keys/a.key"), "is incomplete: keys/a.key is missing"},
		"a database that's gone": {remove("record/record.db"), "is incomplete: record/record.db is missing"},
		"a bit of a key":         {change("keys/a.key", flip), "is damaged: keys/a.key"},
		"a bit of a database":    {change("record/record.db", flip), "is damaged: record/record.db"},
		"a database cut off":     {change("record/record.db", func(s string) string { return s[:len(s)-4096] }), "is damaged: record/record.db"},
		"a longer checkpoint":    {change("record/checkpoint.json", func(s string) string { return s + " " }), "is damaged: record/checkpoint.json"},
		"a file twice":           {replace(`"name": "keys/a.pub"`, `"name": "keys/a.key"`), "is damaged"},
		"an unknown file":        {replace(`"name": "keys/a.pub"`, `"name": "keys/b.pub"`), "doesn't know"},
		"a way out":              {replace(`"name": "keys/a.pub"`, `"name": "../../a.pub"`), "doesn't know"},
		"a way out that its caller would go": {func(t *testing.T, dir string, target *backup.Target) {
			replace(`"name": "keys/a.pub"`, `"name": "keys/../keys/a.pub"`)(t, dir, target)
			target.Place = func(name string) (backup.Place, bool) {
				return backup.Place{Name: name, Path: filepath.Join(target.Roots[0], filepath.FromSlash(name))}, true
			}
		}, "doesn't know"},
		"another engine": {func(_ *testing.T, _ string, target *backup.Target) { target.Engine = "mongodb" }, "store.engine"},
		"a newer database": {func(t *testing.T, _ string, target *backup.Target) {
			place := target.Place
			target.Place = func(name string) (backup.Place, bool) {
				p, known := place(name)
				if p.Schema != nil {
					p.Schema = fstest.MapFS{}
				}
				return p, known
			}
		}, "written by a newer version"},
		"something there": {func(t *testing.T, _ string, target *backup.Target) {
			newSuite(t).file(filepath.Join(target.Roots[0], "mine"), "mine")
		}, "is not empty"},
		"keys there": {func(t *testing.T, _ string, target *backup.Target) {
			newSuite(t).file(filepath.Join(target.Roots[1], "mine"), "mine")
		}, "is not empty"},
		"it can't be prepared": {func(_ *testing.T, _ string, target *backup.Target) {
			target.Prepare = func(context.Context, []backup.Place) error { return errors.New("planted") }
		}, "planted"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSuite(t)
			dir, target := s.write(), s.target()
			c.spoil(t, dir, &target)
			before := list(t, target.Roots)
			err := backup.Restore(t.Context(), dir, target, func(string) {})
			if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
			if after := list(t, target.Roots); after != before {
				t.Errorf("it changed something:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

// list is what is below the folders, and which of them there are.
func list(t *testing.T, roots []string) string {
	t.Helper()
	var names []string
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			names = append(names, path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(names, "\n")
}

// A restore that was killed while it still stood aside is begun again; one that was
// killed later leaves what no start and no restore takes for a whole.
func TestRestoreAgain(t *testing.T) {
	s := newSuite(t)
	dir, target := s.write(), s.target()
	s.file(filepath.Join(target.Roots[0], backup.Staging, "source", "source.db"), "half of it")
	if err := backup.Restore(t.Context(), dir, target, func(string) {}); err != nil {
		t.Fatal(err)
	}
	other := s.target()
	s.file(filepath.Join(other.Roots[0], backup.Staging, "source", "source.db"), "half of it")
	s.file(filepath.Join(other.Roots[0], "record", "record.db"), "in place")
	before := list(t, other.Roots)
	if err := backup.Restore(t.Context(), dir, other, func(string) {}); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Error(err)
	}
	if after := list(t, other.Roots); after != before {
		t.Errorf("it changed something:\n%s", after)
	}
}

// A restore that ends between two roots leaves the data folder such that nothing
// starts in it: with other keys, which development makes by itself, it is of no use.
func TestRestoreEndsInTheDataFolder(t *testing.T) {
	s := newSuite(t)
	dir, target := s.write(), s.target()
	target.Prepare = func(context.Context, []backup.Place) error {
		s.file(filepath.Join(target.Roots[1], "a.key", "in the way"), "")
		return nil
	}
	if err := backup.Restore(t.Context(), dir, target, func(string) {}); err == nil {
		t.Error("restored")
	}
	if _, err := os.Stat(filepath.Join(target.Roots[0], backup.Staging)); err != nil {
		t.Error(err)
	}
}

// The manifest is plain JSON, so that other tools can check a backup too.
func TestManifest(t *testing.T) {
	dir := newSuite(t).write()
	body, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Format int
		Files  []struct {
			Name, SHA256 string
			Size         int64
		}
	}
	if err := json.Unmarshal(body, &m); err != nil || m.Format != 1 {
		t.Fatal(err)
	}
	for _, f := range m.Files {
		info, err := os.Stat(filepath.Join(dir, f.Name))
		if err != nil || info.Size() != f.Size || len(f.SHA256) != 64 {
			t.Errorf("%+v: %v", f, err)
		}
	}
}
