package sqlitex

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Millis is how times are stored: whole milliseconds since 1970 UTC, and 0 for
// the zero time.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// FromMillis undoes [Millis]: 0 is the zero time.
func FromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// At reads a time out of a column of [Millis].
func At(t *time.Time) sql.Scanner { return instant{t} }

type instant struct{ t *time.Time }

// Scan is sql.Scanner.
func (i instant) Scan(column any) error {
	ms, ok := column.(int64)
	if !ok {
		return fmt.Errorf("a column of times holds a %T", column)
	}
	*i.t = FromMillis(ms)
	return nil
}

// IsUnique reports whether err is a violated UNIQUE or PRIMARY KEY constraint.
func IsUnique(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}
