package mongox_test

import (
	"reflect"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/shared/mongox"
	"centinela/shared/outbox"
	"centinela/shared/record"
)

var (
	_ outbox.Source   = (*mongox.Outbox)(nil)
	_ outbox.Rejecter = (*mongox.Outbox)(nil)
)

type carrying struct {
	ID     string         `bson:"_id"`
	Note   string         `bson:"note"`
	Outbox []record.Event `bson:"outbox,omitempty"`
}

// event has every field set, and Data in an order that only raw bytes keep.
func event(after time.Duration) record.Event {
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC).Add(after)
	e := record.New(at, "auth", record.SessionCreated, "success", record.Origin{Address: "192.0.2.1", UserAgent: "ua", RequestID: "req_1", Device: "d"})
	e.Data = map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"}
	return e
}

func openOutbox(t *testing.T) (*mongox.DB, *mongox.Outbox, []record.Event) {
	t.Helper()
	db := open(t, map[string][]mongo.IndexModel{"accounts": {mongox.OutboxIndex()}, "sessions": {mongox.OutboxIndex()}})
	events := []record.Event{event(0), event(time.Millisecond), event(2 * time.Millisecond), event(3 * time.Millisecond)}
	put := func(collection string, doc carrying) {
		if _, err := db.C(collection).InsertOne(t.Context(), doc); err != nil {
			t.Fatal(err)
		}
	}
	put("accounts", carrying{ID: "a", Note: "kept", Outbox: []record.Event{events[1], events[3]}})
	put("accounts", carrying{ID: "b", Note: "without"})
	put("sessions", carrying{ID: "s", Note: "kept", Outbox: []record.Event{events[0], events[2]}})
	return db, db.Outbox("accounts", "sessions"), events
}

func pending(t *testing.T, o *mongox.Outbox, limit int) []record.Event {
	t.Helper()
	events, err := o.PendingEvents(t.Context(), limit)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// R: events that must not be lost ride in the document that they report on, and
// leave it one by one as they are delivered, in the order of their times.
func TestOutboxDelivers(t *testing.T) {
	db, o, events := openOutbox(t)
	if got := pending(t, o, 10); !reflect.DeepEqual(got, events) {
		t.Fatalf("pending %+v, want %+v", got, events)
	}
	if got := pending(t, o, 2); !reflect.DeepEqual(got, events[:2]) {
		t.Errorf("first two: %+v", got)
	}
	if err := o.DeliveredEvents(t.Context(), []string{events[0].ID, events[1].ID, "evt_unknown"}); err != nil {
		t.Fatal(err)
	}
	if got := pending(t, o, 10); !reflect.DeepEqual(got, events[2:]) {
		t.Errorf("after two deliveries: %+v", got)
	}
	var doc carrying
	if err := db.C("accounts").FindOne(t.Context(), bson.D{{Key: "_id", Value: "a"}}).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if doc.Note != "kept" || len(doc.Outbox) != 1 {
		t.Errorf("the document became %+v", doc)
	}
	if err := o.DeliveredEvents(t.Context(), []string{events[2].ID, events[3].ID}); err != nil {
		t.Fatal(err)
	}
	if got := pending(t, o, 10); len(got) != 0 {
		t.Errorf("after all deliveries: %+v", got)
	}
}

// A rejected event is moved aside whole, and twice is as good as once.
func TestOutboxRejects(t *testing.T) {
	db, o, events := openOutbox(t)
	for range 2 {
		if err := o.RejectEvent(t.Context(), events[1].ID, "invalid_request: no"); err != nil {
			t.Fatal(err)
		}
	}
	if got := pending(t, o, 10); len(got) != 3 || got[1].ID != events[2].ID {
		t.Errorf("pending %+v", got)
	}
	var aside struct {
		Reason string
		Event  record.Event
	}
	if err := db.C("outbox_rejected").FindOne(t.Context(), bson.D{{Key: "_id", Value: events[1].ID}}).Decode(&aside); err != nil {
		t.Fatal(err)
	}
	if aside.Reason != "invalid_request: no" || !reflect.DeepEqual(aside.Event, events[1]) {
		t.Errorf("aside %+v", aside)
	}
}

// R5.1: an element that was damaged in the database is moved aside and holds up no other event.
func TestOutboxDamagedElement(t *testing.T) {
	db, o, events := openOutbox(t)
	_, err := db.C("accounts").InsertOne(t.Context(), bson.D{
		{Key: "_id", Value: "damaged"},
		{Key: "outbox", Value: bson.A{bson.D{{Key: "id", Value: "evt_damaged"}, {Key: "time", Value: "no time"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := pending(t, o, 10)
	if len(got) != len(events)+1 || got[0].ID != "evt_damaged" || got[0].Validate() == nil {
		t.Fatalf("pending %+v", got)
	}
	if err := o.RejectEvent(t.Context(), "evt_damaged", "invalid"); err != nil {
		t.Fatal(err)
	}
	if got := pending(t, o, 10); !reflect.DeepEqual(got, events) {
		t.Errorf("pending %+v", got)
	}
	if err := db.C("outbox_rejected").FindOne(t.Context(), bson.D{{Key: "_id", Value: "evt_damaged"}}).Err(); err != nil {
		t.Errorf("moved aside: %v", err)
	}
}
