package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"centinela/services/audit/internal/ledger"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

const entryColumns = `seq, id, time, service, action, outcome, account, session, target, address, device, user_agent, request_id, reason, data, prev_hash, hash, stored_at`

const insertEntry = `INSERT INTO entries (` + entryColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`

// Append is ledger.Store's. The head is read in the same transaction, so the
// chain can't fork whoever else writes to the file.
func (s *Store) Append(ctx context.Context, events []record.Event, link func(ledger.Head, record.Event) (ledger.Entry, error)) ([]ledger.Entry, error) {
	if len(events) == 0 {
		return nil, nil
	}
	var added []ledger.Entry
	err := s.Write(ctx, func(tx *sql.Tx) (err error) {
		added = nil
		at, err := head(ctx, tx)
		if err != nil {
			return err
		}
		insert, err := tx.PrepareContext(ctx, insertEntry)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, insert.Close()) }()
		for _, event := range events {
			entry, err := link(at, event)
			if err != nil {
				return err
			}
			fresh, err := addEntry(ctx, insert, entry)
			if err != nil {
				return err
			}
			if fresh {
				added = append(added, entry)
				at = ledger.Head{Seq: entry.Seq, Hash: entry.Hash}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return added, nil
}

func addEntry(ctx context.Context, insert *sql.Stmt, e ledger.Entry) (fresh bool, err error) {
	data, err := encodeData(e.Event.Data)
	if err != nil {
		return false, err
	}
	v := e.Event
	result, err := insert.ExecContext(ctx, e.Seq, v.ID, sqlitex.Millis(v.Time), v.Service, v.Action, v.Outcome, v.Account, v.Session,
		v.Target, v.Address, v.Device, v.UserAgent, v.RequestID, v.Reason, data, e.PrevHash[:], e.Hash[:], sqlitex.Millis(e.StoredAt))
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// encodeData gives one form only for the same data.
func encodeData(data map[string]string) (string, error) {
	if len(data) == 0 {
		return "{}", nil
	}
	body, err := json.Marshal(data)
	return string(body), err
}

// Head is ledger.Store's.
func (s *Store) Head(ctx context.Context) (ledger.Head, error) { return head(ctx, s.Read()) }

// Entries is ledger.Store's.
func (s *Store) Entries(ctx context.Context, from int64, limit int) ([]ledger.Entry, error) {
	return entries(ctx, s.Read(), `WHERE seq >= ? ORDER BY seq LIMIT ?`, from, limit)
}

// AccountEntries is ledger.Store's; the second condition is what the partial
// index needs to be used.
func (s *Store) AccountEntries(ctx context.Context, account string, before int64, limit int) ([]ledger.Entry, error) {
	return entries(ctx, s.Read(), `WHERE account = ? AND account <> '' AND seq < ? ORDER BY seq DESC LIMIT ?`, account, before, limit)
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func head(ctx context.Context, q querier) (ledger.Head, error) {
	var at ledger.Head
	var hash []byte
	err := q.QueryRowContext(ctx, `SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1`).Scan(&at.Seq, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return ledger.Head{}, nil
	}
	if err != nil {
		return ledger.Head{}, err
	}
	copy(at.Hash[:], hash) // one of another length was altered, and fits nothing that follows
	return at, nil
}

func entries(ctx context.Context, q querier, where string, args ...any) (found []ledger.Entry, err error) {
	rows, err := q.QueryContext(ctx, `SELECT `+entryColumns+` FROM entries `+where, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return found, &ledger.DamagedError{Seq: e.Seq, Err: err}
		}
		found = append(found, e)
	}
	return found, rows.Err()
}

// text and blob take values of their own type only: a row whose types were
// altered in the file is not the row that was written.
type (
	text string
	blob []byte
)

// Scan is sql.Scanner's.
func (t *text) Scan(value any) error {
	s, ok := value.(string)
	if !ok {
		return fmt.Errorf("a text of type %T", value)
	}
	*t = text(s)
	return nil
}

// Scan is sql.Scanner's.
func (b *blob) Scan(value any) error {
	raw, ok := value.([]byte)
	if !ok {
		return fmt.Errorf("bytes of type %T", value)
	}
	*b = bytes.Clone(raw)
	return nil
}

// scanEntry gives at least the seq of a row that is no entry. It takes a row
// only in the form in which addEntry writes it: data in another spelling hashes
// like the original.
func scanEntry(rows *sql.Rows) (ledger.Entry, error) {
	var e ledger.Entry
	var at, storedAt int64
	var data text
	var prev, hash blob
	v := &e.Event
	err := rows.Scan(&e.Seq, (*text)(&v.ID), &at, (*text)(&v.Service), (*text)(&v.Action), (*text)(&v.Outcome), (*text)(&v.Account),
		(*text)(&v.Session), (*text)(&v.Target), (*text)(&v.Address), (*text)(&v.Device), (*text)(&v.UserAgent), (*text)(&v.RequestID),
		(*text)(&v.Reason), &data, &prev, &hash, &storedAt)
	if err != nil {
		return e, err
	}
	if len(prev) != len(e.PrevHash) || len(hash) != len(e.Hash) {
		return e, fmt.Errorf("a hash of %d or %d bytes", len(prev), len(hash))
	}
	if data != "{}" {
		if err := json.Unmarshal([]byte(data), &v.Data); err != nil {
			return e, fmt.Errorf("data: %w", err)
		}
		if again, err := encodeData(v.Data); err != nil || again != string(data) {
			return e, errors.New("data: not in the form in which it is written")
		}
	}
	v.Time, e.StoredAt = sqlitex.FromMillis(at), sqlitex.FromMillis(storedAt)
	e.PrevHash, e.Hash = ledger.Hash(prev), ledger.Hash(hash)
	return e, nil
}

// FollowerCursor is ledger.Store's.
func (s *Store) FollowerCursor(ctx context.Context, name string) (int64, error) {
	var seq int64
	err := s.Read().QueryRowContext(ctx, `SELECT seq FROM followers WHERE name = ?`, name).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return seq, err
}

// SaveFollowerCursor is ledger.Store's.
func (s *Store) SaveFollowerCursor(ctx context.Context, name string, seq int64) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO followers (name, seq) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET seq = excluded.seq`, name, seq)
		return err
	})
}
