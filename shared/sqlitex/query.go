package sqlitex

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Querier is what reads: [DB.Read], or a transaction that must see its own changes.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Collect is every row of the query; columns says where its columns go to, a time
// through [At]. Of the arguments, a time.Time is bound as [Millis], here and in all
// that follows.
func Collect[T any](ctx context.Context, q Querier, columns func(*T) []any, query string, args ...any) (all []T, err error) {
	rows, err := q.QueryContext(ctx, query, bind(args)...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var one T
		if err := rows.Scan(columns(&one)...); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// Column is the only column of the query's rows, for example ids.
func Column[T any](ctx context.Context, q Querier, query string, args ...any) ([]T, error) {
	return Collect(ctx, q, func(v *T) []any { return []any{v} }, query, args...)
}

// Exec changes rows in the transaction of a [DB.Write] and says how many.
func Exec(ctx context.Context, tx *sql.Tx, query string, args ...any) (int64, error) {
	result, err := tx.ExecContext(ctx, query, bind(args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// bind writes times as all tables keep them. args is the caller's variadic slice
// and stays as it is.
func bind(args []any) []any {
	bound := make([]any, len(args))
	for i, arg := range args {
		if at, ok := arg.(time.Time); ok {
			arg = Millis(at)
		}
		bound[i] = arg
	}
	return bound
}

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
