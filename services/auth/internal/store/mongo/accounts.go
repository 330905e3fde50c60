package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"centinela/services/auth/internal/account"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

func (s *Store) CreateAccount(ctx context.Context, a account.Account, events ...record.Event) error {
	err := s.accounts.Insert(ctx, a.ID, a, events...)
	if mongox.IsDuplicate(err) {
		return account.ErrNameTaken
	}
	return err
}

func (s *Store) Account(ctx context.Context, id string) (account.Account, error) {
	return s.accounts.Get(ctx, id)
}

func (s *Store) AccountByName(ctx context.Context, key string) (account.Account, error) {
	return s.accounts.One(ctx, bson.D{{Key: "name_key", Value: key}})
}

func (s *Store) UpdateAccount(ctx context.Context, id string, change func(*account.Account) ([]record.Event, error)) error {
	return s.accounts.Update(ctx, id, change)
}

func (s *Store) AccountsEnding(ctx context.Context, after account.Unfinished, limit int) ([]account.Unfinished, error) {
	filter := bson.D{{Key: "ending.at", Value: bson.D{{Key: "$gt", Value: time.Time{}}}}}
	if after.Account != "" {
		filter = bson.D{later("ending.at", after.At, after.Account)}
	}
	list, err := s.accounts.List(ctx, filter, mongox.Keys("ending.at", "_id"), limit)
	unfinished := make([]account.Unfinished, len(list))
	for i, a := range list {
		unfinished[i] = account.Unfinished{Account: a.ID, At: a.Ending.At}
	}
	return unfinished, err
}
