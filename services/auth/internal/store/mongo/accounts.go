package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/services/auth/internal/account"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

func (s *Store) CreateAccount(ctx context.Context, a account.Account, events ...record.Event) error {
	doc := docOfAccount(a, mongox.Carried{})
	if err := doc.Outbox.Carry(events...); err != nil {
		return err
	}
	_, err := s.db.C(accounts).InsertOne(ctx, doc)
	if mongox.IsDuplicate(err) {
		return account.ErrNameTaken
	}
	return mongox.Wrap(err)
}

func (s *Store) Account(ctx context.Context, id string) (account.Account, error) {
	return s.findAccount(ctx, byID(id))
}

func (s *Store) AccountByName(ctx context.Context, key string) (account.Account, error) {
	return s.findAccount(ctx, bson.D{{Key: "name_key", Value: key}})
}

func (s *Store) findAccount(ctx context.Context, filter bson.D) (account.Account, error) {
	var doc accountDoc
	if err := s.db.C(accounts).FindOne(ctx, filter).Decode(&doc); err != nil {
		return account.Account{}, notFound(err)
	}
	return doc.account(), nil
}

func (s *Store) UpdateAccount(ctx context.Context, id string, change func(*account.Account) ([]record.Event, error)) error {
	version := func(d *accountDoc) *int64 { return &d.Version }
	return notFound(mongox.UpdateVersioned(ctx, s.db.C(accounts), id, version, func(doc *accountDoc) error {
		a := doc.account()
		events, err := change(&a)
		if err != nil {
			return err
		}
		a.ID, a.NameKey = doc.ID, doc.NameKey
		*doc = docOfAccount(a, doc.Outbox)
		return doc.Outbox.Carry(events...)
	}))
}

func (s *Store) AccountsEnding(ctx context.Context, before time.Time, limit int) ([]string, error) {
	filter := bson.D{{Key: "ending.at", Value: bson.D{{Key: "$gt", Value: never}, {Key: "$lt", Value: before}}}}
	order := options.Find().SetSort(bson.D{{Key: "ending.at", Value: 1}}).SetLimit(int64(limit))
	found, err := s.db.C(accounts).Find(ctx, filter, order)
	if err != nil {
		return nil, mongox.Wrap(err)
	}
	var docs []accountDoc
	if err := found.All(ctx, &docs); err != nil {
		return nil, mongox.Wrap(err)
	}
	return mapped(docs, func(d accountDoc) string { return d.ID }), nil
}
