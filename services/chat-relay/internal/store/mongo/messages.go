package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"centinela/services/chat-relay/internal/room"
	"centinela/shared/mongox"
)

// messageDoc claims its number by its id.
type messageDoc struct {
	ID      string       `bson:"_id"` // "<conversation>/<seq>"
	Message room.Message `bson:",inline"`
}

// messageID sorts like the number: 19 digits hold every int64.
func messageID(conversation string, seq int64) string {
	return fmt.Sprintf("%s/%019d", conversation, seq)
}

// Append implements room.Log. The insert is the claim, in order: of two relays that want the same number the later one
// collides on the _id, and what it has left of that conversation moves on; a client id that is known collides on its
// index, and what is left moves back.
func (s *Store) Append(ctx context.Context, b room.Batch) ([]room.Fate, error) {
	if err := s.putDigests(ctx, b.Digests); err != nil {
		return nil, err
	}
	fates, next := make([]room.Fate, len(b.Entries)), make(map[string]int64, len(b.Entries))
	for i, e := range b.Entries {
		if _, ok := next[e.Conversation]; ok {
			continue
		}
		if e.Seq == 1 { // there is nothing else that would refuse it
			if _, err := s.conversations.Get(ctx, e.Conversation); err != nil {
				return nil, err
			}
		}
		next[e.Conversation] = b.Entries[i].Seq
	}
	for done := 0; done < len(b.Entries); {
		stored, err := s.insert(ctx, b.Entries[done:], fates[done:], next)
		done += stored
		if err == nil {
			break
		}
		if !mongox.IsDuplicate(err) {
			return nil, mongox.Wrap(err)
		}
		m := b.Entries[done].Message
		known, found, err := s.Find(ctx, m.Conversation, m.Sender, m.ClientID)
		if err != nil {
			return nil, err
		}
		if found {
			fates[done] = room.Fate{Message: known, Known: true}
			done++
			continue
		}
		newest, err := s.newest(ctx, m.Conversation)
		if err != nil {
			return nil, err
		}
		next[m.Conversation] = newest + 1
	}
	s.follow(ctx, b, fates)
	return fates, nil
}

// insert stores a beginning of the entries under the conversations' next numbers, and says how many.
func (s *Store) insert(ctx context.Context, entries []room.Entry, fates []room.Fate, next map[string]int64) (int, error) {
	docs, seqs := make([]messageDoc, len(entries)), make(map[string]int64, len(next))
	for i, e := range entries {
		seqs[e.Conversation]++
		e.Seq = next[e.Conversation] + seqs[e.Conversation] - 1
		docs[i] = messageDoc{messageID(e.Conversation, e.Seq), e.Message}
	}
	_, err := s.messages.InsertMany(ctx, docs)
	n := len(docs)
	if failed, ok := errors.AsType[mongo.BulkWriteException](err); ok && len(failed.WriteErrors) > 0 {
		n = failed.WriteErrors[0].Index
	} else if err != nil {
		return 0, err
	}
	for i := range n {
		fates[i] = room.Fate{Message: docs[i].Message}
		next[docs[i].Message.Conversation]++
	}
	return n, err
}

// follow brings the hints up to date, in one round trip. The messages are stored: what fails here is made good by the next
// one, so it must not turn into an error of these.
func (s *Store) follow(ctx context.Context, b room.Batch, fates []room.Fate) {
	type hint struct {
		seq  int64
		lift time.Time
	}
	hints := make(map[string]hint, len(fates))
	for i, f := range fates {
		if f.Known {
			continue
		}
		h := hints[f.Conversation]
		h.seq = f.Seq
		if b.Entries[i].Lift && f.At.After(h.lift) {
			h.lift = f.At
		}
		hints[f.Conversation] = h
	}
	updates := make([]mongo.WriteModel, 0, len(hints))
	for conversation, h := range hints {
		most := bson.D{{Key: "last_seq", Value: h.seq}}
		if !h.lift.IsZero() {
			most = append(most, bson.E{Key: "active_at", Value: h.lift})
		}
		updates = append(updates, mongo.NewUpdateOneModel().SetFilter(mongox.ByID(conversation)).SetUpdate(bson.D{{Key: "$max", Value: most}}))
	}
	_ = inBulk(ctx, s.conversations.Collection, updates)
}

// newest is the conversation's last number, 0 without a message.
func (s *Store) newest(ctx context.Context, conversation string) (int64, error) {
	last, err := s.Before(ctx, conversation, 1<<63-1, 1)
	if err != nil || len(last) == 0 {
		return 0, err
	}
	return last[0].Seq, nil
}

// Find implements room.Log.
func (s *Store) Find(ctx context.Context, conversation, sender, clientID string) (room.Message, bool, error) {
	return mongox.One[room.Message](ctx, s.messages,
		bson.D{{Key: "conversation", Value: conversation}, {Key: "sender", Value: sender}, {Key: "client_id", Value: clientID}})
}

// Before implements room.Log.
func (s *Store) Before(ctx context.Context, conversation string, seq int64, limit int) ([]room.Message, error) {
	return s.between(ctx, messageID(conversation, 0), messageID(conversation, seq), "-_id", limit)
}

// After implements room.Log.
func (s *Store) After(ctx context.Context, conversation string, seq int64, limit int) ([]room.Message, error) {
	return s.between(ctx, messageID(conversation, seq), conversation+"0", "_id", limit) // "0" is what follows "/"
}

func (s *Store) between(ctx context.Context, low, high, order string, limit int) ([]room.Message, error) {
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: low}, {Key: "$lt", Value: high}}}}
	return mongox.List[room.Message](ctx, s.messages, filter, mongox.Keys(order), limit)
}
