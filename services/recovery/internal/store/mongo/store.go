package mongo

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/objection"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/mongox"
)

// Store is recovery's store on MongoDB.
type Store struct {
	*mongox.DB
	*mongox.Log
	wallets *mongox.Documents[WalletDoc]
	flows   *mongox.Documents[FlowDoc]
	inbox   *mongox.Documents[post.KeptText]

	policies *mongox.Documents[policyDoc]
}

var (
	_ wallet.Store    = (*Store)(nil)
	_ claim.Store     = (*Store)(nil)
	_ objection.Store = (*Store)(nil)
	_ post.Store      = (*Store)(nil)
	_ post.Inbox      = (*Store)(nil)
)

// Open connects and makes the indexes.
func Open(ctx context.Context, uri, database string) (*Store, error) {
	return open(ctx, uri, database, indexes())
}

// OpenReader connects and makes nothing.
func OpenReader(ctx context.Context, uri, database string) (*Store, error) {
	return open(ctx, uri, database, nil)
}

func open(ctx context.Context, uri, database string, indexes map[string][]mongo.IndexModel) (*Store, error) {
	db, err := mongox.Open(ctx, uri, database, indexes)
	if err != nil {
		return nil, err
	}
	return &Store{
		DB: db, Log: db.Log(post.ServiceName, walletDocs, flowDocs),
		wallets: mongox.NewDocuments[WalletDoc](db, walletDocs, 1, nil),
		flows:   mongox.NewDocuments[FlowDoc](db, flowDocs, 1, claim.ErrNoFlow),
		inbox:   mongox.NewDocuments[post.KeptText](db, inboxDocs, 1, post.ErrNoText),

		policies: mongox.NewDocuments[policyDoc](db, policyDocs, 1, claim.ErrNoPolicy),
	}, nil
}

// Carried is what a document has besides its content. Exported, because the
// driver leaves unexported embedded structs out.
type Carried struct {
	Attempts int         `json:"attempts,omitempty"` // how often what was due failed in a row
	Texts    []post.Text `json:"texts,omitempty"`
	// TextsNext is when the first of the texts is due, TextsDone when the first
	// was finished: an index on an array's times serves no order.
	TextsNext time.Time `json:"texts_next,omitzero,omitempty"`
	TextsDone time.Time `json:"texts_done,omitzero,omitempty"`
}

// WalletDoc is a wallet with its texts.
type WalletDoc struct {
	wallet.Wallet `json:",inline"`
	Carried       `json:",inline"`
}

// FlowDoc is a flow with its texts. The flow's id is its _id, too.
type FlowDoc struct {
	claim.Flow `json:",inline"`
	Carried    `json:",inline"`
}

// take keeps the effects of a change but for its events.
func (c *Carried) take(e post.Effects) {
	c.Attempts = 0
	for i := range c.Texts {
		if !e.Over.IsZero() {
			c.Texts[i].Withdraw(e.Over)
		}
	}
	for _, t := range e.Texts {
		if !slices.ContainsFunc(c.Texts, func(o post.Text) bool { return o.Key == t.Key }) {
			c.Texts = append(c.Texts, t)
		}
	}
	c.index()
}

// index finds the first times again after texts have changed.
func (c *Carried) index() {
	first := func(of func(post.Text) time.Time) (first time.Time) {
		for _, t := range c.Texts {
			if at := of(t); !at.IsZero() && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
		return first
	}
	c.TextsNext = first(func(t post.Text) time.Time { return t.NextAt })
	c.TextsDone = first(func(t post.Text) time.Time { return t.FinishedAt })
}

func is(key string, value any) bson.D { return bson.D{{Key: key, Value: value}} }

func atMost(key string, t time.Time) bson.D { return is(key, is("$lte", t)) }

// dueItem is what a sweep reads of a document: what is in it may be broken.
type dueItem struct {
	ID       string `bson:"_id"`
	Attempts int    `bson:"attempts"`
}

func listDue(ctx context.Context, c *mongo.Collection, now time.Time, limit int) (items []due.Item, _ error) {
	docs, err := mongox.List[dueItem](ctx, c, atMost("next_at", now), mongox.Keys("next_at"), limit, "attempts")
	for _, d := range docs {
		items = append(items, due.Item(d))
	}
	return items, err
}

// putOff moves a document that is still due on, without replacing it. One that is
// done between the two steps becomes due once more, which finds nothing to do.
func putOff(ctx context.Context, c *mongo.Collection, item due.Item, next time.Time) error {
	doc, _, err := mongox.One[struct {
		Next time.Time `json:"next_at"`
	}](ctx, c, mongox.ByID(item.ID))
	if err != nil || doc.Next.IsZero() || !doc.Next.Before(next) {
		return err
	}
	_, err = c.UpdateOne(ctx, mongox.ByID(item.ID), mongox.Set(bson.D{{Key: "next_at", Value: next}, {Key: "attempts", Value: item.Attempts}}))
	return mongox.Wrap(err)
}
