package sqlitex_test

import (
	"database/sql"
	"errors"
	"reflect"
	"testing"
	"time"

	"centinela/shared/outbox"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

var (
	_ outbox.Source   = (*sqlitex.DB)(nil)
	_ outbox.Rejecter = (*sqlitex.DB)(nil)
)

func newEvents(n int) []record.Event {
	events := make([]record.Event, n)
	for i := range events {
		// Times run backwards: the order is that of writing.
		at := time.Date(2026, 11, 23, 10, 0, n-i, 0, time.UTC)
		events[i] = record.New(at, "auth", record.SessionCreated, "success", record.Origin{Address: "192.0.2.1", RequestID: "req_1"})
		events[i].Data = map[string]string{"k": "v"}
	}
	return events
}

func pending(t *testing.T, db *sqlitex.DB, limit int) []record.Event {
	t.Helper()
	events, err := db.PendingEvents(t.Context(), limit)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// Events are kept exactly when the change that they report is.
func TestOutboxWithItsChange(t *testing.T) {
	db, path := open(t)
	events := newEvents(3)
	write := func(fail error, events ...record.Event) error {
		return db.Write(t.Context(), func(tx *sql.Tx) error {
			if _, err := increment(tx); err != nil {
				return err
			}
			return errors.Join(sqlitex.AppendOutbox(tx, events...), fail)
		})
	}
	if err := write(nil, events[0], events[1]); err != nil {
		t.Fatal(err)
	}
	if err := write(errOwn, events[2]); !errors.Is(err, errOwn) {
		t.Fatal(err)
	}
	if got := pending(t, db, 10); !reflect.DeepEqual(got, events[:2]) {
		t.Errorf("pending %+v, want %+v", got, events[:2])
	}
	if got := pending(t, db, 1); len(got) != 1 || got[0].ID != events[0].ID {
		t.Errorf("limit 1: %+v", got)
	}
	other, err := sqlitex.Open(t.Context(), path, migrations(schema))
	if err != nil {
		t.Fatal(err)
	}
	if got := pending(t, other, 10); len(got) != 2 {
		t.Errorf("after reopening: %+v", got)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}

func TestOutboxDeliveredAndRejected(t *testing.T) {
	db, _ := open(t)
	events := newEvents(4)
	if err := db.Write(t.Context(), func(tx *sql.Tx) error { return sqlitex.AppendOutbox(tx, events...) }); err != nil {
		t.Fatal(err)
	}
	if err := db.DeliveredEvents(t.Context(), []string{events[0].ID, events[2].ID, "evt_unknown"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := db.RejectEvent(t.Context(), events[1].ID, "invalid_request: no"); err != nil {
			t.Fatal(err)
		}
	}
	if got := pending(t, db, 10); len(got) != 1 || got[0].ID != events[3].ID {
		t.Errorf("pending %+v", got)
	}
	var id, reason string
	if err := db.Read().QueryRow(`SELECT id, reason FROM outbox_rejected`).Scan(&id, &reason); err != nil || id != events[1].ID || reason != "invalid_request: no" {
		t.Errorf("aside: %s, %s, %v", id, reason, err)
	}
}

// R5.2: a damaged row of the outbox stops no other event: it comes as one that
// audit refuses, and so is moved aside.
func TestOutboxDamagedRow(t *testing.T) {
	for name, damage := range map[string]string{
		"no JSON":      `UPDATE outbox_events SET body = '{"id":' WHERE id = ?`,
		"other's body": `UPDATE outbox_events SET body = (SELECT body FROM outbox_events ORDER BY seq DESC LIMIT 1) WHERE id = ?`,
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := open(t)
			events := newEvents(3)
			err := db.Write(t.Context(), func(tx *sql.Tx) error {
				if err := sqlitex.AppendOutbox(tx, events...); err != nil {
					return err
				}
				_, err := tx.Exec(damage, events[1].ID)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			got := pending(t, db, 10)
			if len(got) != 3 || !reflect.DeepEqual(got[0], events[0]) || !reflect.DeepEqual(got[2], events[2]) {
				t.Fatalf("pending %+v", got)
			}
			if got[1].ID != events[1].ID || got[1].Validate() == nil {
				t.Errorf("the damaged one is %+v", got[1])
			}
			if err := db.RejectEvent(t.Context(), got[1].ID, "invalid"); err != nil {
				t.Fatal(err)
			}
			if got := pending(t, db, 10); len(got) != 2 {
				t.Errorf("pending %+v", got)
			}
		})
	}
}
