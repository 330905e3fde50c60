package sqlitex

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// busyTimeout is how long a lock of another process is waited for.
const busyTimeout = 5 * time.Second

// header is the start of every SQLite 3 file (sqlite.org/fileformat2.html §1.3).
const header = "SQLite format 3\x00"

// Open opens or makes the database at path and brings it to the newest of
// migrations, files named NNNN_name.sql at the file system's root (nil for
// none). It makes the folder (0700) and the file (0600). Errors are one line
// and say what to do: the folder or file is not writable, the file is not a
// SQLite database, is damaged or locked, or a newer version wrote it.
func Open(ctx context.Context, path string, migrations fs.FS, options ...Option) (*DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	steps, err := readMigrations(migrations)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", abs, err)
	}
	if err := claimFile(abs); err != nil {
		return nil, err
	}
	h := newHandles(ctx, abs, options)
	db := &DB{path: abs, store: h.store, faulted: h.faulted, free: freeBytes, queue: make(chan *call, maxBatch), stopped: make(chan struct{})}
	if db.write, err = h.openWrite(); err != nil {
		return nil, explain(abs, err)
	}
	err = patiently(ctx, func() error { return migrate(ctx, db.write, steps) })
	if err == nil {
		db.read, err = h.openRead()
	}
	if err != nil {
		return nil, errors.Join(explain(abs, err), db.write.Close())
	}
	err = CheckSchema(ctx, db.read, migrations)
	if err == nil {
		db.opened, err = os.Stat(abs)
	}
	if err != nil {
		return nil, errors.Join(explain(abs, err), db.read.Close(), db.write.Close())
	}
	go db.commitGroups()
	return db, nil
}

// patiently tries again while another process opens the file as well: the switch
// to WAL answers "busy" at once where waiting could be a deadlock, whatever the
// busy timeout is. It gives up after that time all the same.
func patiently(ctx context.Context, open func() error) error {
	limited, cancel := context.WithTimeout(ctx, busyTimeout)
	defer cancel()
	for {
		err := open()
		if primary(err) != sqlite3.SQLITE_BUSY || limited.Err() != nil {
			return err
		}
		pause := time.NewTimer(10 * time.Millisecond)
		select {
		case <-pause.C:
		case <-limited.Done():
			pause.Stop()
			return err
		}
	}
}

// claimFile makes folder and file with closed modes before SQLite does with open
// ones (its -wal and -shm files take the mode of the database), and finds out
// what SQLite would only report as "unable to open database file".
func claimFile(path string) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("open %s: cannot make the folder %s: %w (set data_dir elsewhere)", path, folder, reason(err))
	}
	probe, err := os.CreateTemp(folder, ".writable-*")
	if err != nil {
		return fmt.Errorf("open %s: the folder %s is not writable: %w (make it writable for this user or set data_dir elsewhere)", path, folder, reason(err))
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open %s: not writable: %w (make it writable for this user or set data_dir elsewhere)", path, reason(err))
	}
	defer file.Close() //nolint:errcheck // nothing was written through it
	if err := file.Chmod(0o600); err != nil {
		return fmt.Errorf("open %s: %w", path, reason(err))
	}
	start := make([]byte, len(header))
	n, err := io.ReadFull(file, start)
	if n == 0 && errors.Is(err, io.EOF) {
		return nil
	}
	if string(start) != header {
		return notADatabase(path)
	}
	return nil
}

func explain(path string, err error) error {
	switch primary(err) {
	case sqlite3.SQLITE_NOTADB:
		return notADatabase(path)
	case sqlite3.SQLITE_CORRUPT:
		// Never "move it away": an empty file in its place would be a suite without
		// its accounts or its record.
		return fmt.Errorf("open %s: the database is damaged: restore it and its -wal file from a copy (%w)", path, err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("open %s: locked by another process (is centinela running already?)", path)
	}
	return fmt.Errorf("open %s: %w", path, err)
}

func notADatabase(path string) error {
	return fmt.Errorf("open %s: not a SQLite database (move it away or set data_dir elsewhere)", path)
}

// reason drops the path that os errors repeat.
func reason(err error) error {
	if withPath, ok := errors.AsType[*fs.PathError](err); ok {
		return withPath.Err
	}
	return err
}
