package mongox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/shared/id"
	"centinela/shared/outbox"
	"centinela/shared/record"
)

const (
	logName      = "outbox_log"      // _id: instance/n
	cursorName   = "outbox_cursor"   // one document
	rejectedName = "outbox_rejected" // what its receiver refuses for good
	waitingName  = "outbox_waiting"  // events that report no change of a document; _id: the event's

	sequenced = 200             // events that are taken into the log at once
	bulk      = 40              // updates in one message; FerretDB v1 stops for good somewhat above
	retained  = 1000            // shipped entries that stay, so that their numbers and events are known
	leaseFor  = 2 * time.Second // who brings the log up to date; renewed at half time
)

// Carried is the field `outbox` of a document: events that were written with the
// change that they report, and wait for a place in the log.
type Carried struct {
	First  string    `bson:"first,omitempty" json:"first,omitempty"` // id of the oldest; ids are in the order of time
	Events []carried `bson:"events,omitempty" json:"events,omitempty"`
}

// carried keeps the event as JSON: its data's names and types are not BSON's to change.
type carried struct {
	ID    string `bson:"id" json:"id"`
	Event string `bson:"event" json:"event"`
}

// Carry adds events to a document that is about to be written. The error is that
// of Seal: what has no place in the record is refused where it is written.
func (c *Carried) Carry(events ...record.Event) error {
	for _, e := range events {
		if _, err := e.Seal(e.Service+"/carried", 1); err != nil {
			return err
		}
		body, err := json.Marshal(e)
		if err != nil {
			return err
		}
		c.Events = append(c.Events, carried{ID: e.ID, Event: string(body)})
		if c.First == "" || e.ID < c.First {
			c.First = e.ID
		}
	}
	return nil
}

// Carrying is the update that adds events to a document, to be joined with its
// other operators (none of which may be $push or $min).
func Carrying(events ...record.Event) (bson.D, error) {
	var c Carried
	if err := c.Carry(events...); err != nil || len(events) == 0 {
		return nil, err
	}
	return bson.D{
		{Key: "$push", Value: bson.D{{Key: "outbox.events", Value: bson.D{{Key: "$each", Value: c.Events}}}}},
		{Key: "$min", Value: bson.D{{Key: "outbox.first", Value: c.First}}},
	}, nil
}

// Record writes events that report no change of a document.
func (db *DB) Record(ctx context.Context, events ...record.Event) error {
	if len(events) == 0 {
		return nil
	}
	docs := make([]bson.D, len(events))
	for i, e := range events {
		var c Carried
		if err := c.Carry(e); err != nil {
			return err
		}
		docs[i] = bson.D{{Key: "_id", Value: e.ID}, {Key: "outbox", Value: c}}
	}
	_, err := db.C(waitingName).InsertMany(ctx, docs)
	return Wrap(err)
}

// carrying is the filter of documents that have events.
var carrying = bson.D{{Key: "outbox.first", Value: bson.D{{Key: "$gt", Value: ""}}}}

// OutboxIndex is what a collection of such documents needs in its index list:
// sparse, it holds only documents that have events, in their order.
func OutboxIndex() mongo.IndexModel {
	return Sparse("outbox.first")
}

// withLog adds the log's own index, beside its _id, to those of a service.
func withLog(indexes map[string][]mongo.IndexModel) map[string][]mongo.IndexModel {
	if len(indexes) == 0 {
		return nil // opened for reading
	}
	all := maps.Clone(indexes)
	all[logName] = []mongo.IndexModel{Index("event")}
	all[waitingName] = []mongo.IndexModel{OutboxIndex()}
	return all
}

// Log is the outbox of a service on MongoDB: whoever holds the lease takes the
// events out of the documents that carry them, the oldest first, and gives them
// the next numbers. It is an outbox.Log; the process without the lease finds
// nothing to ship in it.
//
// Safe to stop anywhere: an event is copied into the log, under a number that only
// one can take, before it is taken out of its document, and taken out before it is
// shipped. What was copied and not taken out is known by its id.
type Log struct {
	db          *DB
	service     string
	collections []string
	holder      string
	now         func() time.Time // of the machine: it paces work, it decides nothing
	leased      time.Time        // until when
}

