package mongo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/post"
	"centinela/shared/fault"
	"centinela/shared/mongox"
	"centinela/shared/record"
	"centinela/shared/sms"
)

// errNothing ends an update that found nothing to do, so that nothing is written.
var errNothing = errors.New("nothing to change")

// owner is a document whose texts are looked at.
type owner struct {
	ID   string    `bson:"_id"`
	Next time.Time `bson:"texts_next"`
}

// ClaimTexts implements post.Store: the longest due first.
func (s *Store) ClaimTexts(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]post.Text, error) {
	var all []owner
	for _, c := range []*mongo.Collection{s.wallets.Collection, s.flows.Collection} {
		found, err := mongox.List[owner](ctx, c, atMost("texts_next", now), mongox.Keys("texts_next"), limit, "texts_next")
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, func(a, b owner) int { return cmp.Or(a.Next.Compare(b.Next), strings.Compare(a.ID, b.ID)) })
	var claimed []post.Text
	var damaged error
	for _, o := range all {
		if len(claimed) >= limit {
			break
		}
		var own []post.Text
		err := s.updateTexts(ctx, o.ID, func(c *Carried) ([]record.Event, error) {
			if own = lend(c.Texts, now, lease, limit-len(claimed)); len(own) == 0 {
				return nil, errNothing
			}
			return nil, nil
		})
		switch {
		case err == nil:
			claimed = append(claimed, own...)
		case errors.Is(err, errNothing) || isGone(err):
		case fault.From(err).Kind == fault.KindUnavailable || ctx.Err() != nil:
			return claimed, errors.Join(damaged, err) // those that are lent already are the caller's
		default:
			damaged = errors.Join(damaged, fmt.Errorf("the texts of %s: %w", o.ID, err))
			_, err := s.collectionOf(o.ID).UpdateOne(ctx, mongox.ByID(o.ID), mongox.Set(bson.D{{Key: "texts_next", Value: now.Add(post.DamagedFor)}}))
			if err != nil {
				return claimed, errors.Join(damaged, mongox.Wrap(err))
			}
		}
	}
	return claimed, damaged
}

// lend gives at most limit of the texts that are due away until the lease ends.
func lend(texts []post.Text, now time.Time, lease time.Duration, limit int) (own []post.Text) {
	for i := range texts {
		if t := &texts[i]; !t.NextAt.IsZero() && !t.NextAt.After(now) && len(own) < limit {
			t.NextAt = now.Add(lease)
			own = append(own, *t)
		}
	}
	return own
}

// collectionOf is where the document of an owner is, as its id says.
func (s *Store) collectionOf(owner string) *mongo.Collection {
	if strings.HasPrefix(owner, "rec_") {
		return s.flows.Collection
	}
	return s.wallets.Collection
}

// updateTexts changes the texts of an owner, whose id says which collection.
// Errors: one that isGone.
func (s *Store) updateTexts(ctx context.Context, owner string, change func(*Carried) ([]record.Event, error)) error {
	alter := func(c *Carried) ([]record.Event, error) {
		events, err := change(c)
		c.index()
		return events, err
	}
	if strings.HasPrefix(owner, "rec_") {
		return s.flows.Update(ctx, owner, func(d *FlowDoc) ([]record.Event, error) { return alter(&d.Carried) })
	}
	return s.wallets.Update(ctx, owner, func(d *WalletDoc) ([]record.Event, error) { return alter(&d.Carried) })
}

func isGone(err error) bool { return errors.Is(err, claim.ErrNoFlow) }

// UpdateText implements post.Store.
func (s *Store) UpdateText(ctx context.Context, owner, id string, change func(*post.Text) ([]record.Event, error)) error {
	err := s.updateTexts(ctx, owner, func(c *Carried) ([]record.Event, error) {
		i := slices.IndexFunc(c.Texts, func(t post.Text) bool { return t.ID == id })
		if i < 0 {
			return nil, post.ErrNoText
		}
		return change(&c.Texts[i])
	})
	if err == error(claim.ErrNoFlow) { //nolint:errorlint // by identity: the callback's own faults may have the same code
		return post.ErrNoText
	}
	return err
}

// TextsOf implements claim.Store: a flow's texts are in its document.
func (s *Store) TextsOf(ctx context.Context, flow string) ([]post.Text, error) {
	doc, err := s.flows.Get(ctx, flow)
	if isGone(err) {
		return nil, nil
	}
	return doc.Texts, err
}

// TextByProvider implements post.Store.
func (s *Store) TextByProvider(ctx context.Context, providerID string) (post.Text, error) {
	if providerID == "" {
		return post.Text{}, post.ErrNoText
	}
	for _, c := range []*mongo.Collection{s.flows.Collection, s.wallets.Collection} {
		doc, _, err := mongox.One[Carried](ctx, c, is("texts.provider_id", providerID))
		if err != nil {
			return post.Text{}, err
		}
		if i := slices.IndexFunc(doc.Texts, func(t post.Text) bool { return t.ProviderID == providerID }); i >= 0 {
			return doc.Texts[i], nil
		}
	}
	return post.Text{}, post.ErrNoText
}

// PruneTexts implements post.Store.
func (s *Store) PruneTexts(ctx context.Context, before time.Time, limit int) (int, error) {
	n := 0
	for _, c := range []*mongo.Collection{s.wallets.Collection, s.flows.Collection} {
		if n >= limit {
			break
		}
		ids, err := mongox.IDs(ctx, c, atMost("texts_done", before), mongox.Keys("texts_done"), limit-n)
		if err != nil {
			return n, err
		}
		n += len(ids)
		for _, id := range ids {
			err := s.updateTexts(ctx, id, func(c *Carried) ([]record.Event, error) {
				c.Texts = slices.DeleteFunc(c.Texts, func(t post.Text) bool { return !t.FinishedAt.IsZero() && !t.FinishedAt.After(before) })
				return nil, nil
			})
			if err != nil && !isGone(err) {
				return n, err
			}
		}
	}
	return n, nil
}

// Keep implements sms.Inbox.
func (s *Store) Keep(ctx context.Context, m sms.Message, at time.Time) error {
	err := s.inbox.Insert(ctx, m.ID, post.KeptText{ID: m.ID, To: m.To, Body: m.Body.Reveal(), At: at})
	if mongox.IsDuplicate(err) {
		return nil
	}
	return err
}

// Kept implements post.Inbox.
func (s *Store) Kept(ctx context.Context, number string, limit int) ([]post.KeptText, error) {
	filter := bson.D{}
	if number != "" {
		filter = is("to", number)
	}
	return s.inbox.List(ctx, filter, mongox.Keys("-at", "-_id"), limit)
}

// PruneInbox implements post.Inbox.
func (s *Store) PruneInbox(ctx context.Context, before time.Time, limit int) (int, error) {
	return mongox.Prune(ctx, s.inbox.Collection, atMost("at", before), mongox.Keys("at"), limit)
}
