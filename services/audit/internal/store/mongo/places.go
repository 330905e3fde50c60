package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"

	"centinela/services/audit/internal/places"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

// errNothingNew ends an update that has nothing to change.
var errNothingNew = errors.New("known already")

// RecordVisits is places.Store's: one document a visit. Stopped in between, the
// visits come again, and those that were recorded change nothing.
func (s *Store) RecordVisits(ctx context.Context, visits []places.Visit) error {
	for _, v := range visits {
		err := s.places.Update(ctx, placeID(v.Account, v.Network), func(p *places.Place) (_ []record.Event, err error) {
			changed := false
			if *p, changed = v.Apply(*p); !changed {
				err = errNothingNew
			}
			return nil, err
		})
		if err != nil && !errors.Is(err, errNothingNew) {
			return err
		}
	}
	return nil
}

// Place is places.Store's.
func (s *Store) Place(ctx context.Context, account, network string) (places.Place, error) {
	p, err := s.places.Get(ctx, placeID(account, network))
	if err == nil && p.Count == 0 {
		err = places.ErrUnknownPlace
	}
	return p, err
}

// HasPlaces is places.Store's.
func (s *Store) HasPlaces(ctx context.Context, account string) (bool, error) {
	_, found, err := mongox.One[bson.Raw](ctx, s.places.Collection, bson.D{{Key: "account", Value: account}})
	return found, err
}

func placeID(account, network string) string { return account + "/" + network }