var _ outbox.Log = (*Log)(nil)

// Log is the outbox of service over the documents of those collections.
func (db *DB) Log(service string, collections ...string) *Log {
	return &Log{db: db, service: service, collections: append([]string{waitingName}, collections...), holder: id.New("ldr"), now: time.Now}
}

// cursorDoc is the one document that says how far the log was shipped.
type cursorDoc struct {
	ID       string    `bson:"_id"`
	Instance string    `bson:"instance"`
	N        int64     `bson:"n"`
	Hash     []byte    `bson:"hash"`
	Holder   string    `bson:"holder"`
	Until    time.Time `bson:"until"`
}

func (c cursorDoc) head() record.Head {
	head := record.Head{N: c.N}
	copy(head.Hash[:], c.Hash) // of another length: not what the receiver has, and so found out
	return head
}

// unmoved is the filter of the cursor where it was.
func (c cursorDoc) unmoved() bson.D {
	return append(ByID(theCursor), bson.E{Key: "instance", Value: c.Instance}, bson.E{Key: "n", Value: c.N})
}

type entryDoc struct {
	ID       string `bson:"_id"`
	N        int64  `bson:"n"`
	Event    string `bson:"event"`
	Body     []byte `bson:"body"`
	Openings []byte `bson:"openings"`
}

func newEntry(instance string, n int64, event string, s record.Sealed) entryDoc {
	return entryDoc{ID: entryID(instance, n), N: n, Event: event, Body: s.Body, Openings: s.Openings}
}

// entryID sorts like its number.
func entryID(instance string, n int64) string { return fmt.Sprintf("%s/%016d", instance, n) }

const theCursor = "outbox"

func (l *Log) cursor(ctx context.Context) (cursorDoc, error) {
	for {
		doc, found, err := One[cursorDoc](ctx, l.db.C(cursorName), ByID(theCursor))
		if found || err != nil {
			return doc, err
		}
		doc = cursorDoc{ID: theCursor, Instance: outbox.NewInstance(), Hash: make([]byte, len(record.Hash{}))}
		if _, err := l.db.C(cursorName).InsertOne(ctx, doc); err != nil && !IsDuplicate(err) {
			return doc, Wrap(err)
		}
	}
}

// lease reports whether this process holds the lease, and takes or renews it.
func (l *Log) lease(ctx context.Context) (bool, error) {
	now := l.now()
	if l.leased.Sub(now) > leaseFor/2 {
		return true, nil
	}
	free := bson.D{{Key: "_id", Value: theCursor}, {Key: "$or", Value: bson.A{
		bson.D{{Key: "holder", Value: l.holder}}, bson.D{{Key: "until", Value: bson.D{{Key: "$lt", Value: now}}}},
	}}}
	until := now.Add(leaseFor)
	taken, err := l.db.C(cursorName).UpdateOne(ctx, free, Set(bson.D{{Key: "holder", Value: l.holder}, {Key: "until", Value: until}}))
	if err != nil || taken.MatchedCount == 0 {
		l.leased = time.Time{}
		return false, Wrap(err)
	}
	l.leased = until
	return true, nil
}

// Shipped is outbox.Log's. Before it answers, the log is brought up to date.
func (l *Log) Shipped(ctx context.Context) (string, record.Head, error) {
	cursor, err := l.cursor(ctx)
	if err != nil {
		return "", record.Head{}, err
	}
	mine, err := l.lease(ctx)
	for more := mine; more && err == nil; {
		if more, err = l.sequence(ctx, cursor); err == nil {
			mine, err = l.lease(ctx) // a slow server may have used it up
			more = more && mine
		}
	}
	return cursor.Instance, cursor.head(), err
}

// waiting is an event in a document.
type waiting struct {
	carried
	place
}

type place struct {
	collection string
	carrier    any // _id
}

