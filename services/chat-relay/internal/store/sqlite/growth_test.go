package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/room"
	"centinela/services/chat-relay/internal/store/sqlite"
	"centinela/shared/record"
	"centinela/shared/sqlitex/sqlitextest"
)

// GR: no operation costs more because others talk, because a conversation is long, or because one is in many (G6).
func TestGrowth(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	name := func(i int) string { return fmt.Sprintf("%08x", uint32(i)*2654435761) }
	message := func(conversation, i int) room.Entry {
		return room.Entry{Lift: true, Message: room.Message{
			Conversation: name(conversation), Seq: 1, ClientID: fmt.Sprint(i), Sender: name(conversation), Kind: room.Text, Text: "hola",
			Digest: "dig_1", At: now.Add(time.Duration(i) * time.Second),
		}}
	}
	const busy = 10 // conversations share the messages; "everywhere" is in all of them
	fill := func(ctx context.Context, s *sqlite.Store, n int) error {
		err := sqlitextest.Each(n, func(i int) error {
			members := []room.Member{{Account: name(i), UserName: "a", AddedAt: now}, {Account: "everywhere", UserName: "e", AddedAt: now}}
			c := room.Conversation{ID: name(i), Kind: room.Group, CreatedBy: name(i), Members: members, CreatedAt: now, ActiveAt: now}
			_, err := s.Create(ctx, c, record.New(now, "chat-relay", record.ChatConversationCreated, record.Success, record.Origin{}))
			return err
		})
		if err != nil {
			return err
		}
		return sqlitextest.Each(3*n, func(i int) error {
			d := digest.Digest{ID: fmt.Sprintf("dig_%06d", i), Owner: name(i / 20), OpenedAt: now}
			_, err := s.Append(ctx, room.Batch{Entries: []room.Entry{message(i%busy, i)}, Digests: []digest.Digest{d}})
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
	list := func(account func(i int) string, behind room.Position) func(ctx context.Context, s *sqlite.Store, i int) error {
		return func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.Of(ctx, account(i), behind, 20)
			return err
		}
	}
	everywhere := func(int) string { return "everywhere" }
	appending := func(ctx context.Context, s *sqlite.Store, i int) error {
		_, err := s.Append(ctx, room.Batch{Entries: []room.Entry{message(i, 1_000_000+i)}})
		return err
	}
	sqlitextest.Growth(t, open, fill,
		operation{Name: "Conversation", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.Conversation(ctx, name(i))
			return err
		}},
		operation{Name: "Of one", Run: list(name, room.Position{})},
		operation{Name: "Of many", Run: list(everywhere, room.Position{})},
		operation{Name: "Of many, second page", Run: list(everywhere, room.Position{ActiveAt: now.Add(time.Second), ID: "x"})},
		operation{Name: "Append", Run: appending},
		operation{Name: "Append again", Run: appending},
		operation{Name: "Find", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, _, err := s.Find(ctx, name(i), name(i), fmt.Sprint(1_000_000+i))
			return err
		}},
		operation{Name: "Before", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.Before(ctx, name(i), 1<<60, 50)
			return err
		}},
		operation{Name: "After", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.After(ctx, name(i), 10, 50)
			return err
		}},
		operation{Name: "OpenDigests", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			_, err := s.OpenDigests(ctx, name(i), now.Add(time.Second), 5)
			return err
		}},
		operation{Name: "CloseDigests", Run: func(ctx context.Context, s *sqlite.Store, i int) error {
			e := record.New(now, "chat-relay", record.ChatActivity, record.Success, record.Origin{})
			return s.CloseDigests(ctx, []digest.Closed{{ID: fmt.Sprintf("dig_%06d", i), Event: &e}})
		}},
	)
}
