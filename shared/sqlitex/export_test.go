package sqlitex

import "testing"

// WritePragma reads a pragma of the write connection.
func WritePragma(t *testing.T, db *DB, name string) (value int) {
	t.Helper()
	if err := db.write.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}
