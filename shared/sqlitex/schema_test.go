package sqlitex_test

import (
	"strings"
	"testing"

	"centinela/shared/sqlitex"
)

// CA A2: what somebody planted in a database, or altered, is named, and a database
// with it isn't opened.
func TestPlantedSchema(t *testing.T) {
	for name, c := range map[string]struct{ plant, want string }{
		"a trigger":        {`CREATE TRIGGER t BEFORE INSERT ON counters WHEN new.note = 'x' BEGIN SELECT RAISE(IGNORE); END`, "trigger t"},
		"a view":           {`CREATE VIEW v AS SELECT 1`, "view v"},
		"a table":          {`CREATE TABLE extra (a)`, "table extra"},
		"an index":         {`CREATE INDEX i ON counters (n)`, "index i"},
		"a missing table":  {`DROP TABLE kids`, "table kids"},
		"an altered table": {`ALTER TABLE counters ADD COLUMN more`, "table counters"},
	} {
		t.Run(name, func(t *testing.T) {
			db, path := open(t)
			if err := sqlitex.CheckSchema(t.Context(), db.Read(), migrations(schema)); err != nil {
				t.Fatalf("before: %v", err)
			}
			exec(t, db, c.plant)
			if err := sqlitex.CheckSchema(t.Context(), db.Read(), migrations(schema)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
			other, err := sqlitex.Open(t.Context(), path, migrations(schema))
			if err == nil {
				_ = other.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("opening: %v", err)
			}
		})
	}
}
