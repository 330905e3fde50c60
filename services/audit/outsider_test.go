package audit_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	_ "modernc.org/sqlite" // the driver: the file is opened as anybody could
)

// sqliteOutsider has the database file.
type sqliteOutsider struct {
	t    *testing.T
	path string
	file []byte // as audit left it
	cols []string
}

func newSQLiteOutsider(t *testing.T, p place) *sqliteOutsider {
	t.Helper()
	o := &sqliteOutsider{t: t, path: filepath.Join(p.store.Dir, "audit.db")}
	o.exec("VACUUM")
	o.query(`SELECT name FROM pragma_table_info('entries')`, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		o.cols = append(o.cols, name)
		return err
	})
	var err error
	if o.file, err = os.ReadFile(o.path); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *sqliteOutsider) open() *sql.DB {
	o.t.Helper()
	db, err := sql.Open("sqlite", o.path)
	if err != nil {
		o.t.Fatal(err)
	}
	return db
}

// exec leaves everything in the file itself: the last connection to close takes the log in.
func (o *sqliteOutsider) exec(statements ...string) {
	o.t.Helper()
	db := o.open()
	defer db.Close() //nolint:errcheck // what it did is verified
	for _, statement := range statements {
		if _, err := db.ExecContext(o.t.Context(), statement); err != nil {
			o.t.Fatalf("%s: %v", statement, err)
		}
	}
}

func (o *sqliteOutsider) query(query string, each func(*sql.Rows) error) {
	o.t.Helper()
	db := o.open()
	defer db.Close() //nolint:errcheck // nothing was written
	rows, err := db.QueryContext(o.t.Context(), query)
	if err != nil {
		o.t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // read to the end
	for rows.Next() {
		if err := each(rows); err != nil {
			o.t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		o.t.Fatal(err)
	}
}

func (o *sqliteOutsider) columns() []string { return o.cols }

func (o *sqliteOutsider) flip(seq int, column string) {
	o.t.Helper()
	if column == "seq" { // a bit that makes no number that another row has
		o.exec(fmt.Sprintf(`UPDATE entries SET seq = seq + 64 WHERE seq = %d`, seq))
		return
	}
	var value any
	o.query(fmt.Sprintf(`SELECT %s FROM entries WHERE seq = %d`, column, seq), func(rows *sql.Rows) error { return rows.Scan(&value) })
	var flipped string
	switch v := value.(type) {
	case int64:
		flipped = fmt.Sprint(v ^ 1)
	case string:
		b := []byte(v)
		b[len(b)/2] ^= 1
		flipped = fmt.Sprintf("CAST(x'%x' AS TEXT)", b)
	case []byte:
		b := bytes.Clone(v)
		b[len(b)/2] ^= 1
		flipped = fmt.Sprintf("x'%x'", b)
	default:
		o.t.Fatalf("%s is a %T", column, value)
	}
	o.exec(fmt.Sprintf(`UPDATE entries SET %s = %s WHERE seq = %d`, column, flipped, seq))
}

func (o *sqliteOutsider) remove(seqs ...int) {
	o.t.Helper()
	o.exec(fmt.Sprintf(`DELETE FROM entries WHERE seq IN (%s)`, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(seqs)), ","), "[]")))
}

func (o *sqliteOutsider) swap(a, b int) {
	o.t.Helper()
	set := func(from, to int) string { return fmt.Sprintf(`UPDATE entries SET seq = %d WHERE seq = %d`, to, from) }
	o.exec(set(a, -1), set(b, a), set(-1, b))
}

func (o *sqliteOutsider) cunning() map[string]func(int) {
	data := func(from, to string) func(int) {
		return func(seq int) {
			o.exec(fmt.Sprintf(`UPDATE entries SET data = replace(data, '%s', '%s') WHERE seq = %d`, from, to, seq))
		}
	}
	return map[string]func(int){
		"data with a blank":          data(`":"`, `": "`),
		"a letter of data escaped":   data(`password`, `p\u0061ssword`),
		"a bit of an escape in data": data(`\u003c`, `\u003C`),
		"data in another order": func(seq int) {
			o.exec(fmt.Sprintf(`UPDATE entries SET data = json_object('method', data->>'method', 'client', data->>'client') WHERE seq = %d`, seq))
		},
	}
}

func (o *sqliteOutsider) write(body []byte) {
	o.t.Helper()
	for _, end := range []string{"-wal", "-shm"} {
		if err := os.RemoveAll(o.path + end); err != nil {
			o.t.Fatal(err)
		}
	}
	if err := os.WriteFile(o.path, body, 0o600); err != nil {
		o.t.Fatal(err)
	}
}

func (o *sqliteOutsider) restore() { o.write(o.file) }

