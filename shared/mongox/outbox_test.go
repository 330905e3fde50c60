package mongox_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/shared/mongox"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
)

type carrying struct {
	ID      string         `bson:"_id"`
	Note    string         `bson:"note"`
	Version int64          `bson:"rev"`
	Outbox  mongox.Carried `bson:"outbox,omitempty"`
}

func openLog(t *testing.T) (*mongox.DB, *mongox.Log) {
	t.Helper()
	db := open(t, map[string][]mongo.IndexModel{"accounts": {mongox.OutboxIndex()}, "sessions": {mongox.OutboxIndex()}})
	return db, db.Log(outboxtest.Service, "accounts", "sessions")
}

// carry writes each event with a document of its own, in one collection or the
// other, or with one that exists.
func carry(t *testing.T, db *mongox.DB, events ...record.Event) {
	t.Helper()
	docs := map[string][]carrying{}
	for i, e := range events {
		doc := carrying{ID: "doc " + e.ID, Note: "kept"}
		if err := doc.Outbox.Carry(e); err != nil {
			t.Fatal(err)
		}
		name := []string{"accounts", "sessions"}[i%2]
		docs[name] = append(docs[name], doc)
	}
	for name, list := range docs {
		if _, err := db.C(name).InsertMany(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLog(t *testing.T) {
	outboxtest.Run(t, func(t *testing.T) outboxtest.Fixture {
		db, log := openLog(t)
		return outboxtest.Fixture{
			Log: log, ByTime: true,
			Append: func(t *testing.T, events ...record.Event) { carry(t, db, events...) },
			Damage: func(t *testing.T, n int64) {
				_, err := db.C("outbox_log").UpdateOne(t.Context(), bson.D{{Key: "n", Value: n}}, bson.D{{Key: "$set", Value: bson.D{{Key: "body", Value: []byte("{}")}}}})
				if err != nil {
					t.Fatal(err)
				}
			},
			Aside: func(t *testing.T) int {
				n, err := db.C("outbox_rejected").CountDocuments(t.Context(), bson.D{})
				if err != nil {
					t.Fatal(err)
				}
				return int(n)
			},
		}
	})
}

func numbers(t *testing.T, log *mongox.Log) []string {
	t.Helper()
	if _, _, err := log.Shipped(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, err := log.After(t.Context(), 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for i, e := range entries {
		env, err := record.Parse(e.Body)
		if err != nil || e.N != int64(i)+1 || env.N != e.N {
			t.Fatalf("entry %d is number %d: %v", i, e.N, err)
		}
		list = append(list, env.Event.ID)
	}
	return list
}

// Events leave the documents that carried them, whose rest stays; several of one
// document, and of one that changes meanwhile.
func TestLogTakesEventsOut(t *testing.T) {
	db, log := openLog(t)
	events := outboxtest.Events(205)
	doc := carrying{ID: "a", Note: "kept", Version: 7}
	if err := doc.Outbox.Carry(events[0], events[204]); err != nil { // the second of them isn't among the 200 oldest
		t.Fatal(err)
	}
	if _, err := db.C("accounts").InsertOne(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	more, err := mongox.Carrying(events[1])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.C("accounts").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "a"}}, more); err != nil {
		t.Fatal(err)
	}
	carry(t, db, events[2:204]...)
	if got := numbers(t, log); len(got) != 200 || got[0] != events[0].ID || got[1] != events[1].ID || got[199] != events[199].ID {
		t.Fatalf("%d entries: %v", len(got), got)
	}
	var left carrying
	if err := db.C("accounts").FindOne(t.Context(), bson.D{{Key: "_id", Value: "a"}}).Decode(&left); err != nil {
		t.Fatal(err)
	}
	if left.Note != "kept" || left.Version != 8 || left.Outbox.First != events[204].ID || len(left.Outbox.Events) != 1 {
		t.Errorf("the document became %+v", left)
	}
	if got := numbers(t, log); len(got) != 205 || got[204] != events[204].ID {
		t.Fatalf("%d entries", len(got))
	}
	n, err := db.C("accounts").CountDocuments(t.Context(), bson.D{{Key: "outbox", Value: bson.D{{Key: "$exists", Value: true}}}})
	if err != nil || n != 0 {
		t.Errorf("%d documents still carry something (%v)", n, err)
	}
}

// Stopped between the copy into the log and the document: the event has its number
// already, and gets no second one.
func TestLogStoppedHalfWay(t *testing.T) {
	db, log := openLog(t)
	events := outboxtest.Events(3)
	carry(t, db, events...)
	before := numbers(t, log)
	carry2 := carrying{ID: "again"} // the document as it was
	if err := carry2.Outbox.Carry(events[1]); err != nil {
		t.Fatal(err)
	}
	if _, err := db.C("accounts").InsertOne(t.Context(), carry2); err != nil {
		t.Fatal(err)
	}
	if after := numbers(t, log); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("it was %v, and is %v", before, after)
	}
}

// Two processes that both believe to be the one: each event has one number, no
// number has two events, none is missing.
func TestLogOfSeveralProcesses(t *testing.T) {
	db, _ := openLog(t)
	logs := []*mongox.Log{db.Log(outboxtest.Service, "accounts", "sessions"), db.Log(outboxtest.Service, "accounts", "sessions")}
	events := outboxtest.Events(300)
	var all sync.WaitGroup
	for i, log := range logs {
		mongox.AlwaysLeased(log)
		all.Go(func() { carry(t, db, events[i*150:(i+1)*150]...) })
		all.Go(func() {
			for range 10 {
				if _, _, err := log.Shipped(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got := numbers(t, logs[0])
	for len(got) < 300 {
		next := numbers(t, logs[0])
		if len(next) == len(got) {
			break
		}
		got = next
	}
	seen := map[string]bool{}
	for _, id := range got {
		seen[id] = true
	}
	if len(got) != 300 || len(seen) != 300 {
		t.Errorf("%d entries, %d events", len(got), len(seen))
	}
}

// Without the lease a process finds nothing to ship; it takes over when the other
// stopped renewing.
func TestLogLease(t *testing.T) {
	db, first := openLog(t)
	carry(t, db, outboxtest.Events(1)...)
	if got := numbers(t, first); len(got) != 1 {
		t.Fatalf("%v", got)
	}
	second := db.Log(outboxtest.Service, "accounts", "sessions")
	if got := numbers(t, second); len(got) != 0 {
		t.Errorf("without the lease: %v", got)
	}
	mongox.ElevenSecondsLater(second)
	if got := numbers(t, second); len(got) != 1 {
		t.Errorf("after the lease ended: %v", got)
	}
}

// What can't be sealed is refused where it is written, and what was damaged in the
// database afterwards is kept aside and holds up no other event.
func TestLogDamagedElement(t *testing.T) {
	db, log := openLog(t)
	events := outboxtest.Events(3)
	bad := events[1]
	bad.Data = record.Data{"a": make(chan int)}
	if err := new(mongox.Carried).Carry(bad); err == nil {
		t.Error("carried")
	}
	if _, err := mongox.Carrying(bad); err == nil {
		t.Error("carrying")
	}
	carry(t, db, events...)
	_, err := db.C("sessions").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "doc " + events[1].ID}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "outbox.events", Value: bson.A{bson.D{{Key: "id", Value: events[1].ID}, {Key: "event", Value: `{"id":`}}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := numbers(t, log); len(got) != 3 || got[0] != events[0].ID || got[1] == events[1].ID || got[2] != events[2].ID {
		t.Errorf("got %v", got)
	}
	var aside struct {
		Body   []byte `bson:"body"`
		Reason string `bson:"reason"`
	}
	if err := db.C("outbox_rejected").FindOne(t.Context(), bson.D{}).Decode(&aside); err != nil || string(aside.Body) != `{"id":` || aside.Reason == "" {
		t.Errorf("aside: %+v, %v", aside, err)
	}
}

// The newest that were shipped stay, so that what a stopped process wrote is known;
// the others go.
func TestLogTrimKeepsTheNewest(t *testing.T) {
	db, log := openLog(t)
	instance, _, err := log.Shipped(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var docs []bson.D
	for n := 1; n <= 1010; n++ {
		docs = append(docs, bson.D{{Key: "_id", Value: fmt.Sprintf("%s/%016d", instance, n)}, {Key: "n", Value: int64(n)}, {Key: "event", Value: fmt.Sprint(n)}, {Key: "body", Value: []byte("x")}, {Key: "openings", Value: []byte("[]")}})
	}
	if _, err := db.C("outbox_log").InsertMany(t.Context(), docs, options.InsertMany().SetOrdered(false)); err != nil {
		t.Fatal(err)
	}
	if err := log.Trim(t.Context(), record.Head{N: 1005}); err != nil {
		t.Fatal(err)
	}
	left, err := db.C("outbox_log").CountDocuments(t.Context(), bson.D{})
	if err != nil || left != 1005 {
		t.Errorf("%d stay, %v", left, err)
	}
	if entries, err := log.After(t.Context(), 1005, 100); err != nil || len(entries) != 5 || entries[0].N != 1006 {
		t.Errorf("%d to ship, %v", len(entries), err)
	}
}

// Seal's refusal is the same on both stores.
func TestCarryRefusesWhatSealRefuses(t *testing.T) {
	e := outboxtest.Events(1)[0]
	e.Account = strings.Repeat("x", 65)
	if err := new(mongox.Carried).Carry(e); !errors.Is(err, record.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}
