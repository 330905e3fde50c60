package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"

	"centinela/services/chat-relay/internal/room"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

// directDoc claims a pair of accounts for one conversation.
type directDoc struct {
	Key          string `bson:"_id"`
	Conversation string `bson:"conversation"`
}

// Create implements room.Rooms. A direct one first claims its pair: whoever finds the claim taken uses the claimed id.
// Stopped between claim and document, the next one with the same pair writes the document under that id.
func (s *Store) Create(ctx context.Context, c room.Conversation, e record.Event) (room.Conversation, error) {
	if c.DirectKey != "" {
		id, err := s.claim(ctx, c)
		if err != nil {
			return room.Conversation{}, err
		}
		if id != c.ID {
			c.ID, e.Target = id, id
			if known, err := s.Conversation(ctx, id); !errors.Is(err, room.ErrConversationNotFound) {
				return known, err
			}
		}
	}
	err := s.conversations.Insert(ctx, c.ID, c, e)
	if mongox.IsDuplicate(err) && c.DirectKey != "" {
		return s.Conversation(ctx, c.ID)
	}
	return c, err
}

func (s *Store) claim(ctx context.Context, c room.Conversation) (id string, _ error) {
	_, err := s.C(directName).InsertOne(ctx, directDoc{Key: c.DirectKey, Conversation: c.ID})
	if !mongox.IsDuplicate(err) {
		return c.ID, mongox.Wrap(err)
	}
	taken, _, err := mongox.One[directDoc](ctx, s.C(directName), mongox.ByID(c.DirectKey))
	return taken.Conversation, err
}

// Conversation implements room.Rooms. The newest number is asked of the messages: the document's may be behind.
func (s *Store) Conversation(ctx context.Context, id string) (room.Conversation, error) {
	c, err := s.conversations.Get(ctx, id)
	if err != nil {
		return room.Conversation{}, err
	}
	newest, err := s.newest(ctx, id)
	c.LastSeq = max(c.LastSeq, newest)
	return c, err
}

// Of implements room.Rooms. Order and last_seq are the hints: after a crash at the wrong moment they are one batch behind
// until the next one.
func (s *Store) Of(ctx context.Context, account string, behind room.Position, limit int) ([]room.Conversation, error) {
	filter := bson.D{{Key: "members.account", Value: account}}
	if !behind.IsZero() {
		filter = append(filter, bson.E{Key: "$or", Value: bson.A{
			bson.D{{Key: "active_at", Value: bson.D{{Key: "$lt", Value: behind.ActiveAt}}}},
			bson.D{{Key: "active_at", Value: behind.ActiveAt}, {Key: "_id", Value: bson.D{{Key: "$lt", Value: behind.ID}}}},
		}})
	}
	return s.conversations.List(ctx, filter, mongox.Keys("-active_at", "-_id"), limit)
}