// sequence takes the oldest waiting events into the log, and reports whether it is
// to be called again because another process was faster.
func (l *Log) sequence(ctx context.Context, cursor cursorDoc) (again bool, _ error) {
	last, err := l.last(ctx, cursor)
	if err != nil {
		return false, err
	}
	found, err := l.oldest(ctx)
	if err != nil || len(found) == 0 {
		return false, err
	}
	events := found[:min(sequenced, len(found))]
	known, err := l.known(ctx, cursor, events)
	if err != nil {
		return false, err
	}
	docs, err := l.entries(ctx, cursor, last, events, known)
	if err != nil {
		return false, err
	}
	if len(docs) > 0 {
		_, err := l.db.C(logName).InsertMany(ctx, docs) // ordered: none behind one whose number is taken
		if IsDuplicate(err) {
			return true, nil
		}
		if err != nil {
			return false, Wrap(err)
		}
		if fits, err := l.stillFits(ctx, cursor, docs); err != nil || !fits {
			return !fits, err
		}
	}
	return false, l.takeOut(ctx, found, events)
}

// last is the number of the newest entry.
func (l *Log) last(ctx context.Context, cursor cursorDoc) (int64, error) {
	newest, err := List[entryDoc](ctx, l.db.C(logName), between(cursor.Instance, 0), Keys("-_id"), 1)
	for _, e := range newest {
		cursor.N = max(cursor.N, e.N)
	}
	return cursor.N, err
}

// between is the filter of an instance's entries above n.
func between(instance string, n int64) bson.D {
	return bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: entryID(instance, n)}, {Key: "$lt", Value: instance + "0"}}}} // '0' follows '/'
}

// oldest returns the oldest waiting events of all collections, in order, and the
// younger ones in the same documents behind them. The first of each
// document is in its index, so among the documents with the 200 oldest firsts are
// the 200 oldest events.
func (l *Log) oldest(ctx context.Context) ([]waiting, error) {
	var events []waiting
	for _, name := range l.collections {
		docs, err := List[struct {
			ID     any     `bson:"_id"`
			Outbox Carried `bson:"outbox"`
		}](ctx, l.db.C(name), carrying, Keys("outbox.first"), sequenced, "outbox")
		if err != nil {
			return nil, err
		}
		for _, doc := range docs {
			for _, e := range doc.Outbox.Events {
				events = append(events, waiting{e, place{name, doc.ID}})
			}
		}
	}
	slices.SortFunc(events, func(a, b waiting) int { return strings.Compare(a.ID, b.ID) })
	return events, nil
}

// known are the ids of the events that have a place in the log. Entries far below
// the cursor don't count: they may be what a process left that was stopped before
// it found out that its numbers were taken.
func (l *Log) known(ctx context.Context, cursor cursorDoc, events []waiting) (map[string]bool, error) {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	docs, err := List[entryDoc](ctx, l.db.C(logName), bson.D{{Key: "event", Value: bson.D{{Key: "$in", Value: ids}}}}, nil, 0, "n", "event")
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(docs))
	for _, doc := range docs {
		if strings.HasPrefix(doc.ID, cursor.Instance+"/") && doc.N > cursor.N-retained {
			known[doc.Event] = true
		}
	}
	return known, nil
}

// entries seals the events that have no place yet. One that can't be sealed gives
// its number to a gap marker, and is kept aside.
func (l *Log) entries(ctx context.Context, cursor cursorDoc, last int64, events []waiting, known map[string]bool) ([]entryDoc, error) {
	var docs []entryDoc
	source := l.service + "/" + cursor.Instance
	for _, w := range events {
		if known[w.ID] {
			continue
		}
		n := last + int64(len(docs)) + 1
		var e record.Event
		err := json.Unmarshal([]byte(w.Event), &e)
		var sealed record.Sealed
		if err == nil {
			sealed, err = e.Seal(source, n)
		}
		if err != nil {
			if err := l.reject(ctx, entryDoc{ID: w.ID, N: n, Event: w.ID, Body: []byte(w.Event)}, err.Error()); err != nil {
				return nil, err
			}
			if sealed, err = outbox.Gap(l.now(), l.service, source, n); err != nil {
				return nil, err
			}
		}
		docs = append(docs, newEntry(cursor.Instance, n, w.ID, sealed))
	}
	return docs, nil
}

