package sqlitex

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"centinela/shared/record"
)

// AppendOutbox writes events with the change that they report, in its own
// transaction: either both are kept or neither is.
func AppendOutbox(tx *sql.Tx, events ...record.Event) error {
	for _, e := range events {
		body, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("outbox event %s: %w", e.ID, err)
		}
		if _, err := tx.Exec(`INSERT INTO outbox_events (id, body) VALUES (?, ?)`, e.ID, string(body)); err != nil {
			return fmt.Errorf("outbox event %s: %w", e.ID, err)
		}
	}
	return nil
}

// PendingEvents returns the oldest undelivered events, in the order in which
// they were written, at most limit. One whose row was damaged comes with its id
// only, so that its receiver refuses it: it is moved aside, told and counted as
// rejected, and doesn't hold up all others for ever.
func (db *DB) PendingEvents(ctx context.Context, limit int) (events []record.Event, err error) {
	rows, err := db.read.QueryContext(ctx, `SELECT id, body FROM outbox_events ORDER BY seq LIMIT ?`, limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, body string
		if err := rows.Scan(&id, &body); err != nil {
			return nil, err
		}
		var e record.Event
		if err := json.Unmarshal([]byte(body), &e); err != nil || e.ID != id {
			e = record.Event{ID: id}
		}
		events = append(events, e)
	}
	return events, rows.Err()
}

// DeliveredEvents forgets events by id; unknown ids are ignored.
func (db *DB) DeliveredEvents(ctx context.Context, ids []string) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`DELETE FROM outbox_events WHERE id IN (SELECT value FROM json_each(?))`, string(list))
		return err
	})
}

// RejectEvent moves an event that its receiver refuses for good to the table
// outbox_rejected, where an operator finds it with the reason; it is not
// shipped again. An unknown id is ignored.
func (db *DB) RejectEvent(ctx context.Context, id, reason string) error {
	return db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`INSERT OR REPLACE INTO outbox_rejected (id, body, reason) SELECT id, body, ? FROM outbox_events WHERE id = ?`, reason, id); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM outbox_events WHERE id = ?`, id)
		return err
	})
}
