package mongo

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/services/chat-relay/internal/relay"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

type conversationDoc struct {
	ID        string         `bson:"_id"`
	Kind      string         `bson:"kind"`
	Title     string         `bson:"title"`
	DirectKey string         `bson:"direct_key"`
	CreatedBy string         `bson:"created_by"`
	Members   []memberDoc    `bson:"members"`
	LastSeq   int64          `bson:"last_seq"`
	CreatedAt time.Time      `bson:"created_at"`
	ActiveAt  time.Time      `bson:"active_at"`
	Outbox    mongox.Carried `bson:"outbox,omitempty"`
}

type memberDoc struct {
	Account  string    `bson:"account"`
	UserName string    `bson:"user_name"`
	AddedAt  time.Time `bson:"added_at"`
}

// directDoc claims a pair of accounts for one conversation.
type directDoc struct {
	Key          string `bson:"_id"`
	Conversation string `bson:"conversation"`
}

// AddConversation implements relay.Store. A direct one first claims its pair: whoever finds the claim taken uses the
// claimed id. Stopped between claim and document, the next one with the same pair writes the document under that id.
func (s *Store) AddConversation(ctx context.Context, c relay.Conversation, e record.Event) (relay.Conversation, error) {
	if c.DirectKey != "" {
		id, err := s.claim(ctx, c)
		if err != nil {
			return relay.Conversation{}, err
		}
		if id != c.ID {
			c.ID, e.Target = id, id
			if known, err := s.Conversation(ctx, id); !errors.Is(err, relay.ErrConversationNotFound) {
				return known, err
			}
		}
	}
	doc := conversationDoc{
		ID: c.ID, Kind: c.Kind, Title: c.Title, DirectKey: c.DirectKey, CreatedBy: c.CreatedBy,
		LastSeq: c.LastSeq, CreatedAt: c.CreatedAt, ActiveAt: c.ActiveAt,
	}
	if err := doc.Outbox.Carry(e); err != nil {
		return relay.Conversation{}, err
	}
	for _, m := range c.Members {
		doc.Members = append(doc.Members, memberDoc(m))
	}
	_, err := s.db.C(conversationsName).InsertOne(ctx, doc)
	if mongox.IsDuplicate(err) && c.DirectKey != "" {
		return s.Conversation(ctx, c.ID)
	}
	return c, mongox.Wrap(err)
}

func (s *Store) claim(ctx context.Context, c relay.Conversation) (id string, _ error) {
	direct := s.db.C(directName)
	_, err := direct.InsertOne(ctx, directDoc{Key: c.DirectKey, Conversation: c.ID})
	if !mongox.IsDuplicate(err) {
		return c.ID, mongox.Wrap(err)
	}
	var taken directDoc
	err = direct.FindOne(ctx, bson.D{{Key: "_id", Value: c.DirectKey}}).Decode(&taken)
	return taken.Conversation, mongox.Wrap(err)
}

// Conversation implements relay.Store. The newest number is asked of the messages: the document's may be behind.
func (s *Store) Conversation(ctx context.Context, id string) (relay.Conversation, error) {
	var doc conversationDoc
	err := s.db.C(conversationsName).FindOne(ctx, bson.D{{Key: "_id", Value: id}}).Decode(&doc)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return relay.Conversation{}, relay.ErrConversationNotFound
	}
	if err != nil {
		return relay.Conversation{}, mongox.Wrap(err)
	}
	c := doc.conversation()
	newest, err := s.MessagesBefore(ctx, id, 1<<63-1, 1)
	if err != nil {
		return relay.Conversation{}, err
	}
	if len(newest) > 0 {
		c.LastSeq, c.ActiveAt = newest[0].Seq, later(c.ActiveAt, newest[0].At)
	}
	return c, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// ConversationsOf implements relay.Store. Order and last_seq are the hints: after a crash at the wrong moment they are
// one message behind until the next one.
func (s *Store) ConversationsOf(ctx context.Context, account string, behind relay.Position, limit int) ([]relay.Conversation, error) {
	filter := bson.D{{Key: "members.account", Value: account}}
	if !behind.IsZero() {
		filter = append(filter, bson.E{Key: "$or", Value: bson.A{
			bson.D{{Key: "active_at", Value: bson.D{{Key: "$lt", Value: behind.ActiveAt}}}},
			bson.D{{Key: "active_at", Value: behind.ActiveAt}, {Key: "_id", Value: bson.D{{Key: "$lt", Value: behind.ID}}}},
		}})
	}
	order := bson.D{{Key: "active_at", Value: -1}, {Key: "_id", Value: -1}}
	cursor, err := s.db.C(conversationsName).Find(ctx, filter, options.Find().SetSort(order).SetLimit(int64(limit)))
	if err != nil {
		return nil, mongox.Wrap(err)
	}
	var docs []conversationDoc
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, mongox.Wrap(err)
	}
	list := make([]relay.Conversation, len(docs))
	for i := range docs {
		list[i] = docs[i].conversation()
	}
	return list, nil
}

func (d *conversationDoc) conversation() relay.Conversation {
	c := relay.Conversation{
		ID: d.ID, Kind: d.Kind, Title: d.Title, DirectKey: d.DirectKey, CreatedBy: d.CreatedBy,
		LastSeq: d.LastSeq, CreatedAt: d.CreatedAt.UTC(), ActiveAt: d.ActiveAt.UTC(),
	}
	for _, m := range d.Members {
		m.AddedAt = m.AddedAt.UTC()
		c.Members = append(c.Members, relay.Member(m))
	}
	return c
}
