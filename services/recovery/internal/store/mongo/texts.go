package mongo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/services/recovery/internal/recovery"
	"centinela/shared/mongox"
	"centinela/shared/record"
	"centinela/shared/sms"
)

// errNothing ends an update that found nothing to do, so that nothing is written.
var errNothing = errors.New("nothing to change")

// ClaimTexts implements recovery.Texts.
func (s *Store) ClaimTexts(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]recovery.Text, error) {
	var all []recovery.Text
	for _, claim := range []func() ([]recovery.Text, error){
		func() ([]recovery.Text, error) {
			return claimFrom(ctx, s.db.C(wallets), now, lease, limit, func(d *walletDoc) *Carried { return &d.Carried })
		},
		func() ([]recovery.Text, error) {
			return claimFrom(ctx, s.db.C(flows), now, lease, limit-len(all), func(d *flowDoc) *Carried { return &d.Carried })
		},
	} {
		claimed, err := claim()
		if err != nil {
			return nil, err
		}
		all = append(all, claimed...)
	}
	return all, nil
}

func claimFrom[T any](ctx context.Context, c *mongo.Collection, now time.Time, lease time.Duration, limit int, in func(*T) *Carried) ([]recovery.Text, error) {
	if limit <= 0 {
		return nil, nil
	}
	owners, err := find[struct {
		ID string `bson:"_id"`
	}](ctx, c, atMost("texts.next_at", now), options.Find().SetProjection(is("_id", 1)).SetLimit(int64(limit)))
	if err != nil {
		return nil, err
	}
	var all []recovery.Text
	for _, owner := range owners {
		var claimed []recovery.Text
		err := mongox.UpdateVersioned(ctx, c, owner.ID, func(d *T) *int64 { return &in(d).Version }, func(d *T) error {
			claimed = nil
			for i := range in(d).Texts {
				t := &in(d).Texts[i]
				if !t.NextAt.IsZero() && !t.NextAt.After(now) && len(all)+len(claimed) < limit {
					t.NextAt = now.Add(lease)
					claimed = append(claimed, *t)
				}
			}
			if len(claimed) == 0 {
				return errNothing
			}
			return nil
		})
		if err != nil && !errors.Is(err, errNothing) && !missing(err) {
			return nil, err
		}
		all = append(all, claimed...)
	}
	return all, nil
}

// UpdateText implements recovery.Texts. The owner's id says which collection.
func (s *Store) UpdateText(ctx context.Context, owner, id string, change func(*recovery.Text) ([]record.Event, error)) error {
	if strings.HasPrefix(owner, "rec_") {
		return updateText(ctx, s.db.C(flows), owner, id, change, func(d *flowDoc) *Carried { return &d.Carried })
	}
	return updateText(ctx, s.db.C(wallets), owner, id, change, func(d *walletDoc) *Carried { return &d.Carried })
}

func updateText[T any](ctx context.Context, c *mongo.Collection, owner, id string, change func(*recovery.Text) ([]record.Event, error), in func(*T) *Carried) error {
	err := mongox.UpdateVersioned(ctx, c, owner, func(d *T) *int64 { return &in(d).Version }, func(d *T) error {
		texts := in(d).Texts
		i := slices.IndexFunc(texts, func(t recovery.Text) bool { return t.ID == id })
		if i < 0 {
			return recovery.ErrNoText
		}
		events, err := change(&texts[i])
		if err != nil {
			return err
		}
		return in(d).report(events)
	})
	if missing(err) {
		return recovery.ErrNoText
	}
	return err
}

// TextByProvider implements recovery.Texts.
func (s *Store) TextByProvider(ctx context.Context, providerID string) (recovery.Text, error) {
	if providerID == "" {
		return recovery.Text{}, recovery.ErrNoText
	}
	for _, name := range []string{flows, wallets} {
		doc, found, err := findOne[Carried](ctx, s.db.C(name), is("texts.provider_id", providerID))
		if err != nil {
			return recovery.Text{}, err
		}
		if i := slices.IndexFunc(doc.Texts, func(t recovery.Text) bool { return t.ProviderID == providerID }); found && i >= 0 {
			return doc.Texts[i], nil
		}
	}
	return recovery.Text{}, recovery.ErrNoText
}

// Keep implements sms.Inbox.
func (s *Store) Keep(ctx context.Context, m sms.Message, at time.Time) error {
	_, err := s.db.C(inbox).InsertOne(ctx, recovery.KeptText{ID: m.ID, To: m.To, Body: m.Body.Reveal(), At: at})
	if mongox.IsDuplicate(err) {
		return nil
	}
	return mongox.Wrap(err)
}

// Kept implements recovery.Inbox.
func (s *Store) Kept(ctx context.Context, number string, limit int) ([]recovery.KeptText, error) {
	filter := bson.D{}
	if number != "" {
		filter = is("to", number)
	}
	newest := bson.D{{Key: "at", Value: -1}, {Key: "_id", Value: -1}}
	return find[recovery.KeptText](ctx, s.db.C(inbox), filter, options.Find().SetSort(newest).SetLimit(int64(limit)))
}
