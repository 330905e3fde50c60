package mongo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/openings"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

type rowDoc struct {
	Seq       int64     `bson:"_id"`
	StoredAt  time.Time `bson:"stored_at"`
	Class     string    `bson:"class"`
	Token     []byte    `bson:"token,omitempty"`
	Body      []byte    `bson:"body"`
	Openings  []byte    `bson:"openings,omitempty"`
	Signature []byte    `bson:"signature,omitempty"`
	PrevHash  []byte    `bson:"prev_hash"`
	Hash      []byte    `bson:"hash"`
}

// Append is ledger.Store's. The documents go in one after the other, each under
// its seq: of several instances that append at once, the server lets one have a
// seq, and the others learn what there is and start again behind it. Stopped
// anywhere, what is stored is a prefix of the rows and a whole chain; the heads of
// the sources follow from it.
func (s *Store) Append(ctx context.Context, at ledger.Head, rows []ledger.Row, sources map[string]record.Head) error {
	now, err := s.Head(ctx)
	if err != nil {
		return err
	}
	if now != at {
		return ledger.ErrMoved
	}
	docs := make([]rowDoc, len(rows))
	for i, r := range rows {
		docs[i] = docOf(r)
	}
	_, err = s.db.C(entriesName).InsertMany(ctx, docs, options.InsertMany().SetOrdered(true))
	if mongox.IsDuplicate(err) {
		return ledger.ErrMoved
	}
	if err != nil {
		return mongox.Wrap(err)
	}
	last := rows[len(rows)-1].Seq
	there, err := s.db.C(entriesName).CountDocuments(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: at.Seq}, {Key: "$lte", Value: last}}}}, options.Count().SetLimit(int64(len(rows))+1))
	if err != nil {
		return mongox.Wrap(err)
	}
	if there != int64(len(rows)) {
		return ledger.ErrSwallowed.WithCause(fmt.Errorf("%d of %d rows are there", there, len(rows)))
	}
	return s.keepSources(ctx, last, sources)
}

type sourceDoc struct {
	Source string `bson:"_id"`
	N      int64  `bson:"n"`
	Hash   []byte `bson:"hash"`
}

// upToID is the document among the sources that says which row they are of; no
// source has this name.
const upToID = "seq"

// keepSources moves heads forward, never back: another instance, which appended
// behind these rows, may have been faster; then the server finds the id taken. Which
// row they are of comes last. One by one: a group has few sources, and FerretDB v1
// ends an unordered list at its first error.
func (s *Store) keepSources(ctx context.Context, seq int64, sources map[string]record.Head) error {
	docs := make([]sourceDoc, 0, len(sources)+1)
	for source, head := range sources {
		docs = append(docs, sourceDoc{Source: source, N: head.N, Hash: head.Hash[:]})
	}
	for _, doc := range append(docs, sourceDoc{Source: upToID, N: seq}) {
		older := bson.D{{Key: "_id", Value: doc.Source}, {Key: "n", Value: bson.D{{Key: "$lt", Value: doc.N}}}}
		_, err := s.db.C(sourcesName).ReplaceOne(ctx, older, doc, options.Replace().SetUpsert(true))
		if err != nil && !mongox.IsDuplicate(err) {
			return mongox.Wrap(err)
		}
	}
	return nil
}

// Sources is ledger.Reader's. Written before the row that they are said to be of,
// they may be newer; a fold over the rows behind it changes nothing then.
func (s *Store) Sources(ctx context.Context) (map[string]record.Head, int64, error) {
	docs, err := mongox.List[sourceDoc](ctx, s.db.C(sourcesName), bson.D{}, nil, 0)
	if err != nil {
		return nil, 0, err
	}
	heads, upTo := make(map[string]record.Head), int64(0)
	for _, doc := range docs {
		if doc.Source == upToID {
			upTo = doc.N
			continue
		}
		head := record.Head{N: doc.N}
		copy(head.Hash[:], doc.Hash)
		heads[doc.Source] = head
	}
	return heads, upTo, nil
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

// Rows is ledger.Reader's.
func (s *Store) Rows(ctx context.Context, from int64, limit int) ([]ledger.Row, error) {
	return s.rows(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: from}}}}, 1, limit)
}

