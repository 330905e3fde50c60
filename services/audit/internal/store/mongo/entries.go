package mongo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/services/audit/internal/ledger"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

// entryDoc keeps data as pairs: its keys are not ours to choose, and a dot or a
// dollar sign in a field's name means something to the server.
type entryDoc struct {
	Seq       int64     `bson:"_id"`
	ID        string    `bson:"id"`
	Time      time.Time `bson:"time"`
	Service   string    `bson:"service"`
	Action    string    `bson:"action"`
	Outcome   string    `bson:"outcome"`
	Account   string    `bson:"account"`
	Session   string    `bson:"session"`
	Target    string    `bson:"target"`
	Address   string    `bson:"address"`
	Device    string    `bson:"device"`
	UserAgent string    `bson:"user_agent"`
	RequestID string    `bson:"request_id"`
	Reason    string    `bson:"reason"`
	Data      []pair    `bson:"data"`
	PrevHash  []byte    `bson:"prev_hash"`
	Hash      []byte    `bson:"hash"`
	StoredAt  time.Time `bson:"stored_at"`
}

type pair struct {
	Name  string `bson:"k"`
	Value string `bson:"v"`
}

// Append is ledger.Store's. The documents go in one after the other, each under
// its seq: of several instances that append at once, the server lets one have a
// seq, and the others start again behind it. Stopped anywhere, what is stored
// is a prefix of the batch and a whole chain; the retry leaves it out by id.
func (s *Store) Append(ctx context.Context, events []record.Event, link func(ledger.Head, record.Event) (ledger.Entry, error)) ([]ledger.Entry, error) {
	if err := take(ctx, s.entryTurn); err != nil {
		return nil, err
	}
	defer func() { <-s.entryTurn }()
	var added []ledger.Entry
	for {
		fresh, err := s.unknown(ctx, events)
		if err != nil || len(fresh) == 0 {
			return added, err
		}
		n, chain, err := s.insert(ctx, fresh, link)
		added = append(added, chain[:n]...)
		if err == nil {
			return added, nil
		}
		if !mongox.IsDuplicate(err) {
			return nil, mongox.Wrap(err)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// unknown leaves out the events that are stored.
func (s *Store) unknown(ctx context.Context, events []record.Event) ([]record.Event, error) {
	if len(events) == 0 {
		return nil, nil
	}
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	found, err := s.db.C(entriesName).Find(ctx, bson.D{{Key: "id", Value: bson.D{{Key: "$in", Value: ids}}}}, options.Find().SetProjection(bson.D{{Key: "id", Value: 1}}))
	if err != nil {
		return nil, mongox.Wrap(err)
	}
	var stored []struct {
		ID string `bson:"id"`
	}
	if err := found.All(ctx, &stored); err != nil {
		return nil, mongox.Wrap(err)
	}
	known := make(map[string]bool, len(stored))
	for _, e := range stored {
		known[e.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(events), func(e record.Event) bool { return known[e.ID] }), nil
}

// insert chains the events to the present head and stores them until the first
// that can't be; n is how many were.
func (s *Store) insert(ctx context.Context, events []record.Event, link func(ledger.Head, record.Event) (ledger.Entry, error)) (n int, chain []ledger.Entry, err error) {
	at, err := s.Head(ctx)
	if err != nil {
		return 0, nil, err
	}
	docs := make([]entryDoc, len(events))
	for i, event := range events {
		entry, err := link(at, event)
		if err != nil {
			return 0, nil, err
		}
		chain, docs[i] = append(chain, entry), docOf(entry)
		at = ledger.Head{Seq: entry.Seq, Hash: entry.Hash}
	}
	_, err = s.db.C(entriesName).InsertMany(ctx, docs, options.InsertMany().SetOrdered(true))
	if err == nil {
		return len(chain), chain, nil
	}
	// Ordered: all documents before the first that failed are stored.
	var bulk mongo.BulkWriteException
	if errors.As(err, &bulk) && len(bulk.WriteErrors) > 0 {
		return bulk.WriteErrors[0].Index, chain, err
	}
	return 0, chain, err
}

// Head is ledger.Store's.
func (s *Store) Head(ctx context.Context) (ledger.Head, error) {
	var doc struct {
		Seq  int64  `bson:"_id"`
		Hash []byte `bson:"hash"`
	}
	newest := options.FindOne().SetSort(bson.D{{Key: "_id", Value: -1}}).SetProjection(bson.D{{Key: "hash", Value: 1}})
	err := s.db.C(entriesName).FindOne(ctx, bson.D{}, newest).Decode(&doc)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return ledger.Head{}, nil
	}
	if err != nil {
		return ledger.Head{}, mongox.Wrap(err)
	}
	at := ledger.Head{Seq: doc.Seq}
	copy(at.Hash[:], doc.Hash) // one of another length was altered, and fits nothing that follows
	return at, nil
}

// Entries is ledger.Store's.
func (s *Store) Entries(ctx context.Context, from int64, limit int) ([]ledger.Entry, error) {
	return s.entries(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: from}}}}, 1, limit)
}

