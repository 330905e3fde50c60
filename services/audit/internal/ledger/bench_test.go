package ledger_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

const benchBatch = 200

func benchEvents() []record.Event {
	events := make([]record.Event, benchBatch)
	for i := range events {
		e := record.New(noon, "auth", record.SessionCreated, record.Success, record.Origin{Address: "203.0.113.9", UserAgent: "Mozilla/5.0 (X11; Linux x86_64)", RequestID: "req_0123456789abcdefghjkmnpq"})
		e.Account, e.Session, e.Target = "acc_0123456789abcdefghjkmnpq", "ses_0123456789abcdefghjkmnpq", "ses_0123456789abcdefghjkmnpq"
		e.Data = record.Data{"method": "password"}
		events[i] = e
	}
	return events
}

// BenchmarkIngest is events a second stored and synced, in batches of 200: in
// the record (checked, hashed, chained, its openings sealed, indexed by person), beside bare
// batched inserts of the same bytes into a plain table of the same file system.
func BenchmarkIngest(b *testing.B) {
	b.Run("record", func(b *testing.B) {
		l := newLedger(b, openStore(b))
		for b.Loop() {
			b.StopTimer()
			shipment := l.writer.Shipment(b, benchEvents()...)
			b.StartTimer()
			if held, err := l.Ingest(b.Context(), shipment); err != nil || held != shipment.Head {
				b.Fatalf("held %+v, %v", held, err)
			}
		}
		b.ReportMetric(float64(b.N*benchBatch)/b.Elapsed().Seconds(), "events/s")
	})
	b.Run("baseline", func(b *testing.B) {
		db, err := sqlitex.Open(b.Context(), filepath.Join(b.TempDir(), "plain.db"), nil)
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close() //nolint:errcheck // a benchmark's
		write := func(do func(tx *sql.Tx) error) {
			if err := db.Write(b.Context(), do); err != nil {
				b.Fatal(err)
			}
		}
		write(func(tx *sql.Tx) error {
			_, err := tx.Exec(`CREATE TABLE plain (seq INTEGER PRIMARY KEY, body BLOB NOT NULL, openings BLOB NOT NULL)`)
			return err
		})
		writer := outboxtest.NewWriter("auth", outboxtest.Signing(serviceKey))
		for b.Loop() {
			b.StopTimer()
			shipment := writer.Shipment(b, benchEvents()...)
			b.StartTimer()
			write(func(tx *sql.Tx) error {
				insert, err := tx.Prepare(`INSERT INTO plain (body, openings) VALUES (?, ?)`)
				if err != nil {
					return err
				}
				defer insert.Close() //nolint:errcheck // a benchmark's
				for _, e := range shipment.Entries {
					if _, err := insert.Exec(e.Body, e.Openings); err != nil {
						return fmt.Errorf("insert: %w", err)
					}
				}
				return nil
			})
		}
		b.ReportMetric(float64(b.N*benchBatch)/b.Elapsed().Seconds(), "events/s")
	})
}
