package audit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	_ "modernc.org/sqlite" // the driver: the file is opened as anybody could

	"centinela/services/audit/internal/ledger"
	"centinela/shared/module"
	"centinela/shared/record"
)

// outsider changes a stopped audit's store by hand, with the means that the machine's owner has.
type outsider interface {
	rows() []ledger.Row
	put(rows []ledger.Row) // in the place of all
	sources() map[string]record.Head
	setSources(heads map[string]record.Head)
	people() map[string][]byte // wrapped keys by token
	setPeople(keys map[string][]byte)
	columns() []string
	flip(seq int, column string)       // one bit of the value
	cunning() map[string]func(seq int) // changes that leave every value as it was
	restore()
}

func newOutsider(t *testing.T, p place) outsider {
	t.Helper()
	if p.store.Engine == module.EngineMongoDB {
		return newMongoOutsider(t, p)
	}
	return newSQLiteOutsider(t, p)
}

// rehash gives rows the hashes that fit them, each bound to the one before: what audit does is no secret.
func rehash(rows []ledger.Row) []ledger.Row {
	var prev record.Hash
	for i := range rows {
		r := &rows[i]
		r.Seq, r.PrevHash = int64(i)+1, prev
		sum := sha256.New()
		sum.Write(prev[:])
		for _, n := range []int64{r.Seq, r.StoredAt.UnixMilli(), int64(len(r.Body)), int64(len(r.Token))} {
			_ = binary.Write(sum, binary.BigEndian, n) // a hash takes all
		}
		sum.Write(slices.Concat(r.Body, r.Token, r.Signature))
		r.Hash = record.Hash(sum.Sum(nil))
		prev = r.Hash
	}
	return rows
}

func (p place) database() string { return filepath.Join(p.store.Dir, "audit.db") }

// sqliteOutsider has the database file.
type sqliteOutsider struct {
	t    *testing.T
	path string
	file []byte // as audit left it
}

func newSQLiteOutsider(t *testing.T, p place) *sqliteOutsider {
	t.Helper()
	o := &sqliteOutsider{t: t, path: p.database()}
	o.exec("VACUUM")
	var err error
	if o.file, err = os.ReadFile(o.path); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *sqliteOutsider) open() *sql.DB {
	o.t.Helper()
	db, err := sql.Open("sqlite", "file:"+o.path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		o.t.Fatal(err)
	}
	return db
}

