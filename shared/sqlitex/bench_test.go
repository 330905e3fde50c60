package sqlitex_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"centinela/shared/sqlitex"
	"centinela/shared/sweep"
)

// Group commit against one synced transaction a write, 64 callers at once.
func BenchmarkWrite(b *testing.B) {
	b.Run("group_commit", func(b *testing.B) {
		db, _ := open(b)
		b.SetParallelism(32) // times 2 cores
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := db.Write(b.Context(), func(tx *sql.Tx) error { _, err := increment(tx); return err }); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("one_transaction_each", func(b *testing.B) {
		db, _ := open(b)
		var turn sync.Mutex // never two in one group
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				turn.Lock()
				err := db.Write(b.Context(), func(tx *sql.Tx) error { _, err := increment(tx); return err })
				turn.Unlock()
				if err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// GR G1: the longest wait of a one-row write while 100,000 rows of three indexes
// are swept, in pieces and in one transaction (as it was: 5.4 s). The goal is 0.5 s.
func BenchmarkSweepWait(b *testing.B) {
	const all = 100_000
	for name, clear := range map[string]func(b *testing.B, db *sqlitex.DB) error{
		"in_pieces": func(b *testing.B, db *sqlitex.DB) error {
			total, err := sweep.InPieces(b.Context(), sweep.Pause, func(ctx context.Context, limit int) (int, error) {
				return db.Prune(ctx, limit, `DELETE FROM notes WHERE id IN (SELECT id FROM notes WHERE due_at < ? ORDER BY due_at LIMIT ?)`, all+1)
			})
			if total != all {
				b.Errorf("%d rows", total)
			}
			return err
		},
		"one_transaction": func(b *testing.B, db *sqlitex.DB) error {
			return db.Write(b.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(`DELETE FROM notes WHERE due_at < ?`, all+1); return err })
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				db := openNotes(b)
				write(b, db, func(tx *sql.Tx) error { _, err := tx.Exec(`CREATE INDEX notes_due ON notes (due_at)`); return err })
				fill(b, db, all)
				write(b, db, func(tx *sql.Tx) error { // owners in random order, as random ids are
					_, err := tx.Exec(`UPDATE notes SET owner = hex(randomblob(15))`)
					return err
				})
				b.StartTimer()
				done, waits := make(chan error), []time.Duration(nil)
				go func() { done <- clear(b, db) }()
				for running := true; running; {
					start := time.Now()
					write(b, db, func(tx *sql.Tx) error {
						_, err := tx.Exec(`INSERT OR REPLACE INTO notes (id, owner, due_at, body) VALUES ('me', 'me', ?, '')`, all+2)
						return err
					})
					waits = append(waits, time.Since(start))
					select {
					case err := <-done:
						if err != nil {
							b.Error(err)
						}
						running = false
					default:
					}
				}
				slices.Sort(waits)
				b.ReportMetric(float64(waits[len(waits)-1].Microseconds())/1000, "longest-ms")
				b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "p99-ms")
				b.ReportMetric(float64(len(waits)), "writes")
			}
		})
	}
}

// KB Q4: a look-up by key whose statement is kept, against one that is parsed each time.
func BenchmarkQuery(b *testing.B) {
	db := openNotes(b)
	fill(b, db, 1000)
	for name, text := range map[string]func(i int) string{
		"kept":   func(int) string { return `SELECT due_at FROM notes WHERE id = ?` },
		"parsed": func(i int) string { return fmt.Sprintf(`SELECT due_at FROM notes WHERE id = ? -- %d`, i) },
	} {
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if n, err := sqlitex.Column[int](b.Context(), db.Read(), text(i), fmt.Sprintf("n%08d", i%1000+1)); err != nil || len(n) != 1 {
					b.Fatal(n, err)
				}
			}
		})
	}
}
