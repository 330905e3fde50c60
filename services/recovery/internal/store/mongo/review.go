package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/review"
	"centinela/shared/mongox"
)

var _ review.Store = (*Store)(nil)

// policyDoc is a policy as it was read; its _id is its hash.
type policyDoc struct {
	Text string `json:"text"`
}

// KeepPolicy implements claim.Store.
func (s *Store) KeepPolicy(ctx context.Context, hash, text string) error {
	if _, err := s.policies.Get(ctx, hash); !errors.Is(err, claim.ErrNoPolicy) {
		return err
	}
	err := s.policies.Insert(ctx, hash, policyDoc{text})
	if mongox.IsDuplicate(err) { // another process keeps the same
		return nil
	}
	return err
}

// Policy implements review.Store.
func (s *Store) Policy(ctx context.Context, hash string) (string, error) {
	doc, err := s.policies.Get(ctx, hash)
	return doc.Text, err
}

// FlowsAfter implements review.Store.
func (s *Store) FlowsAfter(ctx context.Context, id string, limit int) ([]claim.Flow, error) {
	docs, err := s.flows.List(ctx, bson.D{{Key: "_id", Value: is("$gt", id)}}, mongox.Keys("_id"), limit)
	var all []claim.Flow
	for _, d := range docs {
		all = append(all, d.Flow)
	}
	return all, err
}
