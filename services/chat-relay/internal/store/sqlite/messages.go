package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"centinela/services/chat-relay/internal/relay"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

const messageColumns = `conversation, seq, sender, client_id, kind, text, reply_to, at`

// AppendMessage implements relay.Store. The common case is three statements; a client id that is known is found by the
// insert that its index refuses. It gives the number back and waits for the commit: the first one may be of the same
// group, and must not be answered before the sync.
func (s *Store) AppendMessage(ctx context.Context, m relay.Message, report func(relay.Message) record.Event) (relay.Message, bool, error) {
	created := true
	err := s.Write(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRow(
			`UPDATE conversations SET last_seq = last_seq + 1, active_at = max(active_at, ?) WHERE id = ? RETURNING last_seq`,
			sqlitex.Millis(m.At), m.Conversation,
		).Scan(&m.Seq)
		if errors.Is(err, sql.ErrNoRows) {
			return relay.ErrConversationNotFound
		}
		if err != nil {
			return err
		}
		result, err := tx.Exec(
			`INSERT INTO messages (`+messageColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (conversation, sender, client_id) DO NOTHING`,
			m.Conversation, m.Seq, m.Sender, m.ClientID, m.Kind, m.Text, m.ReplyTo, sqlitex.Millis(m.At),
		)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if n == 0 {
			created = false
			m, err = known(ctx, tx, m)
			return err
		}
		return sqlitex.AppendOutbox(tx, report(m))
	})
	if err != nil {
		return relay.Message{}, false, err
	}
	return m, created, nil
}

func known(ctx context.Context, tx *sql.Tx, m relay.Message) (relay.Message, error) {
	if _, err := tx.Exec(`UPDATE conversations SET last_seq = last_seq - 1 WHERE id = ?`, m.Conversation); err != nil {
		return m, err
	}
	list, err := messages(ctx, tx,
		`SELECT `+messageColumns+` FROM messages WHERE conversation = ? AND sender = ? AND client_id = ?`, m.Conversation, m.Sender, m.ClientID)
	if err != nil {
		return m, err
	}
	if len(list) == 0 {
		return m, errors.New("sqlite: a client id is known and has no message")
	}
	return list[0], nil
}

// MessagesBefore implements relay.Store.
func (s *Store) MessagesBefore(ctx context.Context, conversation string, before int64, limit int) ([]relay.Message, error) {
	return messages(ctx, s.Read(),
		`SELECT `+messageColumns+` FROM messages WHERE conversation = ? AND seq < ? ORDER BY seq DESC LIMIT ?`, conversation, before, limit)
}

// MessagesAfter implements relay.Store.
func (s *Store) MessagesAfter(ctx context.Context, conversation string, after int64, limit int) ([]relay.Message, error) {
	return messages(ctx, s.Read(),
		`SELECT `+messageColumns+` FROM messages WHERE conversation = ? AND seq > ? ORDER BY seq LIMIT ?`, conversation, after, limit)
}

func messages(ctx context.Context, from querier, query string, args ...any) (list []relay.Message, err error) {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var m relay.Message
		var at int64
		if err := rows.Scan(&m.Conversation, &m.Seq, &m.Sender, &m.ClientID, &m.Kind, &m.Text, &m.ReplyTo, &at); err != nil {
			return nil, err
		}
		m.At = sqlitex.FromMillis(at)
		list = append(list, m)
	}
	return list, rows.Err()
}

// RecordEvents implements relay.Store.
func (s *Store) RecordEvents(ctx context.Context, events ...record.Event) error {
	return s.Write(ctx, func(tx *sql.Tx) error { return sqlitex.AppendOutbox(tx, events...) })
}
