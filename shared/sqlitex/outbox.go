package sqlitex

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"centinela/shared/outbox"
	"centinela/shared/record"
)

// ErrOutbox is a cursor that was altered by hand.
var ErrOutbox = errors.New("outbox: the cursor in the database was altered or is missing")

// logTables are the outbox: what isn't shipped yet, how far the rest was, and what
// was refused for good.
const logTables = `
CREATE TABLE IF NOT EXISTS outbox_log (
	n        INTEGER PRIMARY KEY,
	body     BLOB NOT NULL,
	openings BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS outbox_cursor (
	one      INTEGER PRIMARY KEY CHECK (one = 1),
	instance TEXT NOT NULL,
	service  TEXT NOT NULL,
	n        INTEGER NOT NULL,
	hash     BLOB NOT NULL
) STRICT;
INSERT OR IGNORE INTO outbox_cursor (one, instance, service, n, hash) VALUES (1, lower(hex(randomblob(6))), '', 0, zeroblob(32));
CREATE TABLE IF NOT EXISTS outbox_rejected (
	source   TEXT NOT NULL,
	n        INTEGER NOT NULL,
	body     BLOB NOT NULL,
	openings BLOB NOT NULL,
	reason   TEXT NOT NULL
) STRICT;`

var _ outbox.Log = (*DB)(nil)

// AppendOutbox writes events with the change that they report, in its own
// transaction: either both are kept or neither is. Each takes the log's next
// number, which is free again if the change is undone. All events of a database
// are of one service.
func AppendOutbox(tx *sql.Tx, events ...record.Event) error {
	if len(events) == 0 {
		return nil
	}
	var instance, service string
	var n int64
	err := tx.QueryRow(`SELECT instance, service, coalesce((SELECT max(n) FROM outbox_log), n) FROM outbox_cursor`).Scan(&instance, &service, &n)
	if err != nil {
		return errors.Join(ErrOutbox, err)
	}
	if service != events[0].Service {
		if _, err := tx.Exec(`UPDATE outbox_cursor SET service = ?`, events[0].Service); err != nil {
			return err
		}
	}
	for _, e := range events {
		n++
		sealed, err := e.Seal(e.Service+"/"+instance, n)
		if err != nil {
			return err
		}
		if err := insertEntry(tx, n, sealed); err != nil {
			return err
		}
	}
	return nil
}

func insertEntry(tx *sql.Tx, n int64, s record.Sealed) error {
	if _, err := tx.Exec(`INSERT INTO outbox_log (n, body, openings) VALUES (?, ?, ?)`, n, s.Body, s.Openings); err != nil {
		return fmt.Errorf("outbox event %d: %w", n, err)
	}
	return nil
}

// Shipped is outbox.Log's.
func (db *DB) Shipped(ctx context.Context) (instance string, head record.Head, err error) {
	var hash []byte
	err = db.read.QueryRowContext(ctx, `SELECT instance, n, hash FROM outbox_cursor`).Scan(&instance, &head.N, &hash)
	if err == nil && len(hash) != len(head.Hash) || errors.Is(err, sql.ErrNoRows) {
		return "", record.Head{}, ErrOutbox
	}
	copy(head.Hash[:], hash)
	return instance, head, err
}

// After is outbox.Log's.
func (db *DB) After(ctx context.Context, n int64, limit int) ([]outbox.Entry, error) {
	return logEntries(ctx, db.read, n, limit)
}

func logEntries(ctx context.Context, q Querier, n int64, limit int) ([]outbox.Entry, error) {
	return Collect(ctx, q, func(e *outbox.Entry) []any { return []any{&e.N, &e.Body, &e.Openings} },
		`SELECT n, body, openings FROM outbox_log WHERE n > ? ORDER BY n LIMIT ?`, n, limit)
}

// Trim is outbox.Log's.
func (db *DB) Trim(ctx context.Context, head record.Head) error {
	return db.Write(ctx, func(tx *sql.Tx) error {
		moved, err := tx.Exec(`UPDATE outbox_cursor SET n = ?1, hash = ?2 WHERE n < ?1`, head.N, head.Hash[:])
		if err != nil {
			return err
		}
		if n, err := moved.RowsAffected(); err != nil || n == 0 {
			return err
		}
		// Below 500 rows (outbox: lagEvents): what is below was deleted by the ones before.
		_, err = tx.Exec(`DELETE FROM outbox_log WHERE n <= ?`, head.N)
		return err
	})
}

// Supersede is outbox.Log's. What is kept aside is in the table outbox_rejected.
func (db *DB) Supersede(ctx context.Context, n int64, with record.Sealed, reason string) error {
	return db.Write(ctx, func(tx *sql.Tx) error {
		if err := setAside(tx, n, reason); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM outbox_log WHERE n = ?`, n); err != nil {
			return err
		}
		return insertEntry(tx, n, with)
	})
}

func setAside(tx *sql.Tx, n int64, reason string) error {
	_, err := tx.Exec(`INSERT INTO outbox_rejected (source, n, body, openings, reason)
		SELECT c.service || '/' || c.instance, l.n, l.body, l.openings, ?2 FROM outbox_log l, outbox_cursor c WHERE l.n = ?1`, n, reason)
	return err
}

// Renew is outbox.Log's. It holds all that isn't shipped in memory, in one
// transaction: it happens after a restore, never while the service is busy.
func (db *DB) Renew(ctx context.Context, notice record.Event) error {
	return db.Write(ctx, func(tx *sql.Tx) error { return renew(ctx, tx, notice) })
}

func renew(ctx context.Context, tx *sql.Tx, notice record.Event) error {
	var instance string
	if err := tx.QueryRowContext(ctx, `SELECT lower(hex(randomblob(6)))`).Scan(&instance); err != nil {
		return err
	}
	entries, err := logEntries(ctx, tx, 0, -1)
	if err != nil {
		return err
	}
	sealed, damaged, err := outbox.Reseal(notice.Service+"/"+instance, notice, entries)
	if err != nil {
		return err
	}
	for _, e := range damaged {
		if err := setAside(tx, e.N, "it could not be read when the log was renewed"); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(`DELETE FROM outbox_log`); err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE outbox_cursor SET instance = ?, service = ?, n = 0, hash = zeroblob(32)`, instance, notice.Service)
	for i, s := range sealed {
		err = errors.Join(err, insertEntry(tx, int64(i)+1, s))
	}
	return err
}

// Record writes events that report no other change.
func (db *DB) Record(ctx context.Context, events ...record.Event) error {
	return db.Write(ctx, func(tx *sql.Tx) error { return AppendOutbox(tx, events...) })
}
