package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"centinela/services/chat-relay/internal/room"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

// conversations are the bodies, which are written once; what each message changes is in heads.
func conversations() *sqlitex.Table[room.Conversation] {
	return sqlitex.NewTable(sqlitex.Layout[room.Conversation]{
		Table: "conversations", Shape: 1, Columns: []string{"id", "direct_key"}, Missing: room.ErrConversationNotFound,
		Row: func(c *room.Conversation) []any {
			return []any{c.ID, sql.NullString{String: c.DirectKey, Valid: c.DirectKey != ""}}
		},
	})
}

// Create implements room.Rooms. The one that is found is read in the transaction: its own may be of the same group, and is
// answered only after the sync.
func (s *Store) Create(ctx context.Context, c room.Conversation, e record.Event) (stored room.Conversation, _ error) {
	err := s.Write(ctx, func(tx *sql.Tx) error {
		if c.DirectKey != "" {
			known, err := s.conversations.One(ctx, tx, `SELECT body FROM conversations WHERE direct_key = ?`, c.DirectKey)
			if !errors.Is(err, room.ErrConversationNotFound) {
				stored = known
				return errors.Join(err, withHead(ctx, tx, &stored))
			}
		}
		stored = c
		if err := s.conversations.Insert(ctx, tx, &c, e); err != nil {
			return err
		}
		if _, err := sqlitex.Exec(ctx, tx, `INSERT INTO heads (conversation, last_seq, active_at) VALUES (?, ?, ?)`, c.ID, c.LastSeq, c.ActiveAt); err != nil {
			return err
		}
		for _, m := range c.Members {
			if _, err := sqlitex.Exec(ctx, tx, `INSERT INTO members (conversation, account, active_at) VALUES (?, ?, ?)`, c.ID, m.Account, c.ActiveAt); err != nil {
				return err
			}
		}
		return nil
	})
	return stored, err
}

// Conversation implements room.Rooms.
func (s *Store) Conversation(ctx context.Context, id string) (room.Conversation, error) {
	c, err := s.conversations.Get(ctx, s.Read(), id)
	if err != nil {
		return room.Conversation{}, err
	}
	return c, withHead(ctx, s.Read(), &c)
}

// head is where a conversation is.
type head struct {
	conversation string
	last         int64
	active       time.Time
}

func headColumns(h *head) []any { return []any{&h.conversation, &h.last, sqlitex.At(&h.active)} }

func withHead(ctx context.Context, q sqlitex.Querier, c *room.Conversation) error {
	heads, err := sqlitex.Collect(ctx, q, headColumns, `SELECT conversation, last_seq, active_at FROM heads WHERE conversation = ?`, c.ID)
	if err == nil && len(heads) == 0 {
		err = room.ErrConversationNotFound
	}
	if err != nil {
		return err
	}
	c.LastSeq, c.ActiveAt = heads[0].last, heads[0].active
	return nil
}

// Of implements room.Rooms. A page costs its own conversations, whatever else the account is in.
func (s *Store) Of(ctx context.Context, account string, behind room.Position, limit int) ([]room.Conversation, error) {
	query, args := `SELECT m.conversation, h.last_seq, m.active_at FROM members m CROSS JOIN heads h ON h.conversation = m.conversation WHERE m.account = ?`, []any{account}
	if !behind.IsZero() {
		query, args = query+` AND (m.active_at, m.conversation) < (?, ?)`, append(args, behind.ActiveAt, behind.ID)
	}
	heads, err := sqlitex.Collect(ctx, s.Read(), headColumns, query+` ORDER BY m.active_at DESC, m.conversation DESC LIMIT ?`, append(args, limit)...)
	if err != nil || len(heads) == 0 {
		return nil, err
	}
	ids, at := make([]string, len(heads)), make(map[string]int, len(heads))
	for i, h := range heads {
		ids[i], at[h.conversation] = h.conversation, i
	}
	asked, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	bodies, err := s.conversations.List(ctx, s.Read(), `SELECT body FROM conversations WHERE id IN (SELECT value FROM json_each(?))`, string(asked))
	if err != nil {
		return nil, err
	}
	page := make([]room.Conversation, len(heads))
	for _, c := range bodies {
		h := heads[at[c.ID]]
		c.LastSeq, c.ActiveAt = h.last, h.active
		page[at[c.ID]] = c
	}
	return page, nil
}