// PersonRows is ledger.Store's.
func (s *Store) PersonRows(ctx context.Context, token []byte, class record.Class, before int64, limit int) ([]ledger.Row, error) {
	if class != "" {
		filter := bson.D{{Key: "token", Value: token}, {Key: "class", Value: string(class)}, {Key: "_id", Value: bson.D{{Key: "$lt", Value: before}}}}
		return s.rows(ctx, filter, -1, limit)
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

func (s *Store) rows(ctx context.Context, filter bson.D, order, limit int) (found []ledger.Row, err error) {
	cursor, err := s.db.C(entriesName).Find(ctx, filter, options.Find().SetSort(bson.D{{Key: "_id", Value: order}}).SetLimit(int64(limit)))
	if err != nil {
		return nil, mongox.Wrap(err)
	}
	defer func() { err = errors.Join(err, cursor.Close(ctx)) }()
	for cursor.Next(ctx) {
		r, err := rowOf(cursor.Current)
		if err != nil {
			return found, &ledger.DamagedError{Seq: r.Seq, Err: err}
		}
		found = append(found, r)
	}
	return found, mongox.Wrap(cursor.Err())
}

func docOf(r ledger.Row) rowDoc {
	return rowDoc{
		Seq: r.Seq, StoredAt: r.StoredAt, Class: string(r.Class), Token: r.Token, Body: r.Body, Openings: r.Openings, Signature: r.Signature,
		PrevHash: r.PrevHash[:], Hash: r.Hash[:],
	}
}

// rowOf gives at least the seq of a document that is no row. It takes a document
// only in the form in which docOf writes it, byte for byte: another type, another
// order or a field more hash like the original.
func rowOf(raw bson.Raw) (ledger.Row, error) {
	var doc rowDoc
	if err := bson.Unmarshal(raw, &doc); err != nil {
		seq, _ := raw.Lookup("_id").AsInt64OK() // 0 where even that is none
		return ledger.Row{Seq: seq}, err
	}
	r := ledger.Row{
		Seq: doc.Seq, StoredAt: doc.StoredAt.UTC(), Class: record.Class(doc.Class), Token: doc.Token, Body: doc.Body, Openings: doc.Openings, Signature: doc.Signature,
	}
	if len(doc.PrevHash) != len(r.PrevHash) || len(doc.Hash) != len(r.Hash) {
		return r, fmt.Errorf("a hash of %d or %d bytes", len(doc.PrevHash), len(doc.Hash))
	}
	r.PrevHash, r.Hash = record.Hash(doc.PrevHash), record.Hash(doc.Hash)
	if again, err := bson.Marshal(docOf(r)); err != nil || !bytes.Equal(again, raw) {
		return r, errors.New("not in the form in which entries are written")
	}
	return r, nil
}

// FollowerCursor is ledger.Store's.
func (s *Store) FollowerCursor(ctx context.Context, name string) (int64, error) {
	doc, _, err := mongox.One[struct {
		Seq int64 `bson:"seq"`
	}](ctx, s.db.C(followersName), mongox.ByID(name))
	return doc.Seq, err
}

// SaveFollowerCursor is ledger.Store's.
func (s *Store) SaveFollowerCursor(ctx context.Context, name string, seq int64) error {
	_, err := s.db.C(followersName).UpdateOne(ctx, mongox.ByID(name), mongox.Set(bson.D{{Key: "seq", Value: seq}}), options.UpdateOne().SetUpsert(true))
	return mongox.Wrap(err)
}

type personDoc struct {
	Token   []byte `bson:"_id"`
	Wrapped []byte `bson:"wrapped"`
}

// PersonKey is openings.Store's.
func (s *Store) PersonKey(ctx context.Context, token openings.Token) ([]byte, error) {
	doc, found, err := mongox.One[personDoc](ctx, s.db.C(peopleName), bson.D{{Key: "_id", Value: token[:]}})
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, openings.ErrNoKey
	case len(doc.Wrapped) == 0:
		return nil, openings.ErrErased
	}
	return doc.Wrapped, nil
}

// AddPersonKey is openings.Store's.
func (s *Store) AddPersonKey(ctx context.Context, token openings.Token, wrapped []byte) ([]byte, error) {
	_, err := s.db.C(peopleName).InsertOne(ctx, personDoc{Token: token[:], Wrapped: wrapped})
	if err != nil && !mongox.IsDuplicate(err) {
		return nil, mongox.Wrap(err)
	}
	return s.PersonKey(ctx, token)
}

// ErasePersonKey is openings.Store's.
func (s *Store) ErasePersonKey(ctx context.Context, token openings.Token) error {
	_, err := s.db.C(peopleName).ReplaceOne(ctx, bson.D{{Key: "_id", Value: token[:]}}, personDoc{Token: token[:]}, options.Replace().SetUpsert(true))
	return mongox.Wrap(err)
}