// exec leaves everything in the file itself: the last connection to close takes the log in.
func (o *sqliteOutsider) exec(statement string, args ...any) {
	o.t.Helper()
	db := o.open()
	defer db.Close() //nolint:errcheck // what it did is verified
	if _, err := db.ExecContext(o.t.Context(), statement, args...); err != nil {
		o.t.Fatalf("%s: %v", statement, err)
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

func (o *sqliteOutsider) rows() (all []ledger.Row) {
	o.query(`SELECT seq, stored_at, class, token, body, openings, signature, prev_hash, hash FROM entries ORDER BY seq`, func(rows *sql.Rows) error {
		var r ledger.Row
		var at int64
		var prev, hash []byte
		err := rows.Scan(&r.Seq, &at, &r.Class, &r.Token, &r.Body, &r.Openings, &r.Signature, &prev, &hash)
		r.StoredAt = time.UnixMilli(at).UTC()
		copy(r.PrevHash[:], prev)
		copy(r.Hash[:], hash)
		all = append(all, r)
		return err
	})
	return all
}

func (o *sqliteOutsider) put(rows []ledger.Row) {
	o.t.Helper()
	o.exec(`DELETE FROM entries`)
	for _, r := range rows {
		o.exec(`INSERT INTO entries (seq, stored_at, class, token, body, openings, signature, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			r.Seq, r.StoredAt.UnixMilli(), string(r.Class), some(r.Token), r.Body, some(r.Openings), some(r.Signature), r.PrevHash[:], r.Hash[:])
	}
}

// some is no NULL.
func some(b []byte) []byte { return append([]byte{}, b...) }

func (o *sqliteOutsider) sources() map[string]record.Head {
	heads := map[string]record.Head{}
	o.query(`SELECT source, n, hash FROM sources`, func(rows *sql.Rows) error {
		var name string
		var head record.Head
		var hash []byte
		err := rows.Scan(&name, &head.N, &hash)
		copy(head.Hash[:], hash)
		heads[name] = head
		return err
	})
	return heads
}

func (o *sqliteOutsider) setSources(heads map[string]record.Head) {
	o.exec(`DELETE FROM sources`)
	for name, head := range heads {
		o.exec(`INSERT INTO sources (source, n, hash) VALUES (?, ?, ?)`, name, head.N, head.Hash[:])
	}
}

func (o *sqliteOutsider) people() map[string][]byte {
	keys := map[string][]byte{}
	o.query(`SELECT token, wrapped FROM people`, func(rows *sql.Rows) error {
		var token, wrapped []byte
		err := rows.Scan(&token, &wrapped)
		keys[string(token)] = wrapped
		return err
	})
	return keys
}

func (o *sqliteOutsider) setPeople(keys map[string][]byte) {
	o.exec(`DELETE FROM people`)
	for token, wrapped := range keys {
		o.exec(`INSERT INTO people (token, wrapped) VALUES (?, ?)`, []byte(token), wrapped)
	}
}

func (o *sqliteOutsider) columns() (names []string) {
	o.query(`SELECT name FROM pragma_table_info('entries')`, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		names = append(names, name)
		return err
	})
	return names
}

func (o *sqliteOutsider) flip(seq int, column string) {
	o.t.Helper()
	if column == "seq" { // a bit that makes no number that another row has
		o.exec(`UPDATE entries SET seq = seq + 64 WHERE seq = ?`, seq)
		return
	}
	var value any
	o.query(fmt.Sprintf(`SELECT %s FROM entries WHERE seq = %d`, column, seq), func(rows *sql.Rows) error { return rows.Scan(&value) })
	switch v := value.(type) {
	case int64:
		value = v ^ 1
	case string:
		value = string(flipped([]byte(v)))
	case []byte:
		value = flipped(v)
	default:
		o.t.Fatalf("%s is a %T", column, value)
	}
	o.exec(fmt.Sprintf(`UPDATE entries SET %s = ? WHERE seq = ?`, column), value, seq)
}

func flipped(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)/2] ^= 1
	return b
}

// cunning: SQLite's schema keeps the types; what is left is another spelling of the same envelope.
func (o *sqliteOutsider) cunning() map[string]func(int) {
	body := func(from, to string) func(int) {
		return func(seq int) {
			o.exec(`UPDATE entries SET body = CAST(replace(CAST(body AS TEXT), ?, ?) AS BLOB) WHERE seq = ?`, from, to, seq)
		}
	}
	return map[string]func(int){
		"a blank in the body":        body(`":"`, `": "`),
		"a letter of it escaped":     body(`password`, `p\u0061ssword`),
		"its members in other order": body(`"v":2}`, `"v":2,"w":0}`),
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
// bytes they are: from the token to the hash, as the columns stand.
func (o *sqliteOutsider) rowInFile(seq int) (starts []int, length int) {
	o.t.Helper()
	r := o.rows()[seq-1]
	whole := slices.Concat(r.Token, r.Body, r.Openings, r.Signature, r.PrevHash[:], r.Hash[:])
	for i := range o.file {
		if bytes.HasPrefix(o.file[i:], whole) {
			starts = append(starts, i)
		}
	}
	if len(starts) == 0 {
		o.t.Fatalf("row %d is not in the file", seq)
	}
	return starts, len(whole)
}

// mongoOutsider has the database.
type mongoOutsider struct {
	t    *testing.T
	db   *mongo.Database
	docs map[string][]bson.D // as audit left them
}

var mongoCollections = []string{"entries", "sources", "people"}

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
	o := &mongoOutsider{t: t, db: client.Database(p.store.Database), docs: map[string][]bson.D{}}
	for _, name := range mongoCollections {
		o.docs[name] = o.all(name)
	}
	return o
}

func (o *mongoOutsider) all(name string) (docs []bson.D) {
	o.t.Helper()
	found, err := o.db.Collection(name).Find(o.t.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		o.t.Fatal(err)
	}
	if err := found.All(o.t.Context(), &docs); err != nil {
		o.t.Fatal(err)
	}
	return docs
}

// set stores documents instead of all that there are.
func (o *mongoOutsider) set(name string, docs []bson.D) {
	o.t.Helper()
	if _, err := o.db.Collection(name).DeleteMany(o.t.Context(), bson.D{}); err != nil {
		o.t.Fatal(err)
	}
	if len(docs) == 0 {
		return
	}
	if _, err := o.db.Collection(name).InsertMany(o.t.Context(), docs); err != nil {
		o.t.Fatal(err)
	}
}

func field(doc bson.D, name string) any {
	for _, e := range doc {
		if e.Key == name {
			return e.Value
		}
	}
	return nil
}

func bytesOf(doc bson.D, name string) []byte {
	b, _ := field(doc, name).(bson.Binary)
	return b.Data
}

func (o *mongoOutsider) rows() (all []ledger.Row) {
	for _, doc := range o.all("entries") {
		r := ledger.Row{
			Seq: field(doc, "_id").(int64), StoredAt: field(doc, "stored_at").(bson.DateTime).Time().UTC(), Class: record.Class(field(doc, "class").(string)),
			Token: bytesOf(doc, "token"), Body: bytesOf(doc, "body"), Openings: bytesOf(doc, "openings"), Signature: bytesOf(doc, "signature"),
		}
		copy(r.PrevHash[:], bytesOf(doc, "prev_hash"))
		copy(r.Hash[:], bytesOf(doc, "hash"))
		all = append(all, r)
	}
	return all
}

func (o *mongoOutsider) put(rows []ledger.Row) {
	docs := make([]bson.D, len(rows))
	for i, r := range rows {
		doc := bson.D{{Key: "_id", Value: r.Seq}, {Key: "stored_at", Value: r.StoredAt}, {Key: "class", Value: string(r.Class)}}
		for _, f := range []struct {
			name  string
			value []byte
			must  bool
		}{
			{"token", r.Token, false},
			{"body", r.Body, true},
			{"openings", r.Openings, false},
			{"signature", r.Signature, false},
			{"prev_hash", r.PrevHash[:], true},
			{"hash", r.Hash[:], true},
		} {
			if f.must || len(f.value) > 0 {
				doc = append(doc, bson.E{Key: f.name, Value: f.value})
			}
		}
		docs[i] = doc
	}
	o.set("entries", docs)
}

func (o *mongoOutsider) sources() map[string]record.Head {
	heads := map[string]record.Head{}
	for _, doc := range o.all("sources") {
		if name := field(doc, "_id").(string); name != "seq" {
			head := record.Head{N: field(doc, "n").(int64)}
			copy(head.Hash[:], bytesOf(doc, "hash"))
			heads[name] = head
		}
	}
	return heads
}

func (o *mongoOutsider) setSources(heads map[string]record.Head) {
	docs := slices.DeleteFunc(o.all("sources"), func(doc bson.D) bool { return field(doc, "_id") != "seq" })
	for name, head := range heads {
		docs = append(docs, bson.D{{Key: "_id", Value: name}, {Key: "n", Value: head.N}, {Key: "hash", Value: head.Hash[:]}})
	}
	o.set("sources", docs)
}

func (o *mongoOutsider) people() map[string][]byte {
	keys := map[string][]byte{}
	for _, doc := range o.all("people") {
		keys[string(bytesOf(doc, "_id"))] = bytesOf(doc, "wrapped")
	}
	return keys
}

func (o *mongoOutsider) setPeople(keys map[string][]byte) {
	var docs []bson.D
	for token, wrapped := range keys {
		docs = append(docs, bson.D{{Key: "_id", Value: []byte(token)}, {Key: "wrapped", Value: wrapped}})
	}
	o.set("people", docs)
}

func (o *mongoOutsider) columns() []string {
	var names []string
	for _, field := range o.docs["entries"][0] {
		names = append(names, field.Key)
	}
	return names
}

// change stores all entries with another one at seq.
func (o *mongoOutsider) change(seq int, change func(doc bson.D) bson.D) {
	docs := slices.Clone(o.docs["entries"])
	docs[seq-1] = change(slices.Clone(docs[seq-1]))
	o.set("entries", docs)
}

// with changes one field.
func with(column string, change func(any) any) func(bson.D) bson.D {
	return func(doc bson.D) bson.D {
		for i := range doc {
			if doc[i].Key == column {
				doc[i].Value = change(doc[i].Value)
			}
		}
		return doc
	}
}

func (o *mongoOutsider) flip(seq int, column string) {
	o.t.Helper()
	o.change(seq, with(column, func(value any) any {
		switch v := value.(type) {
		case int64:
			return v ^ 64 // a bit that makes no number that another document has
		case string:
			return string(flipped([]byte(v)))
		case bson.DateTime:
			return v ^ 1
		case bson.Binary:
			v.Data = flipped(v.Data)
			return v
		}
		o.t.Fatalf("%s is a %T", column, value)
		return nil
	}))
}

func (o *mongoOutsider) cunning() map[string]func(int) {
	by := func(change func(bson.D) bson.D) func(int) { return func(seq int) { o.change(seq, change) } }
	return map[string]func(int){
		"a field more":             by(func(doc bson.D) bson.D { return append(doc, bson.E{Key: "note", Value: "hidden"}) }),
		"fields in another order":  by(func(doc bson.D) bson.D { doc[1], doc[2] = doc[2], doc[1]; return doc }),
		"the time as a number":     by(with("stored_at", func(v any) any { return int64(v.(bson.DateTime)) })),
		"the body as a text":       by(with("body", func(v any) any { return string(v.(bson.Binary).Data) })),
		"bytes of another subtype": by(with("body", func(v any) any { return bson.Binary{Subtype: 0x80, Data: v.(bson.Binary).Data} })),
		"the number as a double":   func(seq int) { o.change(seq, with("_id", func(any) any { return float64(seq) })) },
	}
}

func (o *mongoOutsider) restore() {
	for _, name := range mongoCollections {
		o.set(name, o.docs[name])
	}
}
