package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"centinela/services/chat-relay/internal/relay"
	"centinela/services/chat-relay/internal/store/sqlite"
	"centinela/shared/record"
	"centinela/shared/sqlitex/sqlitextest"
)

// GR: no operation costs more because others talk, or because a conversation is long.
func TestGrowth(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	name := func(i int) string { return fmt.Sprintf("%08x", uint32(i)*2654435761) }
	event := func(relay.Message) record.Event {
		return record.New(now, "chat-relay", record.ChatMessageSent, record.Success, record.Origin{})
	}
	message := func(room, i int) relay.Message {
		return relay.Message{Conversation: name(room), ClientID: fmt.Sprint(i), Sender: name(room), Kind: relay.Text, Text: "hola", At: now.Add(time.Duration(i) * time.Second)}
	}
	const busy = 10 // rooms share the messages; "everywhere" is in all rooms
	fill := func(ctx context.Context, s *sqlite.Store, n int) error {
		err := sqlitextest.Each(n, func(i int) error {
			members := []relay.Member{{Account: name(i), UserName: "a", AddedAt: now}, {Account: "everywhere", UserName: "e", AddedAt: now}}
			c := relay.Conversation{ID: name(i), Kind: relay.Group, CreatedBy: name(i), Members: members, CreatedAt: now, ActiveAt: now}
			_, err := s.AddConversation(ctx, c, event(relay.Message{}))
			return err
		})
		if err != nil {
			return err
		}
		return sqlitextest.Each(3*n, func(i int) error {
			_, _, err := s.AppendMessage(ctx, message(i%busy, i), event)
			return err
		})
	}
	open := func(ctx context.Context, t *testing.T) *sqlite.Store {
		s, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "chat-relay.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.DB.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	type operation = sqlitextest.Operation[*sqlite.Store]
	sqlitextest.Growth(t, open, fill,
		operation{Name: "Conversation", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.Conversation(ctx, name(i))
			return err
		}},
		operation{Name: "ConversationsOf one", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.ConversationsOf(ctx, name(i), relay.Position{}, 20)
			return err
		}},
		operation{Name: "ConversationsOf many", Grows: "GR G6: a page looks at all of an account's conversations", Run: func(ctx context.Context, s *sqlite.Store, _ int) error {
			_, err := s.ConversationsOf(ctx, "everywhere", relay.Position{}, 20)
			return err
		}},
		operation{Name: "AppendMessage", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, _, err := s.AppendMessage(ctx, message(i, 1_000_000+i), event)
			return err
		}},
		operation{Name: "AppendMessage again", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, _, err := s.AppendMessage(ctx, message(i, 1_000_000+i), event)
			return err
		}},
		operation{Name: "MessagesBefore", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.MessagesBefore(ctx, name(i), 1<<60, 50)
			return err
		}},
		operation{Name: "MessagesAfter", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.MessagesAfter(ctx, name(i), 10, 50)
			return err
		}},
	)
}
