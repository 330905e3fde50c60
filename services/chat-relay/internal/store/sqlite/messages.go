package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"centinela/services/chat-relay/internal/room"
	"centinela/shared/sqlitex"
)

const (
	messageColumns = `conversation, seq, sender, client_id, kind, text, reply_to, digest, at`
	findMessage    = `SELECT ` + messageColumns + ` FROM messages WHERE conversation = ? AND sender = ? AND client_id = ?`
)

// errStale says that a number which the caller took for the next one isn't.
var errStale = errors.New("sqlite: not the next number")

// Append implements room.Log. The caller's numbers are right unless it missed something: then the transaction begins
// anew with those of the file.
func (s *Store) Append(ctx context.Context, b room.Batch) ([]room.Fate, error) {
	fates, err := s.append(ctx, b, func(_ *sql.Tx, m room.Message) (int64, error) { return m.Seq - 1, nil })
	if errors.Is(err, errStale) {
		fates, err = s.append(ctx, b, func(tx *sql.Tx, m room.Message) (int64, error) {
			c := room.Conversation{ID: m.Conversation}
			err := withHead(ctx, tx, &c)
			return c.LastSeq, err
		})
	}
	return fates, err
}

func (s *Store) append(ctx context.Context, b room.Batch, last func(*sql.Tx, room.Message) (int64, error)) ([]room.Fate, error) {
	fates := make([]room.Fate, len(b.Entries))
	err := s.Write(ctx, func(tx *sql.Tx) error {
		for i := range b.Digests {
			if err := s.digests.Put(ctx, tx, &b.Digests[i]); err != nil {
				return err
			}
		}
		moves, order := make(map[string]*move, len(b.Entries)), make([]string, 0, len(b.Entries))
		for i, e := range b.Entries {
			m := moves[e.Conversation]
			if m == nil {
				n, err := last(tx, e.Message)
				if err != nil {
					return err
				}
				m = &move{from: n, to: n}
				moves[e.Conversation], order = m, append(order, e.Conversation)
			}
			var err error
			if fates[i], err = insert(ctx, tx, e.Message, m.to+1); err != nil {
				return err
			}
			m.by(e, fates[i])
		}
		for _, conversation := range order {
			if err := moves[conversation].put(ctx, tx, conversation); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return fates, nil
}

// insert stores m under a number, or finds the one that has its client id.
func insert(ctx context.Context, tx *sql.Tx, m room.Message, seq int64) (room.Fate, error) {
	m.Seq = seq
	n, err := sqlitex.Exec(ctx, tx, `INSERT INTO messages (`+messageColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		m.Conversation, m.Seq, m.Sender, m.ClientID, m.Kind, m.Text, m.ReplyTo, m.Digest, m.At)
	if err != nil {
		missing := withHead(ctx, tx, &room.Conversation{ID: m.Conversation}) // what its reference refuses
		return room.Fate{}, cmp.Or(missing, err)
	}
	if n == 1 {
		return room.Fate{Message: m}, nil
	}
	known, err := sqlitex.Collect(ctx, tx, intoMessage, findMessage, m.Conversation, m.Sender, m.ClientID)
	if err == nil && len(known) == 0 {
		err = errStale // the number is taken
	}
	if err != nil {
		return room.Fate{}, err
	}
	return room.Fate{Message: known[0], Known: true}, nil
}

// move is what a batch does to a conversation's head.
type move struct {
	from, to int64
	lift     time.Time // zero where its place in the lists stays
}

func (m *move) by(e room.Entry, f room.Fate) {
	if f.Known {
		return
	}
	m.to++
	if e.Lift && e.At.After(m.lift) {
		m.lift = e.At
	}
}

// put writes the head. Where nothing was stored nothing changes.
func (m *move) put(ctx context.Context, tx *sql.Tx, conversation string) error {
	if m.to == m.from {
		return nil
	}
	n, err := sqlitex.Exec(ctx, tx, `UPDATE heads SET last_seq = ?, active_at = max(active_at, ?) WHERE conversation = ? AND last_seq = ?`, m.to, m.lift, conversation, m.from)
	if err == nil && n == 0 {
		err = errStale
	}
	if err != nil || m.lift.IsZero() {
		return err
	}
	_, err = sqlitex.Exec(ctx, tx, `UPDATE members SET active_at = ?1 WHERE conversation = ?2 AND active_at < ?1`, m.lift, conversation)
	return err
}

// Find implements room.Log.
func (s *Store) Find(ctx context.Context, conversation, sender, clientID string) (room.Message, bool, error) {
	known, err := sqlitex.Collect(ctx, s.Read(), intoMessage, findMessage, conversation, sender, clientID)
	if err != nil || len(known) == 0 {
		return room.Message{}, false, err
	}
	return known[0], true, nil
}

// Before implements room.Log.
func (s *Store) Before(ctx context.Context, conversation string, seq int64, limit int) ([]room.Message, error) {
	return sqlitex.Collect(ctx, s.Read(), intoMessage,
		`SELECT `+messageColumns+` FROM messages WHERE conversation = ? AND seq < ? ORDER BY seq DESC LIMIT ?`, conversation, seq, limit)
}

// After implements room.Log.
func (s *Store) After(ctx context.Context, conversation string, seq int64, limit int) ([]room.Message, error) {
	return sqlitex.Collect(ctx, s.Read(), intoMessage,
		`SELECT `+messageColumns+` FROM messages WHERE conversation = ? AND seq > ? ORDER BY seq LIMIT ?`, conversation, seq, limit)
}

func intoMessage(m *room.Message) []any {
	return []any{&m.Conversation, &m.Seq, &m.Sender, &m.ClientID, &m.Kind, &m.Text, &m.ReplyTo, &m.Digest, sqlitex.At(&m.At)}
}