// stillFits finds out whether the numbers were shipped by others before they were
// inserted: then the entries stand where nobody will look, and are taken back.
func (l *Log) stillFits(ctx context.Context, cursor cursorDoc, docs []entryDoc) (bool, error) {
	now, err := l.cursor(ctx)
	if err != nil {
		return false, err
	}
	if now.Instance == cursor.Instance && now.N < docs[0].N {
		return true, nil
	}
	l.leased = time.Time{}
	for _, doc := range docs {
		if _, err := l.db.C(logName).DeleteOne(ctx, bson.D{{Key: "_id", Value: doc.ID}, {Key: "event", Value: doc.Event}}); err != nil {
			return false, Wrap(err)
		}
	}
	return false, errors.New("outbox: another process ships this log as well")
}

// takeOut removes the taken ones of all events from their documents. The version
// goes up with it, so that nobody who loaded a document before puts them back.
func (l *Log) takeOut(ctx context.Context, all, taken []waiting) error {
	lists, left := make(map[place][]carried), make(map[place]string)
	for _, w := range all {
		if slices.ContainsFunc(taken, func(t waiting) bool { return t.ID == w.ID }) {
			lists[w.place] = append(lists[w.place], w.carried)
		} else if left[w.place] == "" {
			left[w.place] = w.ID // the oldest that stays
		}
	}
	// All that a document carries, as nearly always; what carries more by now, or did, keeps the rest.
	for _, update := range []func(at place, done []carried) mongo.WriteModel{
		func(at place, done []carried) mongo.WriteModel {
			if left[at] != "" {
				return nil
			}
			if at.collection == waitingName {
				return mongo.NewDeleteOneModel().SetFilter(bson.D{{Key: "_id", Value: at.carrier}})
			}
			return mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: at.carrier}, {Key: "outbox.events", Value: done}}).
				SetUpdate(bson.D{{Key: "$unset", Value: bson.D{{Key: "outbox", Value: ""}}}, versionUp})
		},
		func(at place, done []carried) mongo.WriteModel {
			change := bson.D{{Key: "$pullAll", Value: bson.D{{Key: "outbox.events", Value: done}}}, versionUp}
			if left[at] != "" {
				change = append(change, bson.E{Key: "$set", Value: bson.D{{Key: "outbox.first", Value: left[at]}}})
			}
			return mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: at.carrier}, carrying[0]}).SetUpdate(change)
		},
	} {
		if done, err := l.updateCarriers(ctx, lists, update); err != nil || done {
			return err
		}
	}
	return nil
}

// versionUp is what Documents compare.
var versionUp = bson.E{Key: "$inc", Value: bson.D{{Key: "rev", Value: 1}}}

// updateCarriers reports whether every document was changed.
func (l *Log) updateCarriers(ctx context.Context, lists map[place][]carried, update func(place, []carried) mongo.WriteModel) (bool, error) {
	models := make(map[string][]mongo.WriteModel)
	for at, done := range lists {
		if model := update(at, done); model != nil {
			models[at.collection] = append(models[at.collection], model)
		}
	}
	changed := 0
	for name, list := range models {
		for part := range slices.Chunk(list, bulk) {
			result, err := l.db.C(name).BulkWrite(ctx, part)
			if err != nil {
				return false, Wrap(err)
			}
			changed += int(result.MatchedCount + result.DeletedCount)
		}
	}
	return changed == len(lists), nil
}

// After is outbox.Log's.
func (l *Log) After(ctx context.Context, n int64, limit int) ([]outbox.Entry, error) {
	cursor, err := l.cursor(ctx)
	if err != nil || l.now().After(l.leased) {
		return nil, err
	}
	return l.after(ctx, cursor.Instance, n, limit)
}

