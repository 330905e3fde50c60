package sqlitex

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	sqlite3 "modernc.org/sqlite/lib"
)

// Ready is nil while the store can do its work: it writes a byte where the store
// writes, with the others' writes, at most once a second, and answers from the
// last attempt otherwise (package probe).
//
// Errors: [ErrUnable], whose detail says which store and what is wrong with it
// (full, locked, read-only, gone, not answering), and [ErrClosed]. After a fault in
// mapped memory it is an error until the process begins anew: a connection that
// nobody can close may keep the WAL from being cut.
func (db *DB) Ready(ctx context.Context) error {
	err := db.probe.Ask(ctx, db.tryWrite)
	if err != nil && errors.Is(err, ctx.Err()) {
		return unable(db.store, "does not answer", err)
	}
	return err
}

func (db *DB) tryWrite(ctx context.Context) error {
	if db.faulted.Load() {
		return unable(db.store, unreadable+": start anew when the disk is sound", nil)
	}
	if err := db.inPlace(); err != nil {
		return err
	}
	if err := db.hasRoom(); err != nil {
		return err
	}
	return db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE write_probe SET n = (n + 1) % 256`)
		return err
	})
}

// inPlace finds out what SQLite doesn't: it writes on into a file that was removed.
func (db *DB) inPlace() error {
	now, err := os.Stat(db.path)
	if err == nil && !os.SameFile(now, db.opened) {
		err = errors.New("another file is in its place")
	}
	if err != nil {
		return unable(db.store, "is gone: its file was removed or replaced", err)
	}
	return nil
}

// headroom is what a store needs free: a probe's page still fits where a change's
// pages don't any more.
const headroom = 1 << 20

func (db *DB) hasRoom() error {
	free, err := db.free(filepath.Dir(db.path))
	switch {
	case err != nil:
		return unable(db.store, unreadable, err)
	case free < headroom:
		return unable(db.store, failures[sqlite3.SQLITE_FULL], fmt.Errorf("%d bytes are free", free))
	}
	return nil
}

// freeBytes is what this user can still write on the folder's file system.
func freeBytes(folder string) (uint64, error) {
	var s syscall.Statfs_t
	err := syscall.Statfs(folder, &s)
	return s.Bavail * uint64(s.Bsize), err //nolint:gosec // a block's size is no negative number
}
