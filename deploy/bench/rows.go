package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"centinela/shared/module"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

// openRows is the baseline of the record: the same bytes of the same events, in batches as large, in one plain table
// of a database with the same settings (WAL, synced at each commit). It stays open until the process ends.
func openRows(ctx context.Context, path string) (http.Handler, error) {
	db, err := sqlitex.Open(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	err = db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`CREATE TABLE plain (seq INTEGER PRIMARY KEY, body BLOB NOT NULL, openings BLOB NOT NULL)`)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make the table: %w", err)
	}
	return counted(func(ctx context.Context, n int) (any, error) { return insertBatches(ctx, db, n) }), nil
}

// inserted is what a call of the rows baseline did. Making the events isn't in it.
type inserted struct {
	Rows      int
	Took, CPU time.Duration
}

func insertBatches(ctx context.Context, db *sqlitex.DB, n int) (done inserted, err error) {
	batches := make([][]record.Sealed, n)
	log := logOf{source: module.Gateway + "/bare"}
	for i := range batches {
		if batches[i], err = log.seal(); err != nil {
			return inserted{}, err
		}
	}
	began, cpu := time.Now(), ownCPU()
	for _, events := range batches {
		if err := insertBatch(ctx, db, events); err != nil {
			return inserted{}, fmt.Errorf("insert: %w", err)
		}
		done.Rows += len(events)
	}
	done.Took, done.CPU = time.Since(began), ownCPU()-cpu
	return done, nil
}

func insertBatch(ctx context.Context, db *sqlitex.DB, events []record.Sealed) error {
	return db.Write(ctx, func(tx *sql.Tx) error {
		insert, err := tx.Prepare(`INSERT INTO plain (body, openings) VALUES (?, ?)`)
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, e := range events {
			if _, err := insert.ExecContext(ctx, e.Body, e.Openings); err != nil {
				return err
			}
		}
		return nil
	})
}

// ownCPU is what this process has used so far; 0 where the system doesn't say.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
