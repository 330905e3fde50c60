package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/services/recovery/internal/recovery"
	"centinela/shared/mongox"
)

// CreateFlow implements recovery.Store.
func (s *Store) CreateFlow(ctx context.Context, f recovery.Flow, e recovery.Effects) error {
	doc := flowDoc{Key: f.ID, Flow: f, Carried: Carried{Version: 1}}
	if err := doc.add(e); err != nil {
		return err
	}
	_, err := s.db.C(flows).InsertOne(ctx, doc)
	return mongox.Wrap(err)
}

// Flow implements recovery.Store.
func (s *Store) Flow(ctx context.Context, id string) (recovery.Flow, error) {
	return s.flow(ctx, byID(id))
}

func (s *Store) flow(ctx context.Context, filter bson.D) (recovery.Flow, error) {
	doc, found, err := findOne[flowDoc](ctx, s.db.C(flows), filter)
	if err == nil && !found {
		err = recovery.ErrNoFlow
	}
	return doc.Flow, err
}

// UpdateFlow implements recovery.Store.
func (s *Store) UpdateFlow(ctx context.Context, id string, change func(*recovery.Flow) (recovery.Effects, error)) error {
	err := mongox.UpdateVersioned(ctx, s.db.C(flows), id,
		func(d *flowDoc) *int64 { return &d.Version },
		func(d *flowDoc) error { return apply(&d.Flow, &d.Carried, change) })
	if missing(err) {
		return recovery.ErrNoFlow
	}
	return err
}

// FlowsOfAccount implements recovery.Store.
func (s *Store) FlowsOfAccount(ctx context.Context, account string, limit int) ([]recovery.Flow, error) {
	if account == "" {
		return nil, nil
	}
	newest := bson.D{{Key: "started_at", Value: -1}, {Key: "_id", Value: -1}}
	docs, err := find[flowDoc](ctx, s.db.C(flows), is("account", account), options.Find().SetSort(newest).SetLimit(int64(limit)))
	var all []recovery.Flow
	for _, d := range docs {
		all = append(all, d.Flow)
	}
	return all, err
}

// OpenFlows implements recovery.Store.
func (s *Store) OpenFlows(ctx context.Context, account string, now time.Time) ([]recovery.Flow, error) {
	if account == "" {
		return nil, nil
	}
	newest := bson.D{{Key: "started_at", Value: -1}, {Key: "_id", Value: -1}}
	docs, err := find[flowDoc](ctx, s.db.C(flows), bson.D{{Key: "account", Value: account}, {Key: "open_until", Value: is("$gt", now)}}, options.Find().SetSort(newest))
	var all []recovery.Flow
	for _, d := range docs {
		all = append(all, d.Flow)
	}
	return all, err
}

// TextsOf implements recovery.Store: a flow's texts are in its document.
func (s *Store) TextsOf(ctx context.Context, flow string) ([]recovery.Text, error) {
	doc, _, err := findOne[Carried](ctx, s.db.C(flows), byID(flow))
	return doc.Texts, err
}

// FlowByVetoToken implements recovery.Store.
func (s *Store) FlowByVetoToken(ctx context.Context, hash string) (recovery.Flow, error) {
	return s.flow(ctx, is("veto_tokens.hash", hash))
}

// Due implements recovery.Store.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) (due, dueFlows []string, _ error) {
	due, err := s.due(ctx, wallets, now, limit)
	if err != nil {
		return nil, nil, err
	}
	dueFlows, err = s.due(ctx, flows, now, limit)
	return due, dueFlows, err
}

func (s *Store) due(ctx context.Context, collection string, now time.Time, limit int) ([]string, error) {
	opts := options.Find().SetProjection(is("_id", 1)).SetSort(is("next_at", 1)).SetLimit(int64(limit))
	docs, err := find[struct {
		ID string `bson:"_id"`
	}](ctx, s.db.C(collection), atMost("next_at", now), opts)
	var ids []string
	for _, d := range docs {
		ids = append(ids, d.ID)
	}
	return ids, err
}
