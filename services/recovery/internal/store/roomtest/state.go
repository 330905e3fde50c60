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
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	for _, table := range column(t, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`) {
		rows, err := db.QueryContext(t.Context(), `SELECT * FROM "`+table+`" ORDER BY 1, 2`) //nolint:gosec // a name out of the schema
		must(err)
		names, err := rows.Columns()
		must(err)
		for rows.Next() {
			values, into := make([]any, len(names)), make([]any, len(names))
			for i := range values {
				into[i] = &values[i]
			}
			must(rows.Scan(into...))
			fmt.Fprintln(&out, table, values)
		}
		must(rows.Err())
		must(rows.Close())
	}
	return out.String()
}

func column(t testing.TB, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
