package sqlitex

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"

	sqlite3 "modernc.org/sqlite/lib"

	"centinela/shared/probe"
)

// maxBatch bounds how many callbacks share one commit, and so how long the
// first of them waits for it.
const maxBatch = 256

// DB is an open database. It is safe for concurrent use and is an
// outbox.Source.
type DB struct {
	path, store string // store is the file's name without its ending
	opened      os.FileInfo
	faulted     *atomic.Bool // a fault in mapped memory left a connection that nobody can close
	write, read *sql.DB
	queue       chan *call
	stopped     chan struct{} // the writer has ended

	mu     sync.RWMutex // guards closed against a Write that enters
	closed bool
	inside sync.WaitGroup // Writes that entered

	probe probe.Probe
	free  func(folder string) (bytes uint64, err error)
}

// call is one callback on its way through the writer.
type call struct {
	claimed atomic.Bool // whoever sets it decides: the writer takes it, or the caller withdraws it
	turn    chan turn   // the writer hands the transaction over
	ran     chan bool   // the caller hands it back: true keeps the changes
	settled chan error  // the fate of the changes, once on disk
}

type turn struct {
	tx  *sql.Tx
	err error
}

// Write runs change in a transaction and returns when its effects are on disk.
// Concurrent callers share the commit, but an error or panic of one change
// undoes that one alone; the error comes back as it is. change runs in the
// caller's goroutine, while no other change runs. A context that ends before
// change starts writes nothing; once started, the change is completed whatever
// happens to the context.
//
// Errors: change's own, the context's, [ErrClosed], or [ErrUnable]; in every case
// nothing of the change is kept.
func (db *DB) Write(ctx context.Context, change func(tx *sql.Tx) error) error {
	if !db.enter() {
		return ErrClosed
	}
	defer db.inside.Done()
	c := &call{turn: make(chan turn, 1), ran: make(chan bool, 1), settled: make(chan error, 1)}
	select {
	case db.queue <- c:
	case <-ctx.Done():
		return ctx.Err()
	}
	var mine turn
	select {
	case mine = <-c.turn:
	case <-ctx.Done():
		if c.claimed.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		mine = <-c.turn
	}
	if mine.err != nil {
		return mine.err
	}
	if err := c.run(ctx, mine.tx, change); err != nil {
		return err
	}
	return <-c.settled
}

// run gives the transaction back however change ends: by return, by panic or by
// runtime.Goexit (a test's FailNow).
func (c *call) run(ctx context.Context, tx *sql.Tx, change func(tx *sql.Tx) error) error {
	keep := false
	defer func() { c.ran <- keep }()
	if err := ctx.Err(); err != nil {
		return err
	}
	err := change(tx)
	keep = err == nil
	return err
}

func (db *DB) enter() bool {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		return false
	}
	db.inside.Add(1)
	return true
}

// Read is the handle for queries: several connections, none can write
// (query_only). It sees every change whose Write has returned.
func (db *DB) Read() *sql.DB { return db.read }

// Close lets the writes that have entered finish, then closes the file. Later
// writes get [ErrClosed]. Closing twice is harmless.
func (db *DB) Close() error {
	db.mu.Lock()
	again := db.closed
	db.closed = true
	db.mu.Unlock()
	if again {
		<-db.stopped
		return nil
	}
	db.inside.Wait()
	close(db.queue)
	<-db.stopped
	return errors.Join(db.read.Close(), db.write.Close())
}

// commitGroups is the writer: one transaction after another until Close.
func (db *DB) commitGroups() {
	defer close(db.stopped)
	for first := range db.queue {
		if first.claimed.CompareAndSwap(false, true) {
			db.commitGroup(first)
		}
	}
}

// commitGroup takes whatever waits by the time each callback has ended, so
// groups grow exactly when commits are slow.
func (db *DB) commitGroup(first *call) {
	var tx *sql.Tx
	var kept []*call
	next := first
	defer func() {
		// Of the driver: a panic of a change stays in its caller's goroutine. It must
		// not end the process (R3), nor leave anybody waiting.
		if cause := recover(); cause != nil {
			abandon(tx, append(kept, next), fmt.Errorf("sqlite writer: panic: %v\n%s", cause, debug.Stack()))
		}
	}()
	tx, err := db.write.BeginTx(context.Background(), nil)
	if err != nil {
		first.turn <- turn{err: db.lost(err)}
		return
	}
	for n := 1; next != nil; n++ {
		keep, err := db.runCall(tx, next)
		if keep {
			kept = append(kept, next)
		}
		if err != nil {
			// The transaction is broken (disk full, I/O): nothing of it can be kept.
			settle(kept, db.lost(errors.Join(err, ignoreDone(tx.Rollback()))))
			return
		}
		next = nil
		if n < maxBatch {
			next = db.nextWaiting()
		}
	}
	settle(kept, db.lost(tx.Commit()))
}

func (db *DB) nextWaiting() *call {
	for {
		select {
		case c := <-db.queue:
			if c == nil || c.claimed.CompareAndSwap(false, true) {
				return c
			}
		default:
			return nil
		}
	}
}

// runCall reports whether the caller wants its changes; a non-nil error means
// that the whole transaction is lost.
func (db *DB) runCall(tx *sql.Tx, c *call) (keep bool, _ error) {
	if _, err := tx.Exec("SAVEPOINT change"); err != nil {
		c.turn <- turn{err: db.lost(err)}
		return false, err
	}
	c.turn <- turn{tx: tx}
	keep = <-c.ran
	if !keep {
		if _, err := tx.Exec("ROLLBACK TO change"); err != nil {
			return false, err
		}
	}
	_, err := tx.Exec("RELEASE change")
	return keep, err
}

// abandon answers every call of a group that broke off, wherever each of them
// waits, and gives the connection back.
func abandon(tx *sql.Tx, calls []*call, err error) {
	for _, c := range calls {
		if c == nil {
			continue
		}
		select {
		case c.turn <- turn{err: err}:
		default: // it has had its turn
		}
		select {
		case c.settled <- err:
		default: // it was answered
		}
	}
	if tx != nil {
		_ = tx.Rollback() // the callers have the panic, which is the error to tell
	}
}

func settle(calls []*call, err error) {
	for _, c := range calls {
		c.settled <- err
	}
}

// lost is why nothing of a group was kept. That is nobody's fault who was in it:
// the statement that failed told its own caller.
func (db *DB) lost(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrUnable):
		return err
	}
	return unable(db.store, "could not keep the change", err)
}

// ignoreDone drops the answer of a rollback that SQLite did already.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) || primary(err) == sqlite3.SQLITE_ERROR {
		return nil
	}
	return err
}