// rowInFile finds where the values of a row begin (VACUUM leaves copies in pages that are used no more) and how many
// bytes they are.
func (o *sqliteOutsider) rowInFile(seq int) (starts []int, length int) {
	o.t.Helper()
	var event, middle string
	var rest int
	o.query(fmt.Sprintf(`SELECT id, service || action || outcome || account, length(CAST(session || target || address || device || user_agent || request_id || reason || data AS BLOB))
		FROM entries WHERE seq = %d`, seq), func(rows *sql.Rows) error { return rows.Scan(&event, &middle, &rest) })
	const millis, hash = 6, 32 // bytes of a time of our days, and of a hash
	for i := range o.file {
		if bytes.HasPrefix(o.file[i:], []byte(event)) && bytes.HasPrefix(o.file[min(i+len(event)+millis, len(o.file)):], []byte(middle)) {
			starts = append(starts, i)
		}
	}
	if len(starts) == 0 {
		o.t.Fatalf("row %d is not in the file", seq)
	}
	return starts, len(event) + millis + len(middle) + rest + 2*hash + millis
}

// mongoOutsider has the database.
type mongoOutsider struct {
	t       *testing.T
	entries *mongo.Collection
	docs    []bson.D // as audit left them; _id is 1 to 12
}

func newMongoOutsider(t *testing.T, p place) *mongoOutsider {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(p.store.URI.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
	})
	o := &mongoOutsider{t: t, entries: client.Database(p.store.Database).Collection("entries")}
	found, err := o.entries.Find(t.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		t.Fatal(err)
	}
	if err := found.All(t.Context(), &o.docs); err != nil || len(o.docs) != seeded {
		t.Fatalf("%d documents, %v", len(o.docs), err)
	}
	return o
}

func (o *mongoOutsider) columns() []string {
	var names []string
	for _, field := range o.docs[0] {
		names = append(names, field.Key)
	}
	return names
}

// put stores a document instead of the one at seq.
func (o *mongoOutsider) put(seq int, doc bson.D) {
	o.t.Helper()
	o.remove(seq)
	if _, err := o.entries.InsertOne(o.t.Context(), doc); err != nil {
		o.t.Fatal(err)
	}
}

// with is a copy of the document at seq with one field changed.
func (o *mongoOutsider) with(seq int, column string, change func(any) any) bson.D {
	doc := slices.Clone(o.docs[seq-1])
	for i := range doc {
		if doc[i].Key == column {
			doc[i].Value = change(doc[i].Value)
		}
	}
	return doc
}

func (o *mongoOutsider) flip(seq int, column string) {
	o.t.Helper()
	o.put(seq, o.with(seq, column, func(value any) any {
		switch v := value.(type) {
		case int64:
			return v ^ 64 // a bit that makes no number that another document has
		case string:
			b := []byte(v)
			b[len(b)/2] ^= 1
			return string(b)
		case bson.DateTime:
			return v ^ 1
		case bson.Binary:
			v.Data = bytes.Clone(v.Data)
			v.Data[len(v.Data)/2] ^= 1
			return v
		case bson.A:
			pair := slices.Clone(v[0].(bson.D))
			pair[1].Value = pair[1].Value.(string) + "x"
			return append(bson.A{pair}, v[1:]...)
		}
		o.t.Fatalf("%s is a %T", column, value)
		return nil
	}))
}

func (o *mongoOutsider) remove(seqs ...int) {
	o.t.Helper()
	if _, err := o.entries.DeleteMany(o.t.Context(), bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: seqs}}}}); err != nil {
		o.t.Fatal(err)
	}
}

func (o *mongoOutsider) swap(a, b int) {
	o.t.Helper()
	number := func(seq int) func(any) any { return func(any) any { return int64(seq) } }
	o.remove(a, b)
	if _, err := o.entries.InsertMany(o.t.Context(), []bson.D{o.with(a, "_id", number(b)), o.with(b, "_id", number(a))}); err != nil {
		o.t.Fatal(err)
	}
}

func (o *mongoOutsider) cunning() map[string]func(int) {
	return map[string]func(int){
		"data in another order": func(seq int) {
			o.put(seq, o.with(seq, "data", func(v any) any { return bson.A{v.(bson.A)[1], v.(bson.A)[0]} }))
		},
		"a pair of data with a field more": func(seq int) {
			o.put(seq, o.with(seq, "data", func(v any) any {
				return append(bson.A{append(slices.Clone(v.(bson.A)[0].(bson.D)), bson.E{Key: "w", Value: "hidden"})}, v.(bson.A)[1:]...)
			}))
		},
		"a field more": func(seq int) {
			o.put(seq, append(slices.Clone(o.docs[seq-1]), bson.E{Key: "note", Value: "hidden"}))
		},
		"the time as a number": func(seq int) {
			o.put(seq, o.with(seq, "time", func(v any) any { return int64(v.(bson.DateTime)) }))
		},
		"the time as a text": func(seq int) {
			o.put(seq, o.with(seq, "time", func(v any) any { return v.(bson.DateTime).Time().UTC().Format(time.RFC3339Nano) }))
		},
		"the number as a double": func(seq int) {
			o.put(seq, o.with(seq, "_id", func(any) any { return float64(seq) }))
		},
	}
}

func (o *mongoOutsider) restore() {
	o.t.Helper()
	if _, err := o.entries.DeleteMany(o.t.Context(), bson.D{}); err != nil {
		o.t.Fatal(err)
	}
	if _, err := o.entries.InsertMany(o.t.Context(), o.docs); err != nil {
		o.t.Fatal(err)
	}
}