func (l *Log) after(ctx context.Context, instance string, n int64, limit int) ([]outbox.Entry, error) {
	docs, err := List[entryDoc](ctx, l.db.C(logName), between(instance, n), Keys("_id"), limit)
	if err != nil {
		return nil, err
	}
	entries := make([]outbox.Entry, len(docs))
	for i, doc := range docs {
		entries[i] = outbox.Entry{N: doc.N, Sealed: record.Sealed{Body: doc.Body, Openings: doc.Openings}}
	}
	return entries, nil
}

// Trim is outbox.Log's. The newest 1,000 of what was shipped stay for a while.
func (l *Log) Trim(ctx context.Context, head record.Head) error {
	cursor, err := l.cursor(ctx)
	if err != nil || head.N <= cursor.N {
		return err
	}
	_, err = l.db.C(cursorName).UpdateOne(ctx, cursor.unmoved(), Set(bson.D{{Key: "n", Value: head.N}, {Key: "hash", Value: head.Hash[:]}}))
	if err != nil || head.N <= retained {
		return Wrap(err)
	}
	old := bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: entryID(cursor.Instance, 0)}, {Key: "$lte", Value: entryID(cursor.Instance, head.N-retained)}}}}
	_, err = l.db.C(logName).DeleteMany(ctx, old)
	return Wrap(err)
}

// Supersede is outbox.Log's. What is kept aside is in the collection outbox_rejected.
func (l *Log) Supersede(ctx context.Context, n int64, with record.Sealed, reason string) error {
	cursor, err := l.cursor(ctx)
	if err != nil {
		return err
	}
	old, found, err := One[entryDoc](ctx, l.db.C(logName), ByID(entryID(cursor.Instance, n)))
	if found {
		err = l.reject(ctx, old, reason)
	}
	if err != nil {
		return err
	}
	doc := newEntry(cursor.Instance, n, old.Event, with)
	_, err = l.db.C(logName).ReplaceOne(ctx, ByID(doc.ID), doc, options.Replace().SetUpsert(true))
	return Wrap(err)
}

func (l *Log) reject(ctx context.Context, doc entryDoc, reason string) error {
	aside := bson.D{{Key: "_id", Value: doc.ID}, {Key: "n", Value: doc.N}, {Key: "body", Value: doc.Body}, {Key: "openings", Value: doc.Openings}, {Key: "reason", Value: reason}}
	_, err := l.db.C(rejectedName).ReplaceOne(ctx, ByID(doc.ID), aside, options.Replace().SetUpsert(true))
	return Wrap(err)
}

// Renew is outbox.Log's. The new entries are all there before the cursor turns to
// them; stopped before that, they are left over under a name that nobody uses.
func (l *Log) Renew(ctx context.Context, notice record.Event) error {
	cursor, err := l.cursor(ctx)
	if err != nil {
		return err
	}
	entries, err := l.after(ctx, cursor.Instance, cursor.N, 0)
	if err != nil {
		return err
	}
	instance := outbox.NewInstance()
	sealed, damaged, err := outbox.Reseal(l.service+"/"+instance, notice, entries)
	if err != nil {
		return err
	}
	for _, e := range damaged {
		if err := l.reject(ctx, newEntry(cursor.Instance, e.N, "", e.Sealed), "it could not be read when the log was renewed"); err != nil {
			return err
		}
	}
	docs := make([]entryDoc, len(sealed))
	for i, s := range sealed {
		env, err := record.Parse(s.Body)
		if err != nil {
			return err
		}
		docs[i] = newEntry(instance, env.N, env.Event.ID, s)
	}
	if _, err := l.db.C(logName).InsertMany(ctx, docs); err != nil {
		return Wrap(err)
	}
	turned, err := l.db.C(cursorName).UpdateOne(ctx, cursor.unmoved(), Set(bson.D{
		{Key: "instance", Value: instance}, {Key: "n", Value: int64(0)}, {Key: "hash", Value: make([]byte, len(record.Hash{}))},
	}))
	if err != nil {
		return Wrap(err)
	}
	over := cursor.Instance
	if turned.MatchedCount == 0 { // another process was faster
		over = instance
	}
	_, err = l.db.C(logName).DeleteMany(ctx, between(over, 0))
	return Wrap(err)
}
