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

func (s *Store) CreateSession(ctx context.Context, sess account.Session, events ...record.Event) error {
	doc := docOfSession(sess, mongox.Carried{})
	if err := doc.Outbox.Carry(events...); err != nil {
		return err
	}
	_, err := s.db.C(sessions).InsertOne(ctx, doc)
	return mongox.Wrap(err)
}

func (s *Store) Session(ctx context.Context, id string) (account.Session, error) {
	var doc sessionDoc
	if err := s.db.C(sessions).FindOne(ctx, byID(id)).Decode(&doc); err != nil {
		return account.Session{}, notFound(err)
	}
	return doc.session(), nil
}

func (s *Store) SessionsOf(ctx context.Context, owner string, now time.Time) ([]account.Session, error) {
	filter := bson.D{
		{Key: "account", Value: owner},
		{Key: "ended_at", Value: never},
		{Key: "expires_at", Value: bson.D{{Key: "$gt", Value: now}}},
	}
	order := options.Find().SetSort(bson.D{{Key: "last_used_at", Value: -1}, {Key: "_id", Value: 1}})
	found, err := s.db.C(sessions).Find(ctx, filter, order)
	if err != nil {
		return nil, mongox.Wrap(err)
	}
	var docs []sessionDoc
	if err := found.All(ctx, &docs); err != nil {
		return nil, mongox.Wrap(err)
	}
	return mapped(docs, sessionDoc.session), nil
}

func (s *Store) UpdateSession(ctx context.Context, id string, change func(*account.Session) ([]record.Event, error)) error {
	version := func(d *sessionDoc) *int64 { return &d.Version }
	return notFound(mongox.UpdateVersioned(ctx, s.db.C(sessions), id, version, func(doc *sessionDoc) error {
		sess := doc.session()
		events, err := change(&sess)
		if err != nil {
			return err
		}
		sess.ID, sess.Account = doc.ID, doc.Account
		*doc = docOfSession(sess, doc.Outbox)
		return doc.Outbox.Carry(events...)
	}))
}
