package sqlite

import (
	"context"
	"database/sql"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/post"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

var flows = sqlitex.NewTable(sqlitex.Layout[claim.Flow]{
	Table: "flows", Shape: 1, Columns: []string{"id", "account", "started_at", "next_at", "attempts", "open_until", "forget_at"},
	Row: func(f *claim.Flow) []any {
		return []any{f.ID, f.Account, f.StartedAt, f.NextAt, 0, f.OpenUntil, f.ForgetAt}
	},
	Missing: claim.ErrNoFlow,
})

// CreateFlow implements claim.Store.
func (s *Store) CreateFlow(ctx context.Context, f claim.Flow, e post.Effects) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		if err := flows.Insert(ctx, tx, &f, e.Events...); err != nil {
			return err
		}
		return putTexts(ctx, tx, f.ID, e)
	})
}

// UpdateFlow implements claim.Store.
func (s *Store) UpdateFlow(ctx context.Context, id string, change func(*claim.Flow) (post.Effects, error)) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		var effects post.Effects
		var tokens []claim.VetoToken
		err := flows.Update(ctx, tx, id, func(f *claim.Flow) (_ []record.Event, err error) {
			before := len(f.VetoTokens)
			effects, err = change(f)
			tokens = f.VetoTokens[min(before, len(f.VetoTokens)):]
			return effects.Events, err
		})
		if err != nil {
			return err
		}
		for _, t := range tokens {
			if _, err := sqlitex.Exec(ctx, tx, `INSERT INTO veto_tokens (hash, flow) VALUES (?, ?)`, t.Hash, id); err != nil {
				return err
			}
		}
		return putTexts(ctx, tx, id, effects)
	})
}

// FlowsOfAccount implements claim.Store.
func (s *Store) FlowsOfAccount(ctx context.Context, account string, limit int) ([]claim.Flow, error) {
	return flows.List(ctx, s.Read(), `SELECT body FROM flows WHERE account = ? AND account <> '' ORDER BY started_at DESC, id DESC LIMIT ?`, account, limit)
}

// OpenFlows implements claim.Store.
func (s *Store) OpenFlows(ctx context.Context, account string, now time.Time) ([]claim.Flow, error) {
	return flows.List(ctx, s.Read(), `SELECT body FROM flows WHERE account = ? AND account <> '' AND open_until > 0 AND open_until > ?`, account, now)
}

// FlowByVetoToken implements objection.Store.
func (s *Store) FlowByVetoToken(ctx context.Context, hash string) (claim.Flow, error) {
	return flows.One(ctx, s.Read(), `SELECT f.body FROM veto_tokens t JOIN flows f ON f.id = t.flow WHERE t.hash = ?`, hash)
}

// DueFlows implements claim.Store.
func (s *Store) DueFlows(ctx context.Context, now time.Time, limit int) ([]due.Item, error) {
	return s.due(ctx, `SELECT id, attempts FROM flows WHERE next_at > 0 AND next_at <= ? ORDER BY next_at LIMIT ?`, now, limit)
}

// PutOffFlow implements claim.Store.
func (s *Store) PutOffFlow(ctx context.Context, item due.Item, next time.Time) error {
	return s.putOff(ctx, `UPDATE flows SET next_at = ?1, attempts = ?2 WHERE id = ?3 AND next_at > 0 AND next_at < ?1`, item, next)
}

// PruneFlows implements claim.Store. The outbox is a table of its own here, so a
// flow's events don't go with it.
func (s *Store) PruneFlows(ctx context.Context, now time.Time, limit int) (int, error) {
	return s.Prune(ctx, limit, `DELETE FROM flows WHERE id IN (SELECT id FROM flows WHERE forget_at <= ? ORDER BY forget_at LIMIT ?)`, now)
}
