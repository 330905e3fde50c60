package sqlitex

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"sync"
	"time"
)

// probeEvery is how long an answer of [DB.Ready] stands.
const probeEvery = time.Second

// probe is the last attempt to write, or the one that is being made.
type probe struct {
	sync.Mutex
	begun time.Time
	ended chan struct{} // closed when err is there; nil before the first
	err   error
}

// Ready is nil while the store can do its work: it writes a byte where the store
// writes, with the others' writes, at most once a second, and answers from the
// last attempt otherwise. While an attempt is stuck, the disk's that doesn't
// answer, callers wait for that one until their ctx ends.
//
// Errors: [ErrUnable], whose detail says which store and what is wrong with it
// (full, locked, read-only, gone, not answering), and [ErrClosed]. After a fault in
// mapped memory it is an error until the process begins anew: a connection that
// nobody can close may keep the WAL from being cut.
func (db *DB) Ready(ctx context.Context) error {
	p := &db.probe
	p.Lock()
	if p.ended == nil || p.over() && time.Since(p.begun) >= probeEvery {
		p.begun, p.ended = time.Now(), make(chan struct{})
		go db.tryWrite(p.ended)
	}
	ended := p.ended
	p.Unlock()
	select {
	case <-ended:
		p.Lock()
		defer p.Unlock()
		return p.err
	case <-ctx.Done():
		return unable(db.store, "does not answer", ctx.Err())
	}
}

func (p *probe) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// tryWrite outlives the caller that began it: others wait for it, too.
func (db *DB) tryWrite(ended chan struct{}) {
	err := db.inPlace()
	if db.faulted.Load() {
		err = unable(db.store, unreadable+": start anew when the disk is sound", nil)
	}
	if err == nil {
		err = db.Write(context.Background(), func(tx *sql.Tx) error {
			_, err := tx.Exec(`UPDATE write_probe SET n = (n + 1) % 256`)
			return err
		})
	}
	db.probe.Lock()
	db.probe.err = err
	db.probe.Unlock()
	close(ended)
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
