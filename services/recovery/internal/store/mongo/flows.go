package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/post"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

// CreateFlow implements claim.Store.
func (s *Store) CreateFlow(ctx context.Context, f claim.Flow, e post.Effects) error {
	doc := FlowDoc{Flow: f}
	doc.take(e)
	return s.flows.Insert(ctx, f.ID, doc, e.Events...)
}

// Flow implements claim.Store.
func (s *Store) Flow(ctx context.Context, id string) (claim.Flow, error) {
	doc, err := s.flows.Get(ctx, id)
	return doc.Flow, err
}

// UpdateFlow implements claim.Store.
func (s *Store) UpdateFlow(ctx context.Context, id string, change func(*claim.Flow) (post.Effects, error)) error {
	return s.flows.Update(ctx, id, func(d *FlowDoc) ([]record.Event, error) {
		effects, err := change(&d.Flow)
		d.take(effects)
		return effects.Events, err
	})
}

// FlowsOfAccount implements claim.Store.
func (s *Store) FlowsOfAccount(ctx context.Context, account string, limit int) ([]claim.Flow, error) {
	return s.listFlows(ctx, account, nil, mongox.Keys("-started_at", "-_id"), limit)
}

// OpenFlows implements claim.Store.
func (s *Store) OpenFlows(ctx context.Context, account string, now time.Time) ([]claim.Flow, error) {
	return s.listFlows(ctx, account, is("open_until", is("$gt", now)), nil, 0)
}

func (s *Store) listFlows(ctx context.Context, account string, also, order bson.D, limit int) ([]claim.Flow, error) {
	if account == "" {
		return nil, nil
	}
	docs, err := s.flows.List(ctx, append(is("account", account), also...), order, limit)
	var all []claim.Flow
	for _, d := range docs {
		all = append(all, d.Flow)
	}
	return all, err
}

// FlowByVetoToken implements objection.Store.
func (s *Store) FlowByVetoToken(ctx context.Context, hash string) (claim.Flow, error) {
	doc, err := s.flows.One(ctx, is("veto_tokens.hash", hash))
	return doc.Flow, err
}

// DueFlows implements claim.Store.
func (s *Store) DueFlows(ctx context.Context, now time.Time, limit int) ([]due.Item, error) {
	return listDue(ctx, s.flows.Collection, now, limit)
}

// PutOffFlow implements claim.Store.
func (s *Store) PutOffFlow(ctx context.Context, item due.Item, next time.Time) error {
	return putOff(ctx, s.flows.Collection, item, next)
}

// PruneFlows implements claim.Store. A flow's events are in its document: it
// stays until they are shipped.
func (s *Store) PruneFlows(ctx context.Context, now time.Time, limit int) (int, error) {
	shipped := append(atMost("forget_at", now), bson.E{Key: "outbox.first", Value: is("$exists", false)})
	return mongox.Prune(ctx, s.flows.Collection, shipped, mongox.Keys("forget_at"), limit)
}
