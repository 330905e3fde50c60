package sqlitex

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
)

// ownTables are the package's, made before the first migration.
const ownTables = `
CREATE TABLE IF NOT EXISTS schema_migrations (
	version  INTEGER PRIMARY KEY,
	name     TEXT NOT NULL,
	checksum TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS write_probe (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	n  INTEGER NOT NULL
) STRICT;
INSERT OR IGNORE INTO write_probe (id, n) VALUES (1, 0);
`

var migrationName = regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)

type migration struct {
	version        int
	name, checksum string
	script         string
}

// readMigrations returns the .sql files by number: 1, 2, 3 without a gap.
func readMigrations(files fs.FS) ([]migration, error) {
	if files == nil {
		return nil, nil
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	steps := make([]migration, 0, len(names))
	for i, name := range names {
		parts := migrationName.FindStringSubmatch(name)
		if parts == nil {
			return nil, fmt.Errorf("migration %s: the name must be NNNN_name.sql", name)
		}
		version, err := strconv.Atoi(parts[1])
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		if version != i+1 {
			return nil, fmt.Errorf("migration %s: number %d expected here", name, i+1)
		}
		script, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(script)
		steps = append(steps, migration{version, name, hex.EncodeToString(sum[:]), string(script)})
	}
	return steps, nil
}

// migrate applies what is missing in one transaction, so that a failing script
// leaves the database as it was, and two processes that start at once don't
// both apply it.
func migrate(ctx context.Context, db *sql.DB, steps []migration) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := migrateIn(ctx, tx, steps); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

func migrateIn(ctx context.Context, tx *sql.Tx, steps []migration) error {
	if _, err := tx.ExecContext(ctx, ownTables+logTables); err != nil {
		return err
	}
	applied, err := appliedMigrations(ctx, tx)
	if err != nil {
		return err
	}
	if err := fit(applied, steps); err != nil {
		return err
	}
	for _, step := range steps[len(applied):] {
		if _, err := tx.ExecContext(ctx, step.script); err != nil {
			return fmt.Errorf("migration %s: %w", step.name, err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO schema_migrations (version, name, checksum) VALUES (?, ?, ?)`, step.version, step.name, step.checksum); err != nil {
			return fmt.Errorf("migration %s: %w", step.name, err)
		}
	}
	return nil
}

// fit says why a database with these migrations applied isn't ours to change.
func fit(applied, steps []migration) error {
	for i, done := range applied {
		if i >= len(steps) || done.version != steps[i].version {
			return fmt.Errorf("written by a newer version of centinela (it has migration %s, unknown here): start that version, or restore an older copy", done.name)
		}
		if done.checksum != steps[i].checksum {
			return fmt.Errorf("made by another edition of centinela, whose data has another form (migration %s): start with an empty data_dir, or the edition that made it; nothing was changed", done.name)
		}
	}
	return nil
}

func appliedMigrations(ctx context.Context, q Querier) ([]migration, error) {
	return Collect(ctx, q, func(m *migration) []any { return []any{&m.version, &m.name, &m.checksum} },
		`SELECT version, name, checksum FROM schema_migrations ORDER BY version`)
}
