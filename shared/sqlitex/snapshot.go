package sqlitex

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
)

// snapshotPages are copied between two looks at ctx: 4 MiB of pages of 4 KiB.
const snapshotPages = 1024

// Snapshot is a database as it was at one moment, while its service writes on. It
// keeps SQLite from shortening the -wal file until it is closed.
type Snapshot struct {
	db   *sql.DB
	conn *sql.Conn
}

// OpenSnapshot holds what the database at path holds now. Errors: fs.ErrNotExist
// when there is none, else one line as Open's.
func OpenSnapshot(ctx context.Context, path string) (*Snapshot, error) {
	db, err := openExisting(path, "mode=ro")
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(explain(path, err), db.Close())
	}
	s := &Snapshot{db: db, conn: conn}
	// The first read of a transaction is the moment that it sees from then on
	// (sqlite.org/isolation.html); the backup below reads in this transaction.
	for _, statement := range []string{`BEGIN`, `SELECT count(*) FROM sqlite_schema`} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(explain(path, err), s.Close())
		}
	}
	return s, nil
}

// openExisting opens a file without the right to change it.
func openExisting(path, how string) (*sql.DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, reason(err))
	}
	path, err := filepath.Abs(path) // a file URI has no relative form
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return sql.Open("sqlite", dsn(path, []string{"query_only(1)"}, how))
}

// backuper is what modernc.org/sqlite's connections offer beside database/sql.
type backuper interface {
	NewBackup(dstURI string) (*sqlite.Backup, error)
}

// Copy writes the snapshot into a new file at to, mode 0600, checks that the copy
// is whole, and tells progress how many pages of how many are there. Errors: the
// file is there already, ctx ended, the disk is full, or the database is damaged;
// what was written is then left for the caller to remove.
func (s *Snapshot) Copy(ctx context.Context, to string, progress func(done, total int)) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return fmt.Errorf("copy to %s: %w", to, err)
	}
	file, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("copy to %s: %w", to, reason(err))
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("copy to %s: %w", to, err)
	}
	err = s.conn.Raw(func(c any) error {
		source, ok := c.(backuper)
		if !ok {
			return errors.New("sqlite driver lacks backups")
		}
		backup, err := source.NewBackup((&url.URL{Scheme: "file", Path: to}).String())
		if err != nil {
			return err
		}
		for more := true; more; {
			if err := ctx.Err(); err != nil {
				return errors.Join(err, backup.Finish())
			}
			if more, err = backup.Step(snapshotPages); err != nil {
				return errors.Join(err, backup.Finish())
			}
			progress(backup.PageCount()-backup.Remaining(), backup.PageCount())
		}
		return backup.Finish()
	})
	if err != nil {
		return fmt.Errorf("copy to %s: %w", to, err)
	}
	return Whole(ctx, to)
}

// Close lets go of the moment.
func (s *Snapshot) Close() error { return errors.Join(s.conn.Close(), s.db.Close()) }

// Whole says whether SQLite finds the file at path undamaged (PRAGMA quick_check).
// Nobody may write to it meanwhile.
func Whole(ctx context.Context, path string) error {
	return look(path, "immutable=1", func(db *sql.DB) error {
		var verdict string
		if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
			return err
		}
		if verdict != "ok" {
			return fmt.Errorf("the database is damaged: %s", strings.Join(strings.Fields(verdict), " "))
		}
		return nil
	})
}

// Fits says why Open would refuse the database at path with these migrations:
// another file, damaged, or of a newer version. It changes nothing. Errors:
// fs.ErrNotExist, or one line as Open's.
func Fits(ctx context.Context, path string, migrations fs.FS) error {
	steps, err := readMigrations(migrations)
	if err != nil {
		return err
	}
	return Look(path, func(db *sql.DB) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		applied, err := appliedMigrations(ctx, tx)
		if err == nil {
			err = fit(applied, steps)
		}
		return errors.Join(err, ignoreDone(tx.Rollback()))
	})
}

// Look reads a database beside its service, or without it, and changes nothing.
// Errors: fs.ErrNotExist when there is none, read's, explained as Open's.
func Look(path string, read func(*sql.DB) error) error {
	if _, err := os.Stat(path + "-wal"); err != nil {
		return look(path, "immutable=1", read) // nobody has it open: reading needs no -wal and -shm of its own
	}
	return look(path, "mode=ro", read)
}

func look(path, how string, read func(*sql.DB) error) error {
	db, err := openExisting(path, how)
	if err != nil {
		return err
	}
	if err := errors.Join(read(db), db.Close()); err != nil {
		return explain(path, err)
	}
	return nil
}
