package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"centinela/services/chat-relay/internal/relay"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

const conversationColumns = `c.id, c.kind, c.title, coalesce(c.direct_key, ''), c.created_by, c.last_seq, c.created_at, c.active_at`

// querier is the read handle, or a transaction that must see what it is about to commit.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// AddConversation implements relay.Store. The one that is found is read in the transaction: its own may be of the same
// group, and is answered only after the sync.
func (s *Store) AddConversation(ctx context.Context, c relay.Conversation, e record.Event) (relay.Conversation, error) {
	stored := c
	err := s.Write(ctx, func(tx *sql.Tx) error {
		result, err := tx.Exec(
			`INSERT INTO conversations (id, kind, title, direct_key, created_by, last_seq, created_at, active_at) VALUES (?, ?, ?, nullif(?, ''), ?, ?, ?, ?) ON CONFLICT (direct_key) DO NOTHING`,
			c.ID, c.Kind, c.Title, c.DirectKey, c.CreatedBy, c.LastSeq, sqlitex.Millis(c.CreatedAt), sqlitex.Millis(c.ActiveAt),
		)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			if err == nil {
				stored, err = one(ctx, tx, `SELECT `+conversationColumns+` FROM conversations c WHERE c.direct_key = ?`, c.DirectKey)
			}
			return err
		}
		for i, m := range c.Members {
			if _, err := tx.Exec(
				`INSERT INTO members (conversation, account, position, user_name, added_at) VALUES (?, ?, ?, ?, ?)`,
				c.ID, m.Account, i, m.UserName, sqlitex.Millis(m.AddedAt),
			); err != nil {
				return err
			}
		}
		return sqlitex.AppendOutbox(tx, e)
	})
	return stored, err
}

// Conversation implements relay.Store.
func (s *Store) Conversation(ctx context.Context, id string) (relay.Conversation, error) {
	return one(ctx, s.Read(), `SELECT `+conversationColumns+` FROM conversations c WHERE c.id = ?`, id)
}

func one(ctx context.Context, from querier, query string, args ...any) (relay.Conversation, error) {
	list, err := conversations(ctx, from, query, args...)
	if err != nil {
		return relay.Conversation{}, err
	}
	if len(list) == 0 {
		return relay.Conversation{}, relay.ErrConversationNotFound
	}
	return list[0], nil
}

// ConversationsOf implements relay.Store.
func (s *Store) ConversationsOf(ctx context.Context, account string, behind relay.Position, limit int) ([]relay.Conversation, error) {
	query := `SELECT ` + conversationColumns + ` FROM members m JOIN conversations c ON c.id = m.conversation WHERE m.account = ?`
	args := []any{account}
	if !behind.IsZero() {
		query += ` AND (c.active_at, c.id) < (?, ?)`
		args = append(args, sqlitex.Millis(behind.ActiveAt), behind.ID)
	}
	return conversations(ctx, s.Read(), query+` ORDER BY c.active_at DESC, c.id DESC LIMIT ?`, append(args, limit)...)
}

func conversations(ctx context.Context, from querier, query string, args ...any) (list []relay.Conversation, err error) {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c relay.Conversation
		var created, active int64
		if err := rows.Scan(&c.ID, &c.Kind, &c.Title, &c.DirectKey, &c.CreatedBy, &c.LastSeq, &created, &active); err != nil {
			return nil, err
		}
		c.CreatedAt, c.ActiveAt = sqlitex.FromMillis(created), sqlitex.FromMillis(active)
		list = append(list, c)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return list, fillMembers(ctx, from, list)
}

// fillMembers reads the members of all of them in one query.
func fillMembers(ctx context.Context, from querier, list []relay.Conversation) (err error) {
	ids, at := make([]string, len(list)), make(map[string]int, len(list))
	for i, c := range list {
		ids[i], at[c.ID] = c.ID, i
	}
	encoded, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	rows, err := from.QueryContext(ctx,
		`SELECT conversation, account, user_name, added_at FROM members WHERE conversation IN (SELECT value FROM json_each(?)) ORDER BY conversation, position`,
		string(encoded))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var conversation string
		var m relay.Member
		var added int64
		if err := rows.Scan(&conversation, &m.Account, &m.UserName, &added); err != nil {
			return err
		}
		m.AddedAt = sqlitex.FromMillis(added)
		c := &list[at[conversation]]
		c.Members = append(c.Members, m)
	}
	return rows.Err()
}
