package sqlitex

import (
	"errors"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"centinela/shared/fault"
)

// retryAfter is what a caller is told who met a store that can't write or read:
// somebody has to make room, or another process to let go.
const retryAfter = 5 * time.Second

var (
	// ErrUnable says that the machine keeps the store from working: full, locked,
	// read-only, gone, not readable. Its detail says which store and what, and no
	// path. Nothing of the change was kept.
	ErrUnable = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "the store is not able to work").WithRetryAfter(retryAfter)
	// ErrClosed answers writes after Close.
	ErrClosed = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "the store is closed").WithRetryAfter(retryAfter)
)

// unreadable is said of I/O errors and of faults in mapped memory alike.
const unreadable = "cannot read or write its file"

// failures are what a store says of itself, by SQLite's primary result codes
// (sqlite.org/rescode.html). What isn't here is a fault of the program.
var failures = map[int]string{
	sqlite3.SQLITE_BUSY:     "is locked by another process",
	sqlite3.SQLITE_LOCKED:   "is locked by another process",
	sqlite3.SQLITE_PROTOCOL: "is locked by another process",
	sqlite3.SQLITE_FULL:     "is full: its disk has no space left",
	sqlite3.SQLITE_READONLY: "is read-only",
	sqlite3.SQLITE_PERM:     "is read-only",
	sqlite3.SQLITE_IOERR:    unreadable,
	sqlite3.SQLITE_CANTOPEN: "is gone: its file can't be opened",
	sqlite3.SQLITE_CORRUPT:  "is damaged",
	sqlite3.SQLITE_NOTADB:   "is damaged",
	sqlite3.SQLITE_NOMEM:    "is out of memory",
}

// failure is err as a fault when the machine is to blame; every other error, a
// violated constraint above all, comes back as it is.
func (k *connector) failure(err error) error {
	if words, ok := failures[primary(err)]; ok {
		return k.unable(words, err)
	}
	return err
}

func (k *connector) unable(words string, cause error) error { return unable(k.store, words, cause) }

func unable(store, words string, cause error) error {
	return ErrUnable.WithDetail("the store " + store + " " + words).WithCause(cause)
}

// primary is the primary result code (the low byte of the extended one), or 0
// when err is not SQLite's.
func primary(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}
