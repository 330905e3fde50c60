package mongo

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/services/chat-relay/internal/relay"
	"centinela/shared/mongox"
	"centinela/shared/record"
)

type messageDoc struct {
	ID           string         `bson:"_id"` // "<conversation>/<seq>": the claim of the number
	Conversation string         `bson:"conversation"`
	Seq          int64          `bson:"seq"`
	ClientID     string         `bson:"client_id"`
	Sender       string         `bson:"sender"`
	Kind         string         `bson:"kind"`
	Text         string         `bson:"text"`
	ReplyTo      int64          `bson:"reply_to"`
	At           time.Time      `bson:"at"`
	Outbox       mongox.Carried `bson:"outbox,omitempty"`
}

// messageID sorts like the number: 19 digits hold every int64.
func messageID(conversation string, seq int64) string {
	return fmt.Sprintf("%s/%019d", conversation, seq)
}

// AppendMessage implements relay.Store. The insert is the claim: two instances that want the same number collide on the
// _id, and the later one takes the next; a client id that is known collides on its index.
func (s *Store) AppendMessage(ctx context.Context, m relay.Message, report func(relay.Message) record.Event) (relay.Message, bool, error) {
	defer s.turns.Lock(m.Conversation)()
	last, hinted := s.last.Get(m.Conversation)
	if !hinted {
		c, err := s.Conversation(ctx, m.Conversation)
		if err != nil {
			return relay.Message{}, false, err
		}
		last = c.LastSeq
	}
	for {
		m.Seq = last + 1
		err := s.insert(ctx, m, report(m))
		if err == nil {
			s.follow(ctx, m)
			return m, true, nil
		}
		if !mongox.IsDuplicate(err) {
			return relay.Message{}, false, mongox.Wrap(err)
		}
		known, err := s.find(ctx, bson.D{
			{Key: "conversation", Value: m.Conversation}, {Key: "sender", Value: m.Sender}, {Key: "client_id", Value: m.ClientID},
		}, 1, 1)
		if err != nil {
			return relay.Message{}, false, err
		}
		if len(known) > 0 {
			return known[0], false, nil
		}
		newest, err := s.MessagesBefore(ctx, m.Conversation, 1<<63-1, 1)
		if err != nil {
			return relay.Message{}, false, err
		}
		if len(newest) > 0 {
			last = newest[0].Seq
		}
	}
}

func (s *Store) insert(ctx context.Context, m relay.Message, e record.Event) error {
	doc := messageDoc{
		ID: messageID(m.Conversation, m.Seq), Conversation: m.Conversation, Seq: m.Seq, ClientID: m.ClientID, Sender: m.Sender,
		Kind: m.Kind, Text: m.Text, ReplyTo: m.ReplyTo, At: m.At,
	}
	err := doc.Outbox.Carry(e)
	if err == nil {
		_, err = s.db.C(messagesName).InsertOne(ctx, doc)
	}
	return err
}

// follow brings the hints up to date. The message is stored: what fails here is made good by the next message, so it
// must not turn into an error of this one.
func (s *Store) follow(ctx context.Context, m relay.Message) {
	s.last.Put(m.Conversation, m.Seq)
	_, _ = s.db.C(conversationsName).UpdateOne(ctx, bson.D{{Key: "_id", Value: m.Conversation}},
		bson.D{{Key: "$max", Value: bson.D{{Key: "last_seq", Value: m.Seq}, {Key: "active_at", Value: m.At}}}})
}

// MessagesBefore implements relay.Store.
func (s *Store) MessagesBefore(ctx context.Context, conversation string, before int64, limit int) ([]relay.Message, error) {
	return s.find(ctx, between(messageID(conversation, 0), messageID(conversation, before)), -1, limit)
}

// MessagesAfter implements relay.Store.
func (s *Store) MessagesAfter(ctx context.Context, conversation string, after int64, limit int) ([]relay.Message, error) {
	return s.find(ctx, between(messageID(conversation, after), conversation+"0"), 1, limit) // "0" is what follows "/"
}

func between(low, high string) bson.D {
	return bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: low}, {Key: "$lt", Value: high}}}}
}

func (s *Store) find(ctx context.Context, filter bson.D, order, limit int) ([]relay.Message, error) {
	cursor, err := s.db.C(messagesName).Find(ctx, filter, options.Find().SetSort(bson.D{{Key: "_id", Value: order}}).SetLimit(int64(limit)))
	if err != nil {
		return nil, mongox.Wrap(err)
	}
	var docs []messageDoc
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, mongox.Wrap(err)
	}
	list := make([]relay.Message, len(docs))
	for i, d := range docs {
		list[i] = relay.Message{
			Conversation: d.Conversation, Seq: d.Seq, ClientID: d.ClientID, Sender: d.Sender, Kind: d.Kind, Text: d.Text,
			ReplyTo: d.ReplyTo, At: d.At.UTC(),
		}
	}
	return list, nil
}
