package roomtest

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"centinela/services/recovery/internal/store/sqlite"
)

// State is all that the desk's store holds, which must be SQLite's: what was
// refused changed nothing when it is the same before and after.
func (d *Desk) State() string {
	d.T.Helper()
	store := d.Store
	if hooked, ok := store.(*Hooked); ok {
		store = hooked.Store
	}
	s, ok := store.(*sqlite.Store)
	if !ok {
		d.T.Fatalf("the state of a %T can't be told", store)
	}
	return Dump(d.T, s.Read())
}

// Dump is every row of every table of a database.
func Dump(t testing.TB, db *sql.DB) string {
	t.Helper()
	var out strings.Builder
	tables := query(t, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'write_probe' ORDER BY name`)
	for _, table := range tables {
		for _, row := range query(t, db, `SELECT * FROM "`+table[0].(string)+`" ORDER BY 1, 2`) { //nolint:gosec // a name out of the schema
			fmt.Fprintln(&out, table[0], row)
		}
	}
	return out.String()
}

func query(t testing.TB, db *sql.DB, statement string) (all [][]any) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), statement)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		all = append(all, values)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
