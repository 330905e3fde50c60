package roomtest

import (
	"strings"

	"centinela/services/recovery/internal/store/sqlite"
	"centinela/shared/sqlitex"
)

// selects are the queries for the rows of all tables, each row one text: its table's
// name and all its columns.
const selects = `SELECT 'SELECT ' || quote(t.name) || ' || ' || group_concat('quote("' || c.name || '")', ' || '','' || ') || ' FROM "' || t.name || '" ORDER BY 1'
	FROM sqlite_master t JOIN pragma_table_info(t.name) c
	WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'write_probe' GROUP BY t.name ORDER BY t.name`

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
	var all []string
	queries, err := sqlitex.Column[string](d.T.Context(), s.Read(), selects)
	d.Must(err)
	for _, query := range queries {
		rows, err := sqlitex.Column[string](d.T.Context(), s.Read(), query)
		d.Must(err)
		all = append(all, rows...)
	}
	return strings.Join(all, "\n")
}
