package sqlitex_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"centinela/shared/sqlitex"
)

func tryOpen(t *testing.T, path string, files fstest.MapFS) error {
	t.Helper()
	db, err := sqlitex.Open(t.Context(), path, files)
	if err != nil {
		return err
	}
	return db.Close()
}

// What cannot be opened is said in one line, with the path and what to do.
func TestOpenRefusals(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "auth.db")
	if err := os.WriteFile(text, []byte("a shopping list, longer than one SQLite header"), 0o600); err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(dir, "short.db")
	if err := os.WriteFile(short, []byte("hi"), 0o600); err != nil {
		t.Fatal(err)
	}
	corrupt := filepath.Join(dir, "corrupt.db")
	if err := os.WriteFile(corrupt, []byte("SQLite format 3\x00"+strings.Repeat("x", 4096)), 0o600); err != nil {
		t.Fatal(err)
	}
	const notDatabase = "not a SQLite database (move it away or set data_dir elsewhere)"
	for name, c := range map[string]struct{ path, want string }{
		"not a database":        {text, notDatabase},
		"shorter than a header": {short, notDatabase},
		"only the header":       {corrupt, notDatabase},
		"parent is a file":      {filepath.Join(text, "x", "auth.db"), "set data_dir elsewhere"},
		"unwritable folder":     {"/proc/self/auth.db", "the folder /proc/self is not writable"}, // also for root
		"a folder":              {makeFolder(t), "not writable: is a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tryOpen(t, c.path, nil)
			if err == nil || !strings.HasPrefix(err.Error(), "open "+c.path+": ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want %q", err, c.want)
			}
		})
	}
	if kept, err := os.ReadFile(text); err != nil || !strings.HasPrefix(string(kept), "a shopping list") {
		t.Errorf("the foreign file was touched: %q, %v", kept, err)
	}
}

// A database that was damaged is never called foreign: whoever moves it away
// starts without accounts or without a record.
func TestOpenDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.db")
	if err := tryOpen(t, path, migrations(schema)); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteAt([]byte(strings.Repeat("x", 3000)), 100) // behind the header, over the schema
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	err = tryOpen(t, path, migrations(schema))
	if err == nil || !strings.HasPrefix(err.Error(), "open "+path+": the database is damaged: restore it") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

// A file that another process holds for longer than the busy timeout is named so.
func TestOpenLocked(t *testing.T) {
	t.Parallel() // it waits for the busy timeout
	path := filepath.Join(t.TempDir(), "auth.db")
	if err := tryOpen(t, path, migrations(schema)); err != nil {
		t.Fatal(err)
	}
	holder, err := sql.Open("sqlite", "file:"+path+"?_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	tx, err := holder.Begin()
	if err != nil {
		t.Fatal(err)
	}
	err = tryOpen(t, path, migrations(schema))
	if want := "open " + path + ": locked by another process (is centinela running already?)"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
}

func makeFolder(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "folder.db")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// Nobody else on the machine reads the data: folder 0700, files 0600, also when
// the file was open before.
func TestOpenModes(t *testing.T) {
	db, path := open(t)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := tryOpen(t, path, migrations(schema)); err != nil {
		t.Fatal(err)
	}
	counter(t, db)
	for file, want := range map[string]os.FileMode{filepath.Dir(path): 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", file, info, err, want)
		}
	}
}

// The pragmas of the design hold on the write connection: WAL, full sync.
func TestOpenPragmas(t *testing.T) {
	db, _ := open(t)
	var mode string
	if err := db.Read().QueryRow(`PRAGMA journal_mode`).Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal mode %q, %v", mode, err)
	}
	if got := sqlitex.WritePragma(t, db, "synchronous"); got != 2 {
		t.Errorf("synchronous = %d, want 2 (FULL)", got)
	}
	if got := sqlitex.WritePragma(t, db, "busy_timeout"); got != 5000 {
		t.Errorf("busy_timeout = %d", got)
	}
}

// A path with characters that mean something in a URI is still that path.
func TestOpenOddPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "año 100%?&#;", "a.db")
	if err := tryOpen(t, path, migrations(schema)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestMigrations(t *testing.T) {
	const second = `ALTER TABLE counters ADD COLUMN extra TEXT`
	for name, c := range map[string]struct {
		first, then fstest.MapFS
		want        string // "" opens
	}{
		"the same again":          {migrations(schema), migrations(schema), ""},
		"one more":                {migrations(schema), migrations(schema, second), ""},
		"written by a newer":      {migrations(schema, second), migrations(schema), "written by a newer version of centinela (it has migration 0002_second.sql"},
		"changed after":           {migrations(schema), migrations(schema + " "), "whose data has another form (migration 0001_first.sql): start with an empty data_dir"},
		"fails half way":          {migrations(schema), migrations(schema, second+`; nonsense`), "0002_second.sql"},
		"a gap in the numbers":    {nil, fstest.MapFS{"0002_second.sql": {}}, "number 1 expected"},
		"a name without a number": {nil, fstest.MapFS{"first.sql": {}}, "NNNN_name.sql"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.db")
			if c.first != nil {
				if err := tryOpen(t, path, c.first); err != nil {
					t.Fatal(err)
				}
			}
			err := tryOpen(t, path, c.then)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if c.want != "" && c.first != nil {
				if err := tryOpen(t, path, c.first); err != nil {
					t.Errorf("the refusal changed the database: %v", err)
				}
			}
		})
	}
}

// Two processes that start at once apply each migration once.
func TestMigrationsRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	answers := make(chan error)
	for range 4 {
		go func() { answers <- tryOpen(t, path, migrations(schema)) }()
	}
	for range 4 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}
