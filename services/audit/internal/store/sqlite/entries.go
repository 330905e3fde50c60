package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/openings"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

const rowColumns = `seq, stored_at, class, token, body, openings, signature, prev_hash, hash`

// Append is ledger.Store's. The head is compared in the same transaction, so the
// chain can't fork whoever else writes to the file; the rows are counted there as
// well, because a trigger in the file may swallow what is inserted.
func (s *Store) Append(ctx context.Context, at ledger.Head, rows []ledger.Row, sources map[string]record.Head) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		now, err := head(ctx, tx)
		if err != nil {
			return err
		}
		if now != at {
			return ledger.ErrMoved
		}
		if err := insert(ctx, tx, rows); err != nil {
			return err
		}
		for source, head := range sources {
			if _, err := tx.ExecContext(ctx, `INSERT INTO sources (source, n, hash) VALUES (?1, ?2, ?3) ON CONFLICT (source) DO UPDATE SET n = ?2, hash = ?3`, source, head.N, head.Hash[:]); err != nil {
				return err
			}
		}
		last := rows[len(rows)-1]
		if _, err := tx.ExecContext(ctx, `UPDATE sources_seq SET seq = ?`, last.Seq); err != nil {
			return err
		}
		return readBack(ctx, tx, at, rows)
	})
}

const (
	// manyRows go into one statement: 10 % more events a second than one by one.
	manyRows  = 50
	insertRow = `(?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertOne = `INSERT INTO entries (` + rowColumns + `) VALUES ` + insertRow
)

var insertMany = insertOne + strings.Repeat(`, `+insertRow, manyRows-1)

func insert(ctx context.Context, tx *sql.Tx, rows []ledger.Row) error {
	var args [9 * manyRows]any
	for len(rows) > 0 {
		n, statement := 1, insertOne
		if len(rows) >= manyRows {
			n, statement = manyRows, insertMany
		}
		list := args[:0]
		for i := range n {
			r := &rows[i]
			list = append(list, r.Seq, sqlitex.Millis(r.StoredAt),
				string(r.Class), blobOf(r.Token), r.Body, blobOf(r.Openings), blobOf(r.Signature), r.PrevHash[:], r.Hash[:])
		}
		if _, err := tx.ExecContext(ctx, statement, list...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// readBack counts the rows behind at, and compares what they hold.
func readBack(ctx context.Context, tx *sql.Tx, at ledger.Head, rows []ledger.Row) error {
	var n, bytes, written int64
	var hash []byte
	last := rows[len(rows)-1]
	err := tx.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(bytes), 0), (SELECT hash FROM entries WHERE seq = ?3)
		FROM (SELECT length(body) + length(openings) + length(signature) AS bytes FROM entries WHERE seq > ?1 ORDER BY seq LIMIT ?2)`, at.Seq, len(rows)+1, last.Seq).Scan(&n, &bytes, &hash)
	if err != nil {
		return err
	}
	for _, r := range rows {
		written += int64(len(r.Body) + len(r.Openings) + len(r.Signature))
	}
	if n != int64(len(rows)) || bytes != written || string(hash) != string(last.Hash[:]) {
		return ledger.ErrSwallowed.WithCause(fmt.Errorf("%d of %d rows are there: look for triggers with: centinela audit verify", n, len(rows)))
	}
	return nil
}

// blobOf keeps nothing as an empty blob: NULL is no value of these columns.
func blobOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// reads is what a store and a reader have in common.
type reads struct{ from querier }

// Head is ledger.Store's.
func (r reads) Head(ctx context.Context) (ledger.Head, error) { return head(ctx, r.from) }

// Rows is ledger.Reader's.
func (r reads) Rows(ctx context.Context, from int64, limit int) ([]ledger.Row, error) {
	return rows(ctx, r.from, `WHERE seq >= ? ORDER BY seq LIMIT ?`, from, limit)
}

