package sqlitex

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// CheckEdition is an error when a database has other migrations than these.
func CheckEdition(ctx context.Context, db *sql.DB, migrations fs.FS) error {
	steps, err := readMigrations(migrations)
	if err != nil {
		return err
	}
	applied, err := appliedMigrations(ctx, db)
	if err != nil {
		return err
	}
	return fit(applied, steps)
}

// CheckSchema compares what a database holds (tables, indexes, triggers, views)
// with what the migrations make: a trigger that somebody planted can swallow or
// invent rows. The error names the first difference.
func CheckSchema(ctx context.Context, db *sql.DB, migrations fs.FS) (err error) {
	steps, err := readMigrations(migrations)
	if err != nil {
		return err
	}
	fresh, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fresh.Close()) }()
	fresh.SetMaxOpenConns(1) // each connection has a memory of its own
	if err := migrate(ctx, fresh, steps); err != nil {
		return err
	}
	want, err := schemaOf(ctx, fresh)
	if err != nil {
		return err
	}
	have, err := schemaOf(ctx, db)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[name]; !ok {
			return fmt.Errorf("the database has a %s that no version of centinela makes: it was planted; remove it and look at what it did", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if have[name] != want[name] {
			return fmt.Errorf("the database's %s is missing or was altered", name)
		}
	}
	return nil
}

// schemaOf maps "trigger name" to its text. What SQLite makes by itself has none.
func schemaOf(ctx context.Context, db *sql.DB) (map[string]string, error) {
	rows, err := Collect(ctx, db, func(r *[2]string) []any { return []any{&r[0], &r[1]} },
		`SELECT type || ' ' || name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite^_%' ESCAPE '^'`)
	schema := make(map[string]string, len(rows))
	for _, r := range rows {
		schema[r[0]] = r[1]
	}
	return schema, err
}
