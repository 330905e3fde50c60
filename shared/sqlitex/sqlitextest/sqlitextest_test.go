package sqlitextest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"centinela/shared/sqlitex"
)

const script = `CREATE TABLE things (id TEXT PRIMARY KEY, owner TEXT NOT NULL, due INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX things_owner ON things (owner, due);
CREATE TABLE settings (one INTEGER PRIMARY KEY CHECK (one = 1), due INTEGER NOT NULL) STRICT;
CREATE INDEX things_due ON things (due);`

func open(ctx context.Context, t testing.TB) *sqlitex.DB {
	t.Helper()
	db, err := sqlitex.Open(ctx, filepath.Join(t.TempDir(), "x.db"), fstest.MapFS{"0001_x.sql": &fstest.MapFile{Data: []byte(script)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// recorder is a test that keeps its failures to itself.
type recorder struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (r *recorder) Helper()           {}
func (r *recorder) Cleanup(f func())  { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Error(args ...any) { r.failures = append(r.failures, fmt.Sprint(args...)) }

func (r *recorder) Errorf(f string, a ...any) { r.failures = append(r.failures, fmt.Sprintf(f, a...)) }

func plans(t *testing.T, allowed string, use func(ctx context.Context, db *sqlitex.DB)) []string {
	t.Helper()
	r := &recorder{TB: t}
	use(t.Context(), open(Plans(r, allowed), t))
	for _, f := range r.cleanups {
		f()
	}
	return r.failures
}

// Each statement alone: what is wrong is found, what is right is let be.
func TestPlansFinds(t *testing.T) {
	for query, want := range map[string]string{
		`SELECT body FROM things WHERE id = ?`:                                                      "",
		`SELECT body FROM things WHERE owner = ? ORDER BY due DESC LIMIT ?`:                         "",
		`SELECT body FROM things WHERE owner = ? AND due > ?`:                                       "",
		`SELECT body FROM things WHERE due < ? ORDER BY due LIMIT ?`:                                "",
		`SELECT body FROM things ORDER BY id LIMIT ?`:                                               "",
		`SELECT body FROM things WHERE id IN (SELECT value FROM json_each(?))`:                      "",
		`SELECT body FROM things WHERE due < ?`:                                                     "(due<?) without a LIMIT",
		`SELECT body FROM things WHERE body = ?`:                                                    "SCAN things",
		`SELECT body FROM things WHERE body = ? LIMIT ?`:                                            "SCAN things",
		`SELECT due FROM settings WHERE due <> ?`:                                                   "",
		`UPDATE settings SET due = due + ?`:                                                         "",
		`SELECT count(*) FROM things`:                                                               "SCAN things",
		`SELECT body FROM things WHERE owner = ? ORDER BY body LIMIT ?`:                             "USE TEMP B-TREE FOR ORDER BY",
		`SELECT body FROM things WHERE due > ? ORDER BY id LIMIT ?`:                                 "SCAN things",
		`INSERT INTO things VALUES (?, 'o', 1, '') ON CONFLICT (id) DO UPDATE SET body=''`:          "",
		`UPDATE things SET body = '' WHERE id = ?`:                                                  "",
		`UPDATE things SET body = '' WHERE due < ?`:                                                 "(due<?) without a LIMIT",
		`UPDATE things SET body = ''`:                                                               "SCAN things",
		`DELETE FROM things WHERE due < ?`:                                                          "(due<?) without a LIMIT",
		`DELETE FROM things WHERE owner = 'o' AND due < ?`:                                          "due<?) without a LIMIT",
		`DELETE FROM things WHERE owner = ? AND due < ?`:                                            "",
		`DELETE FROM things WHERE owner = ?`:                                                        "",
		`DELETE FROM things WHERE id IN (SELECT id FROM things WHERE due < ? ORDER BY due LIMIT ?)`: "",
		`DELETE FROM things WHERE id IN (SELECT id FROM things WHERE body < ? LIMIT ?)`:             "SCAN things",
	} {
		failures := plans(t, "", func(ctx context.Context, db *sqlitex.DB) {
			args := []any{"1", "2"}[:strings.Count(query, "?")]
			if strings.Contains(query, "json_each") {
				args = []any{`["a"]`}
			}
			if strings.HasPrefix(query, "SELECT") {
				if _, err := sqlitex.Column[string](ctx, db.Read(), query, args...); err != nil {
					t.Error(err)
				}
				return
			}
			for range 2 {
				err := db.Write(ctx, func(tx *sql.Tx) error { _, err := sqlitex.Exec(ctx, tx, query, args...); return err })
				if err != nil {
					t.Error(err)
				}
			}
		})
		if want == "" && len(failures) != 0 || want != "" && (len(failures) != 1 || !strings.Contains(failures[0], want) || !strings.Contains(failures[0], query)) {
			t.Errorf("%s: %q, want %q", query, failures, want)
		}
	}
}

// A foreign key needs an index of its own, the beginning of one, or the primary key.
func TestPlansForeignKeys(t *testing.T) {
	const parts = `CREATE TABLE a (id TEXT PRIMARY KEY); CREATE TABLE pk (a TEXT REFERENCES a, n INTEGER, PRIMARY KEY (a, n)) WITHOUT ROWID;
		CREATE TABLE begins (n INTEGER, a TEXT REFERENCES a); CREATE INDEX begins_a ON begins (a, n);`
	for rest, want := range map[string]string{
		"": "",
		"CREATE TABLE none (a TEXT REFERENCES a);":                                                      "none.a refers",
		"CREATE TABLE second (n INTEGER, a TEXT REFERENCES a); CREATE INDEX second_n ON second (n, a);": "second.a refers",
	} {
		r := &recorder{TB: t}
		db, err := sqlitex.Open(Plans(r, ""), filepath.Join(t.TempDir(), "x.db"), fstest.MapFS{"0001_x.sql": &fstest.MapFile{Data: []byte(parts + rest)}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sqlitex.Column[string](t.Context(), db.Read(), `SELECT id FROM a WHERE id = ?`, "a"); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		for _, f := range r.cleanups {
			f()
		}
		if want == "" && len(r.failures) != 0 || want != "" && (len(r.failures) != 1 || !strings.Contains(r.failures[0], want)) {
			t.Errorf("%q: %q", rest, r.failures)
		}
	}
}

// An exception has a reason, and is taken off when it isn't needed.
func TestPlansExceptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plans.sql")
	list := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	count := func(ctx context.Context, db *sqlitex.DB) {
		if _, err := sqlitex.Column[int](ctx, db.Read(), "SELECT count(*)\n\tFROM things"); err != nil {
			t.Error(err)
		}
	}
	list("-- counted by an operator,\n-- once a day\nSELECT count(*) FROM things\n")
	if failures := plans(t, file, count); len(failures) != 0 {
		t.Errorf("allowed: %q", failures)
	}
	list("-- counted\nSELECT count(*) FROM things\n\n-- gone\nSELECT count(*) FROM nothing\n")
	if failures := plans(t, file, count); len(failures) != 1 || !strings.Contains(failures[0], "take it off") || !strings.Contains(failures[0], "nothing") {
		t.Errorf("one too many: %q", failures)
	}
}

func fill(ctx context.Context, db *sqlitex.DB, n int) error {
	return db.Write(ctx, func(tx *sql.Tx) error {
		_, err := sqlitex.Exec(ctx, tx, `INSERT INTO things WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ?)
			SELECT printf('t%08d', i), printf('o%d', i % 100), i, printf('%0500d', i) FROM c`, n)
		return err
	})
}

func TestGrowth(t *testing.T) {
	query := func(name, text, grows string) Operation[*sqlitex.DB] {
		return Operation[*sqlitex.DB]{Name: name, Grows: grows, Run: func(ctx context.Context, db *sqlitex.DB, i int) error {
			_, err := sqlitex.Column[string](ctx, db.Read(), text, fmt.Sprintf("t%08d", 7*i+1))
			return err
		}}
	}
	open := func(ctx context.Context, t *testing.T) *sqlitex.DB { return open(ctx, t) }
	Growth(t, open, fill,
		query("by key", `SELECT body FROM things WHERE id = ?`, ""),
		query("by body", `SELECT body FROM things WHERE body = ?`, "it reads all of the table"),
		Operation[*sqlitex.DB]{Name: "write", Run: func(ctx context.Context, db *sqlitex.DB, i int) error {
			return db.Write(ctx, func(tx *sql.Tx) error {
				n, err := sqlitex.Exec(ctx, tx, `UPDATE things SET due = -due WHERE id = ?`, fmt.Sprintf("t%08d", i+1))
				if err == nil && n != 1 {
					err = fmt.Errorf("%d rows", n)
				}
				return err
			})
		}},
	)
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		small, large int
		grows        string
		good         bool
	}{{4, 6, "", true}, {4, 16, "", true}, {4, 17, "", false}, {4, 17, "why", true}, {4, 6, "why", false}, {0, 0, "", true}, {0, 9, "", false}} {
		if err := judge(c.small, c.large, c.grows); (err == nil) != c.good {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
