package mongox_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"centinela/shared/fault"
	"centinela/shared/mongox"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

// scripted is a server that speaks enough of the wire protocol for the driver (OP_MSG, and OP_QUERY of the first
// hello), and answers commands as the script says: what no server that can be had here does.
type scripted struct {
	t        *testing.T
	listener net.Listener

	mu     sync.Mutex
	script []answer // of the commands but hello, in order; the last one is repeated
	seen   []string
}

// answer is a command's reply; nil cuts the connection, after the command was read.
type answer bson.D

var good = answer{{Key: "ok", Value: 1}, {Key: "n", Value: 1}, {Key: "nModified", Value: 1}}

// found is the reply to a find, a listing or an aggregation.
func found(docs ...any) answer {
	return append(slices.Clone(good), bson.E{Key: "cursor", Value: bson.D{{Key: "id", Value: int64(0)}, {Key: "ns", Value: "x.y"}, {Key: "firstBatch", Value: append(bson.A{}, docs...)}}})
}

func commandError(code int, labels ...string) answer {
	return answer{{Key: "ok", Value: 0}, {Key: "code", Value: code}, {Key: "codeName", Value: "Scripted"}, {Key: "errmsg", Value: "scripted"}, {Key: "errorLabels", Value: labels}}
}

func writeError(code int) answer {
	return append(slices.Clone(good), bson.E{Key: "writeErrors", Value: bson.A{bson.D{{Key: "index", Value: 0}, {Key: "code", Value: code}, {Key: "errmsg", Value: "scripted"}}}})
}

func concernError(code int) answer {
	return append(slices.Clone(good), bson.E{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: code}, {Key: "codeName", Value: "Scripted"}, {Key: "errmsg", Value: "scripted"}}})
}

// follow is an open database whose server follows the script; seen tells the commands.
func follow(t *testing.T, script ...answer) (db *mongox.DB, seen func() []string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{t: t, listener: l, script: []answer{good, found(), found(bson.D{{Key: "edition", Value: 2}}), good}}
	go s.serve()
	db, err = mongox.Open(t.Context(), "mongodb://"+l.Addr().String()+"/?directConnection=true&heartbeatFrequencyMS=600000", "x", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.set(good)
		if err := db.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	s.set(script...)
	return db, func() []string { s.mu.Lock(); defer s.mu.Unlock(); return slices.Clone(s.seen) }
}

func (s *scripted) set(script ...answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script, s.seen = script, nil
}

func (s *scripted) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		go s.talk(conn)
	}
}

func (s *scripted) talk(conn net.Conn) {
	defer conn.Close()
	for {
		head := make([]byte, 16)
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		body := make([]byte, binary.LittleEndian.Uint32(head)-16)
		if _, err := io.ReadFull(conn, body); err != nil {
			return
		}
		reply, opcode := s.reply(body), uint32(2013)
		if reply == nil {
			return
		}
		doc, err := bson.Marshal(bson.D(reply))
		if err != nil {
			s.t.Error(err)
			return
		}
		prefix := make([]byte, 5)                          // flags, and a section of kind 0
		if binary.LittleEndian.Uint32(head[12:]) == 2004 { // OP_QUERY is answered by OP_REPLY
			opcode, prefix = 1, append(make([]byte, 16), 1, 0, 0, 0)
		}
		m := binary.LittleEndian.AppendUint32(nil, uint32(16+len(prefix)+len(doc)))
		m = append(m, 0, 0, 0, 0)
		m = append(append(m, head[4:8]...), binary.LittleEndian.AppendUint32(nil, opcode)...)
		if _, err := conn.Write(append(append(m, prefix...), doc...)); err != nil {
			return
		}
	}
}

