package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"centinela/services/recovery/internal/post"
	"centinela/shared/record"
	"centinela/shared/sms"
	"centinela/shared/sqlitex"
)

var texts = sqlitex.NewTable(sqlitex.Layout[post.Text]{
	Table: "texts", Shape: 1, Columns: []string{"id", "owner", "key", "next_at", "provider_id", "finished_at"},
	Row: func(t *post.Text) []any {
		return []any{t.ID, t.Owner, t.Key, t.NextAt, t.ProviderID, t.FinishedAt}
	},
	Missing: post.ErrNoText,
})

// putTexts keeps an owner's texts in the transaction of their change.
func putTexts(ctx context.Context, tx *sql.Tx, owner string, e post.Effects) error {
	if !e.Over.IsZero() {
		waiting, err := texts.List(ctx, tx, `SELECT body FROM texts WHERE owner = ? AND next_at > 0`, owner)
		if err != nil {
			return err
		}
		for _, t := range waiting {
			if t.Withdraw(e.Over) {
				if err := texts.Put(ctx, tx, &t); err != nil {
					return err
				}
			}
		}
	}
	for _, t := range e.Texts {
		there, err := sqlitex.Column[int](ctx, tx, `SELECT 1 FROM texts WHERE owner = ? AND key = ?`, t.Owner, t.Key)
		if err != nil {
			return err
		}
		if len(there) > 0 {
			continue
		}
		if err := texts.Insert(ctx, tx, &t); err != nil {
			return err
		}
	}
	return nil
}

// ClaimTexts implements post.Store.
func (s *Store) ClaimTexts(ctx context.Context, now time.Time, lease time.Duration, limit int) (claimed []post.Text, _ error) {
	const dueTexts = `SELECT id FROM texts WHERE next_at > 0 AND next_at <= ? ORDER BY next_at LIMIT ?`
	// Looked at first without the writer: mostly nothing is due.
	if waiting, err := sqlitex.Column[string](ctx, s.Read(), dueTexts, now, 1); err != nil || len(waiting) == 0 {
		return nil, err
	}
	var damaged error
	err := s.Write(ctx, func(tx *sql.Tx) error {
		claimed, damaged = nil, nil
		ids, err := sqlitex.Column[string](ctx, tx, dueTexts, now, limit)
		if err != nil {
			return err
		}
		for _, id := range ids {
			text, err := texts.Get(ctx, tx, id)
			if err != nil {
				damaged = errors.Join(damaged, fmt.Errorf("text %s: %w", id, err))
				_, err = sqlitex.Exec(ctx, tx, `UPDATE texts SET next_at = ? WHERE id = ?`, now.Add(post.DamagedFor), id)
			} else {
				text.NextAt = now.Add(lease)
				claimed = append(claimed, text)
				err = texts.Put(ctx, tx, &text)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return claimed, damaged
}

// UpdateText implements post.Store.
func (s *Store) UpdateText(ctx context.Context, owner, id string, change func(*post.Text) ([]record.Event, error)) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		return texts.Update(ctx, tx, id, func(t *post.Text) ([]record.Event, error) {
			if t.Owner != owner {
				return nil, post.ErrNoText
			}
			return change(t)
		})
	})
}

// TextsOf implements claim.Store.
func (s *Store) TextsOf(ctx context.Context, flow string) ([]post.Text, error) {
	return texts.List(ctx, s.Read(), `SELECT body FROM texts WHERE owner = ?`, flow)
}

// TextByProvider implements post.Store.
func (s *Store) TextByProvider(ctx context.Context, providerID string) (post.Text, error) {
	return texts.One(ctx, s.Read(), `SELECT body FROM texts WHERE provider_id = ? AND provider_id <> '' LIMIT 1`, providerID)
}

// PruneTexts implements post.Store.
func (s *Store) PruneTexts(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.Prune(ctx, limit, `DELETE FROM texts WHERE id IN (SELECT id FROM texts WHERE finished_at > 0 AND finished_at <= ? ORDER BY finished_at LIMIT ?)`, before)
}

// Keep implements sms.Inbox.
func (s *Store) Keep(ctx context.Context, m sms.Message, at time.Time) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		_, err := sqlitex.Exec(ctx, tx, `INSERT OR IGNORE INTO inbox (id, number, body, at) VALUES (?, ?, ?, ?)`, m.ID, m.To, m.Body.Reveal(), at)
		return err
	})
}

// Kept implements post.Inbox.
func (s *Store) Kept(ctx context.Context, number string, limit int) ([]post.KeptText, error) {
	row := func(k *post.KeptText) []any { return []any{&k.ID, &k.To, &k.Body, sqlitex.At(&k.At)} }
	const columns = `SELECT id, number, body, at FROM inbox `
	if number == "" {
		return sqlitex.Collect(ctx, s.Read(), row, columns+`ORDER BY at DESC, seq DESC LIMIT ?`, limit)
	}
	return sqlitex.Collect(ctx, s.Read(), row, columns+`WHERE number = ? ORDER BY at DESC, seq DESC LIMIT ?`, number, limit)
}

// PruneInbox implements post.Inbox.
func (s *Store) PruneInbox(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.Prune(ctx, limit, `DELETE FROM inbox WHERE seq IN (SELECT seq FROM inbox WHERE at <= ? ORDER BY at LIMIT ?)`, before)
}
