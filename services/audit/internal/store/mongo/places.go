package mongo

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"centinela/services/audit/internal/places"
	"centinela/shared/mongox"
)

type placeDoc struct {
	ID        string    `bson:"_id"`
	Version   int64     `bson:"rev"`
	Account   string    `bson:"account"`
	Network   string    `bson:"network"`
	FirstSeen time.Time `bson:"first_seen"`
	LastSeen  time.Time `bson:"last_seen"`
	Count     int64     `bson:"count"`
	Seq       int64     `bson:"seq"`
}

// RecordVisits is places.Store's: one document a visit. Stopped in between, the
// visits come again, and those that were recorded change nothing.
func (s *Store) RecordVisits(ctx context.Context, visits []places.Visit) error {
	for _, v := range visits {
		if err := s.recordVisit(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

var errNothingNew = errors.New("known already")

func (s *Store) recordVisit(ctx context.Context, v places.Visit) error {
	update := func() error {
		return mongox.UpdateVersioned(ctx, s.db.C(placesName), placeID(v.Account, v.Network),
			func(d *placeDoc) *int64 { return &d.Version },
			func(d *placeDoc) error {
				p, changed := v.Apply(d.place())
				if !changed {
					return errNothingNew
				}
				*d = docOfPlace(p, d.Version)
				return nil
			})
	}
	err := update()
	if errors.Is(err, mongox.ErrNoDocument) {
		p, _ := v.Apply(places.Place{})
		_, err = s.db.C(placesName).InsertOne(ctx, docOfPlace(p, 1))
		if mongox.IsDuplicate(err) { // another instance made it just now
			err = update()
		}
	}
	if errors.Is(err, errNothingNew) {
		return nil
	}
	return mongox.Wrap(err)
}

// Place is places.Store's.
func (s *Store) Place(ctx context.Context, account, network string) (places.Place, error) {
	doc, found, err := mongox.One[placeDoc](ctx, s.db.C(placesName), mongox.ByID(placeID(account, network)))
	if err == nil && !found {
		err = places.ErrUnknownPlace
	}
	return doc.place(), err
}

// HasPlaces is places.Store's.
func (s *Store) HasPlaces(ctx context.Context, account string) (bool, error) {
	_, found, err := mongox.One[bson.Raw](ctx, s.db.C(placesName), bson.D{{Key: "account", Value: account}})
	return found, err
}

func placeID(account, network string) string { return account + "/" + network }

func (d placeDoc) place() places.Place {
	return places.Place{Account: d.Account, Network: d.Network, FirstSeen: d.FirstSeen.UTC(), LastSeen: d.LastSeen.UTC(), Count: d.Count, Seq: d.Seq}
}

func docOfPlace(p places.Place, version int64) placeDoc {
	return placeDoc{
		ID: placeID(p.Account, p.Network), Version: version, Account: p.Account, Network: p.Network,
		FirstSeen: p.FirstSeen, LastSeen: p.LastSeen, Count: p.Count, Seq: p.Seq,
	}
}