// AccountEntries is ledger.Store's.
func (s *Store) AccountEntries(ctx context.Context, account string, before int64, limit int) ([]ledger.Entry, error) {
	if account == "" {
		return nil, nil
	}
	return s.entries(ctx, bson.D{{Key: "account", Value: account}, {Key: "_id", Value: bson.D{{Key: "$lt", Value: before}}}}, -1, limit)
}

func (s *Store) entries(ctx context.Context, filter bson.D, order, limit int) (found []ledger.Entry, err error) {
	cursor, err := s.db.C(entriesName).Find(ctx, filter, options.Find().SetSort(bson.D{{Key: "_id", Value: order}}).SetLimit(int64(limit)))
	if err != nil {
		return nil, mongox.Wrap(err)
	}
	defer func() { err = errors.Join(err, cursor.Close(ctx)) }()
	for cursor.Next(ctx) {
		e, err := entryOf(cursor.Current)
		if err != nil {
			return found, &ledger.DamagedError{Seq: e.Seq, Err: err}
		}
		found = append(found, e)
	}
	return found, mongox.Wrap(cursor.Err())
}

func docOf(e ledger.Entry) entryDoc {
	v := e.Event
	data := make([]pair, 0, len(v.Data))
	for _, name := range slices.Sorted(maps.Keys(v.Data)) {
		data = append(data, pair{name, v.Data[name]})
	}
	return entryDoc{
		Seq: e.Seq, ID: v.ID, Time: v.Time, Service: v.Service, Action: v.Action, Outcome: v.Outcome, Account: v.Account, Session: v.Session,
		Target: v.Target, Address: v.Address, Device: v.Device, UserAgent: v.UserAgent, RequestID: v.RequestID, Reason: v.Reason, Data: data,
		PrevHash: e.PrevHash[:], Hash: e.Hash[:], StoredAt: e.StoredAt,
	}
}

// entryOf gives at least the seq of a document that is no entry. It takes a
// document only in the form in which docOf writes it, byte for byte: another
// type, another order or a field more hash like the original.
func entryOf(raw bson.Raw) (ledger.Entry, error) {
	var doc entryDoc
	if err := bson.Unmarshal(raw, &doc); err != nil {
		seq, _ := raw.Lookup("_id").AsInt64OK() // 0 where even that is none
		return ledger.Entry{Seq: seq}, err
	}
	e := ledger.Entry{Seq: doc.Seq, StoredAt: doc.StoredAt.UTC(), Event: record.Event{
		ID: doc.ID, Time: doc.Time.UTC(), Service: doc.Service, Action: doc.Action, Outcome: doc.Outcome, Account: doc.Account, Session: doc.Session,
		Target: doc.Target, Address: doc.Address, Device: doc.Device, UserAgent: doc.UserAgent, RequestID: doc.RequestID, Reason: doc.Reason,
	}}
	if len(doc.PrevHash) != len(e.PrevHash) || len(doc.Hash) != len(e.Hash) {
		return e, fmt.Errorf("a hash of %d or %d bytes", len(doc.PrevHash), len(doc.Hash))
	}
	e.PrevHash, e.Hash = ledger.Hash(doc.PrevHash), ledger.Hash(doc.Hash)
	if len(doc.Data) > 0 {
		e.Event.Data = make(map[string]string, len(doc.Data))
		for _, p := range doc.Data {
			if _, twice := e.Event.Data[p.Name]; twice {
				return e, errors.New("data: a name twice")
			}
			e.Event.Data[p.Name] = p.Value
		}
	}
	if again, err := bson.Marshal(docOf(e)); err != nil || !bytes.Equal(again, raw) {
		return e, errors.New("not in the form in which entries are written")
	}
	return e, nil
}

// FollowerCursor is ledger.Store's.
func (s *Store) FollowerCursor(ctx context.Context, name string) (int64, error) {
	var doc struct {
		Seq int64 `bson:"seq"`
	}
	err := s.db.C(followersName).FindOne(ctx, bson.D{{Key: "_id", Value: name}}).Decode(&doc)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return 0, nil
	}
	return doc.Seq, mongox.Wrap(err)
}

// SaveFollowerCursor is ledger.Store's.
func (s *Store) SaveFollowerCursor(ctx context.Context, name string, seq int64) error {
	_, err := s.db.C(followersName).UpdateOne(ctx, bson.D{{Key: "_id", Value: name}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "seq", Value: seq}}}}, options.UpdateOne().SetUpsert(true))
	return mongox.Wrap(err)
}
