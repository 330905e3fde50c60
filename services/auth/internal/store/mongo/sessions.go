package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/revoked"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

// BeginSession changes the account first: what is read of it when the session is there decides (account, "begin").
func (s *Store) BeginSession(ctx context.Context, id string, change func(*account.Account) (account.Session, []record.Event, error)) error {
	var sess account.Session
	var events []record.Event
	err := s.accounts.Update(ctx, id, func(a *account.Account) (_ []record.Event, err error) {
		sess, events, err = change(a)
		return nil, err
	})
	if err != nil {
		return err
	}
	return s.sessions.Insert(ctx, sess.ID, sess, events...)
}

func (s *Store) Session(ctx context.Context, id string) (account.Session, error) {
	return s.sessions.Get(ctx, id)
}

func (s *Store) SessionsOf(ctx context.Context, owner string, now time.Time) ([]account.Session, error) {
	filter := bson.D{
		{Key: "account", Value: owner},
		{Key: "ended_at", Value: bson.D{{Key: "$exists", Value: false}}},
		{Key: "expires_at", Value: bson.D{{Key: "$gt", Value: now}}},
	}
	return s.sessions.List(ctx, filter, mongox.Keys("-last_used_at", "_id"), 0)
}

func (s *Store) UpdateSession(ctx context.Context, id string, change func(*account.Session) ([]record.Event, error)) error {
	return s.sessions.Update(ctx, id, change)
}

type endedDoc struct {
	Session     string    `bson:"_id"`
	At          time.Time `bson:"ended_at"`
	AccessUntil time.Time `bson:"access_until"`
}

func (s *Store) Ended(ctx context.Context, from, to time.Time, after revoked.Ended, limit int) ([]revoked.Ended, error) {
	filter := bson.D{{Key: "ended_at", Value: bson.D{{Key: "$gte", Value: from}, {Key: "$lte", Value: to}}}}
	if after.Session != "" {
		filter = append(filter, later("ended_at", after.At, after.Session))
	}
	docs, err := mongox.List[endedDoc](ctx, s.sessions.Collection, filter, mongox.Keys("ended_at", "_id"), limit)
	ended := make([]revoked.Ended, len(docs))
	for i, d := range docs {
		ended[i] = revoked.Ended(d)
	}
	return ended, err
}

// later comes after an id of that time, in the order of time and then id.
func later(field string, at time.Time, id string) bson.E {
	return bson.E{Key: "$or", Value: bson.A{
		bson.D{{Key: field, Value: bson.D{{Key: "$gt", Value: at}}}},
		bson.D{{Key: field, Value: at}, {Key: "_id", Value: bson.D{{Key: "$gt", Value: id}}}},
	}}
}

// SweepSessions leaves those alone that still have events to ship.
func (s *Store) SweepSessions(ctx context.Context, before time.Time, limit int) (swept int, err error) {
	for _, field := range []string{"expires_at", "ended_at"} {
		old := bson.D{{Key: field, Value: bson.D{{Key: "$lt", Value: before}}}, {Key: "outbox.first", Value: bson.D{{Key: "$exists", Value: false}}}}
		if swept < limit && err == nil {
			var n int
			n, err = mongox.Prune(ctx, s.sessions.Collection, old, mongox.Keys(field), limit-swept)
			swept += n
		}
	}
	return swept, err
}
