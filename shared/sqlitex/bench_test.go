package sqlitex_test

import (
	"database/sql"
	"sync"
	"testing"
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