func (s *scripted) reply(body []byte) answer {
	for _, hello := range []string{"isMaster\x00", "ismaster\x00", "hello\x00"} {
		if strings.Contains(string(body), hello) {
			address := s.listener.Addr().String()
			return answer{
				{Key: "ok", Value: 1},
				{Key: "isWritablePrimary", Value: true},
				{Key: "ismaster", Value: true},
				{Key: "helloOk", Value: true},
				{Key: "setName", Value: "rs0"},
				{Key: "hosts", Value: bson.A{address}},
				{Key: "me", Value: address},
				{Key: "minWireVersion", Value: 0},
				{Key: "maxWireVersion", Value: 21},
				{Key: "maxBsonObjectSize", Value: 16777216},
				{Key: "maxMessageSizeBytes", Value: 48000000},
				{Key: "maxWriteBatchSize", Value: 100000},
				{Key: "logicalSessionTimeoutMinutes", Value: 30},
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name, _, _ := strings.Cut(string(body[10:]), "\x00") // flags, kind, size, type, name
	if name == "endSessions" {
		return good
	}
	s.seen = append(s.seen, name)
	next := s.script[0]
	if len(s.script) > 1 {
		s.script = s.script[1:]
	}
	return next
}

func insert(db *mongox.DB) error {
	_, err := db.C("things").InsertOne(context.Background(), bson.D{{Key: "_id", Value: "a"}})
	return mongox.Wrap(err)
}

func find(db *mongox.DB) error {
	_, _, err := mongox.One[bson.M](context.Background(), db.C("things"), mongox.ByID("a"))
	return err
}

func update(db *mongox.DB) error {
	_, err := db.C("things").UpdateOne(context.Background(), mongox.ByID("a"), mongox.Set(bson.D{{Key: "n", Value: 1}}))
	return mongox.Wrap(err)
}

// unavailable wants a 503 with a Retry-After and nothing of the server's words.
func unavailable(t *testing.T, err error) {
	t.Helper()
	if f := fault.From(err); f == nil || f.Kind != fault.KindUnavailable || f.RetryAfter < time.Second || strings.Contains(f.Error(), "scripted") {
		t.Errorf("not unavailable, or without a Retry-After: %v, %v", err, errors.Unwrap(err))
	}
}

// MG W2: after each code that may pass, in a command's error, a write's or a write concern's, it is 503 and never 500;
// so it is with the labels by which a server says it itself.
func TestTransientCodes(t *testing.T) {
	codes := []int{6, 7, 63, 64, 89, 91, 112, 133, 134, 150, 189, 262, 365, 9001, 10058, 10107, 11600, 11602, 13388, 13435, 13436, 14031}
	var all sync.WaitGroup // the driver waits half a second before it looks again at a server that is shutting down
	check := func(a answer, do func(db *mongox.DB) error) {
		db, _ := follow(t, a)
		all.Go(func() { unavailable(t, do(db)) })
	}
	for _, code := range codes {
		check(commandError(code), insert)
		check(commandError(code), find)
		check(writeError(code), insert)
		check(writeError(code), update)
		check(concernError(code), insert)
	}
	for _, label := range []string{"RetryableWriteError", "TransientTransactionError"} {
		check(commandError(8000, label), insert)
	}
	// A write that isn't confirmed can be rolled back, whatever the reason.
	for _, code := range []int{79, 100, 8000} {
		check(concernError(code), insert)
	}
	all.Wait()
}

// What is wrong with the command, or with the data, stays what it is.
func TestOtherCodes(t *testing.T) {
	for _, code := range []int{2, 9, 13, 121, 8000} {
		for _, a := range []answer{commandError(code), writeError(code)} {
			db, seen := follow(t, a)
			if err := insert(db); err == nil || fault.From(err).Kind != fault.KindInternal || len(seen()) != 1 {
				t.Errorf("code %d: %v after %v", code, err, seen())
			}
		}
	}
	db, _ := follow(t, append(writeError(11000), concernError(64)[3]))
	if err := insert(db); !mongox.IsDuplicate(err) || errors.Is(err, mongox.ErrUnavailable) {
		t.Errorf("a duplicate: %v", err)
	}
}

// A connection that is cut after the write is tried once more by the driver, which the server knows again by its number;
// cut twice, it is 503.
func TestCutAfterTheWrite(t *testing.T) {
	db, seen := follow(t, nil, good)
	if err := insert(db); err != nil || !slices.Equal(seen(), []string{"insert", "insert"}) {
		t.Errorf("cut once: %v after %v", err, seen())
	}
	db, _ = follow(t, nil)
	unavailable(t, insert(db))
	db, _ = follow(t, nil)
	unavailable(t, find(db))
	db, seen = follow(t, append(concernError(91), bson.E{Key: "errorLabels", Value: bson.A{"RetryableWriteError"}}), good)
	if err := insert(db); err != nil || !slices.Equal(seen(), []string{"insert", "insert"}) {
		t.Errorf("shut down once: %v after %v", err, seen())
	}
}

// MG W2, 112: a conflict is tried again, a few times; a duplicate that follows is one.
func TestInsertMeetsConflicts(t *testing.T) {
	conflicts := func(n int, then answer) (script []answer) {
		for range n {
			script = append(script, writeError(112))
		}
		return append(script, then)
	}
	insert := func(ctx context.Context, db *mongox.DB) error {
		return mongox.NewDocuments[note](db, "things", 1, nil).Insert(ctx, "a", note{})
	}
	db, seen := follow(t, conflicts(7, good)...)
	if err := insert(t.Context(), db); err != nil || len(seen()) != 8 {
		t.Errorf("seven conflicts: %v after %d", err, len(seen()))
	}
	db, _ = follow(t, conflicts(2, writeError(11000))...)
	if err := insert(t.Context(), db); !mongox.IsDuplicate(err) {
		t.Errorf("then a duplicate: %v", err)
	}
	db, seen = follow(t, writeError(112))
	unavailable(t, insert(t.Context(), db))
	if len(seen()) != 8 {
		t.Errorf("%d tries", len(seen()))
	}
}

// An update that meets conflicts of the server's own goes on, and ends.
func TestUpdateMeetsConflicts(t *testing.T) {
	doc := found(bson.D{{Key: "_id", Value: "a"}, {Key: "v", Value: 1}, {Key: "rev", Value: 1}})
	change := func(db *mongox.DB) error {
		return mongox.NewDocuments[note](db, "things", 1, errNoNote).Update(t.Context(), "a", func(n *note) ([]record.Event, error) { n.Count++; return nil, nil })
	}
	db, seen := follow(t, doc, writeError(112), doc, writeError(112), doc, good)
	if err := change(db); err != nil || len(seen()) != 6 {
		t.Errorf("two conflicts: %v after %v", err, seen())
	}
	var always []answer
	for range 20 {
		always = append(always, doc, writeError(112))
	}
	db, seen = follow(t, always...)
	unavailable(t, change(db))
	if len(seen()) != 16 {
		t.Errorf("%d commands", len(seen()))
	}
}

// AG D9 on MongoDB: readiness writes, once a second, and names the database.
func TestReady(t *testing.T) {
	db := open(t, nil)
	for range 3 {
		if err := db.Ready(t.Context()); err != nil {
			t.Error(err)
		}
	}
	doc, found, err := mongox.One[bson.M](t.Context(), db.C("write_probe"), mongox.ByID("probe"))
	if n, _ := doc["n"].(int64); err != nil || !found || n < 1 {
		t.Errorf("written: %v, %v", doc, err)
	}
	for words, a := range map[string]answer{"the store x does not answer": commandError(11600), "the store x is full": writeError(14031), "the store x does": concernError(64)} {
		db, seen := follow(t, a)
		err := db.Ready(t.Context())
		unavailable(t, err)
		if f := fault.From(err); !strings.HasPrefix(f.Detail, words) || !slices.Contains(seen(), "update") {
			t.Errorf("detail %q after %v", f.Detail, seen())
		}
	}
	silent, cancel := context.WithCancel(t.Context())
	cancel()
	db, _ = follow(t, good)
	unavailable(t, db.Ready(silent))
	db, _ = follow(t, writeError(11000)) // another instance wrote the first one
	if err := db.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// Who finds an empty database, and was forestalled in marking it, looks whose it is now.
func TestForestalledEdition(t *testing.T) {
	for theirs, refused := range map[int]bool{2: false, 3: true} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := &scripted{t: t, listener: l, script: []answer{good, found(), found(), writeError(11000), found(), found(bson.D{{Key: "edition", Value: theirs}}), good}}
		go s.serve()
		db, err := mongox.Open(t.Context(), "mongodb://"+l.Addr().String()+"/?directConnection=true", "x", nil)
		if (err != nil) != refused {
			t.Errorf("edition %d: %v", theirs, err)
		}
		if err == nil {
			testkit.Must(t, db.Close(t.Context()))
		}
		testkit.Must(t, l.Close())
	}
}
