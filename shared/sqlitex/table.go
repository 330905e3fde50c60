package sqlitex

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"centinela/shared/record"
)

// Layout says how a domain's type lies in a table: the whole value as JSON in the
// column body (TEXT NOT NULL), and beside it a copy of what is looked for.
type Layout[T any] struct {
	Table string
	// Shape is the number of the type's persisted form, 1 and up; each body begins
	// with it ("v"). T itself has no field of that name.
	Shape int
	// Columns are the lookup columns; the first is the primary key.
	Columns []string
	// Row gives their values in the same order; a time.Time becomes [Millis].
	Row func(*T) []any
	// Missing answers for a row that isn't there. With nil each key has a value, the
	// zero one at first, and Update adds the row; its change then sets the key, too.
	Missing error
}

// Table reads and writes the values of one table. It holds no state but its
// statements, so one a process serves every database.
type Table[T any] struct {
	layout                 Layout[T]
	get, insert, put, edit string
}

// NewTable prepares the statements of a layout.
func NewTable[T any](l Layout[T]) *Table[T] {
	key, columns := l.Columns[0], strings.Join(l.Columns, ", ")
	var changed, assigned []string
	for _, c := range l.Columns[1:] {
		changed = append(changed, c+" = excluded."+c)
		assigned = append(assigned, c+" = ?")
	}
	insert := fmt.Sprintf(`INSERT INTO %s (%s, body) VALUES (%s?)`, l.Table, columns, strings.Repeat("?, ", len(l.Columns)))
	return &Table[T]{
		layout: l,
		get:    fmt.Sprintf(`SELECT body FROM %s WHERE %s = ?`, l.Table, key),
		insert: insert,
		put:    fmt.Sprintf(`%s ON CONFLICT (%s) DO UPDATE SET %s`, insert, key, strings.Join(append(changed, "body = excluded.body"), ", ")),
		edit:   fmt.Sprintf(`UPDATE %s SET %s WHERE %s = ?`, l.Table, strings.Join(append(assigned, "body = ?"), ", "), key),
	}
}

// Get is the value of that key. Errors: the layout's Missing.
func (t *Table[T]) Get(ctx context.Context, q Querier, key string) (T, error) {
	return t.One(ctx, q, t.get, key)
}

// One is the first value of a query whose only column is a body. Errors: the
// layout's Missing.
func (t *Table[T]) One(ctx context.Context, q Querier, query string, args ...any) (v T, _ error) {
	all, err := t.List(ctx, q, query, args...)
	if err != nil {
		return v, err
	}
	if len(all) == 0 {
		return v, t.layout.Missing
	}
	return all[0], nil
}

// List is every value of a query whose only column is a body; nil without any.
func (t *Table[T]) List(ctx context.Context, q Querier, query string, args ...any) (all []T, _ error) {
	bodies, err := Column[[]byte](ctx, q, query, args...)
	if err != nil {
		return nil, err
	}
	for _, body := range bodies {
		var v T
		if err := t.decode(body, &v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// Insert adds v, and reports events with it. Errors: one that [IsUnique].
func (t *Table[T]) Insert(ctx context.Context, tx *sql.Tx, v *T, events ...record.Event) error {
	return t.write(ctx, tx, t.insert, v, events)
}

// Put adds v, or replaces the one of its key, and reports events with it. The
// violation of another unique column is an error that [IsUnique].
func (t *Table[T]) Put(ctx context.Context, tx *sql.Tx, v *T, events ...record.Event) error {
	return t.write(ctx, tx, t.put, v, events)
}

// Update lets change alter the value of that key and keeps it with the events
// that change returns. change must leave the key alone. Errors: the layout's
// Missing, change's own, as they are; nothing is kept then.
func (t *Table[T]) Update(ctx context.Context, tx *sql.Tx, key string, change func(*T) ([]record.Event, error)) error {
	v, err := t.Get(ctx, tx, key)
	if err != nil {
		return err
	}
	events, err := change(&v)
	if err != nil {
		return err
	}
	if t.layout.Missing == nil {
		return t.Put(ctx, tx, &v, events...)
	}
	body, err := t.encode(&v)
	if err != nil {
		return err
	}
	if _, err := Exec(ctx, tx, t.edit, append(t.layout.Row(&v)[1:], body, key)...); err != nil {
		return err
	}
	return AppendOutbox(tx, events...)
}

func (t *Table[T]) write(ctx context.Context, tx *sql.Tx, query string, v *T, events []record.Event) error {
	body, err := t.encode(v)
	if err != nil {
		return err
	}
	if _, err := Exec(ctx, tx, query, append(t.layout.Row(v), body)...); err != nil {
		return err
	}
	return AppendOutbox(tx, events...)
}

// encode writes the shape in front, where decode finds it without reading on.
func (t *Table[T]) encode(v *T) (string, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("%s: %w", t.layout.Table, err)
	}
	separator := ","
	if string(body) == "{}" {
		separator = ""
	}
	return shapeMark + strconv.Itoa(t.layout.Shape) + separator + string(body[1:]), nil
}

const shapeMark = `{"v":`

func (t *Table[T]) decode(body []byte, v *T) error {
	if shape := shapeOf(body); shape < 1 || shape > t.layout.Shape {
		return fmt.Errorf("%s: a body of shape %d, known are 1 to %d: a newer version of centinela wrote it, or it is damaged", t.layout.Table, shape, t.layout.Shape)
	}
	if err := json.Unmarshal(body, v); err != nil {
		// json's errors can quote what they read.
		return fmt.Errorf("%s: a body is damaged", t.layout.Table)
	}
	return nil
}

// shapeOf is the number behind the mark; 0 without one.
func shapeOf(body []byte) (shape int) {
	rest, ok := bytes.CutPrefix(body, []byte(shapeMark))
	for i := 0; ok && i < len(rest) && i < 9 && rest[i] >= '0' && rest[i] <= '9'; i++ {
		shape = 10*shape + int(rest[i]-'0')
	}
	return shape
}
