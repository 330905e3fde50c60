package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"centinela/services/recovery/internal/recovery"
	"centinela/shared/record"
	"centinela/shared/sms"
	"centinela/shared/sqlitex"
)

// ClaimTexts implements recovery.Texts.
func (s *Store) ClaimTexts(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]recovery.Text, error) {
	const due = `FROM texts WHERE next_at > 0 AND next_at <= ? ORDER BY next_at, id LIMIT ?`
	// Looked at first without the writer: mostly nothing is due.
	if waiting, err := list[recovery.Text](ctx, s.Read(), `SELECT body `+due, sqlitex.Millis(now), 1); err != nil || len(waiting) == 0 {
		return nil, err
	}
	var claimed []recovery.Text
	err := s.Write(ctx, func(tx *sql.Tx) error {
		var err error
		if claimed, err = list[recovery.Text](ctx, tx, `SELECT body `+due, sqlitex.Millis(now), limit); err != nil {
			return err
		}
		for i := range claimed {
			claimed[i].NextAt = now.Add(lease)
			if err := putText(ctx, tx, claimed[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return claimed, err
}

// UpdateText implements recovery.Texts.
func (s *Store) UpdateText(ctx context.Context, owner, id string, change func(*recovery.Text) ([]record.Event, error)) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		t, ok, err := one[recovery.Text](ctx, tx, `SELECT body FROM texts WHERE id = ? AND owner = ?`, id, owner)
		if err != nil {
			return err
		}
		if !ok {
			return recovery.ErrNoText
		}
		events, err := change(&t)
		if err != nil {
			return err
		}
		if err := putText(ctx, tx, t); err != nil {
			return err
		}
		return sqlitex.AppendOutbox(tx, events...)
	})
}

func putText(ctx context.Context, tx *sql.Tx, t recovery.Text) error {
	body, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE texts SET next_at = ?, provider_id = ?, finished_at = ?, body = ? WHERE id = ?`,
		sqlitex.Millis(t.NextAt), t.ProviderID, sqlitex.Millis(t.FinishedAt), string(body), t.ID)
	return err
}

// TextsOf implements recovery.Store.
func (s *Store) TextsOf(ctx context.Context, flow string) ([]recovery.Text, error) {
	return list[recovery.Text](ctx, s.Read(), `SELECT body FROM texts WHERE owner = ? ORDER BY rowid`, flow)
}

// TextByProvider implements recovery.Texts.
func (s *Store) TextByProvider(ctx context.Context, providerID string) (recovery.Text, error) {
	t, ok, err := one[recovery.Text](ctx, s.Read(), `SELECT body FROM texts WHERE provider_id = ? AND provider_id <> '' LIMIT 1`, providerID)
	if err == nil && !ok {
		err = recovery.ErrNoText
	}
	return t, err
}

// Keep implements sms.Inbox.
func (s *Store) Keep(ctx context.Context, m sms.Message, at time.Time) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO inbox (id, number, body, at) VALUES (?, ?, ?, ?)`, m.ID, m.To, m.Body.Reveal(), sqlitex.Millis(at))
		return err
	})
}

// Kept implements recovery.Inbox.
func (s *Store) Kept(ctx context.Context, number string, limit int) (kept []recovery.KeptText, err error) {
	rows, err := s.Read().QueryContext(ctx, `SELECT id, number, body, at FROM inbox WHERE ?1 = '' OR number = ?1 ORDER BY at DESC, seq DESC LIMIT ?2`, number, limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var k recovery.KeptText
		var at int64
		if err := rows.Scan(&k.ID, &k.To, &k.Body, &at); err != nil {
			return nil, err
		}
		k.At = sqlitex.FromMillis(at)
		kept = append(kept, k)
	}
	return kept, rows.Err()
}