// PersonRows is ledger.Store's; the second condition is what the partial index
// needs to be used. The classes are few, so all of them are read one by one.
func (s *Store) PersonRows(ctx context.Context, token []byte, class record.Class, before int64, limit int) ([]ledger.Row, error) {
	if class != "" {
		return rows(ctx, s.Read(), `WHERE token = ? AND token <> x'' AND class = ? AND seq < ? ORDER BY seq DESC LIMIT ?`, token, string(class), before, limit)
	}
	var pages [][]ledger.Row
	for _, class := range record.Classes() {
		page, err := s.PersonRows(ctx, token, class, before, limit)
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
	return ledger.MergeNewest(limit, pages...), nil
}

// Sources is ledger.Reader's.
func (r reads) Sources(ctx context.Context) (map[string]record.Head, int64, error) {
	type row struct {
		source string
		head   record.Head
		hash   []byte
		upTo   int64
	}
	// In one statement, so that all are of the same moment.
	rows, err := sqlitex.Collect(ctx, r.from, func(v *row) []any { return []any{&v.source, &v.head.N, &v.hash, &v.upTo} },
		`SELECT coalesce(source, ''), coalesce(n, 0), coalesce(hash, x''), seq FROM (SELECT coalesce(max(seq), 0) AS seq FROM sources_seq) LEFT JOIN sources`)
	heads, upTo := make(map[string]record.Head), int64(0)
	for _, v := range rows {
		copy(v.head.Hash[:], v.hash) // one of another length is not the one of any log
		heads[v.source], upTo = v.head, v.upTo
	}
	delete(heads, "") // there is none
	return heads, upTo, err
}

// Heads is how far the record in db has each source's log.
func Heads(ctx context.Context, db *sqlitex.DB) (map[string]record.Head, error) {
	heads, _, err := reads{db.Read()}.Sources(ctx)
	return heads, err
}

type querier interface {
	sqlitex.Querier
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

func rows(ctx context.Context, q querier, where string, args ...any) (found []ledger.Row, err error) {
	cursor, err := q.QueryContext(ctx, `SELECT `+rowColumns+` FROM entries `+where, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, cursor.Close()) }()
	for cursor.Next() {
		r, err := scanRow(cursor)
		if err != nil {
			return found, &ledger.DamagedError{Seq: r.Seq, Err: err}
		}
		found = append(found, r)
	}
	return found, cursor.Err()
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

// scanRow gives at least the seq of a row that is none.
func scanRow(cursor *sql.Rows) (ledger.Row, error) {
	var r ledger.Row
	var storedAt int64
	var prev, hash blob
	err := cursor.Scan(&r.Seq, &storedAt, (*text)(&r.Class), (*blob)(&r.Token), (*blob)(&r.Body), (*blob)(&r.Openings), (*blob)(&r.Signature), &prev, &hash)
	if err != nil {
		return r, err
	}
	if len(prev) != len(r.PrevHash) || len(hash) != len(r.Hash) {
		return r, fmt.Errorf("a hash of %d or %d bytes", len(prev), len(hash))
	}
	r.StoredAt, r.PrevHash, r.Hash = sqlitex.FromMillis(storedAt), record.Hash(prev), record.Hash(hash)
	return r, nil
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

// PersonKey is openings.Reader's.
func (r reads) PersonKey(ctx context.Context, token openings.Token) ([]byte, error) {
	return personKey(ctx, r.from, token)
}

// AddPersonKey is openings.Store's.
func (s *Store) AddPersonKey(ctx context.Context, token openings.Token, wrapped []byte) (kept []byte, err error) {
	err = s.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO people (token, wrapped) VALUES (?, ?) ON CONFLICT (token) DO NOTHING`, token[:], wrapped); err != nil {
			return err
		}
		kept, err = personKey(ctx, tx, token)
		return err
	})
	return kept, err
}

// ErasePersonKey is openings.Store's. What was deleted is overwritten in the file:
// nobody finds the key in a page that isn't used any more.
func (s *Store) ErasePersonKey(ctx context.Context, token openings.Token) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `PRAGMA secure_delete = ON`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO people (token, wrapped) VALUES (?, x'') ON CONFLICT (token) DO UPDATE SET wrapped = x''`, token[:])
		return err
	})
}

func personKey(ctx context.Context, q querier, token openings.Token) (wrapped []byte, err error) {
	err = q.QueryRowContext(ctx, `SELECT wrapped FROM people WHERE token = ?`, token[:]).Scan(&wrapped)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, openings.ErrNoKey
	case err == nil && len(wrapped) == 0:
		return nil, openings.ErrErased
	}
	return wrapped, err
}
