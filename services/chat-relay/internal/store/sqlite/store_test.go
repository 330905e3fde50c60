package sqlite_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"centinela/services/chat-relay/internal/room"
	"centinela/services/chat-relay/internal/store/sqlite"
	"centinela/services/chat-relay/internal/store/storetest"
	"centinela/shared/record"
	"centinela/shared/sqlitex/sqlitextest"
)

// R1, R4.1: the store's contract on SQLite.
func TestStore(t *testing.T) {
	ctx := sqlitextest.Plans(t, "testdata/plans.sql")
	storetest.Run(t, func(t *testing.T) storetest.Open {
		path := filepath.Join(t.TempDir(), "chat-relay.db")
		var last storetest.Store
		return func(t *testing.T) storetest.Store {
			if last != nil { // one process owns the file
				if err := last.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			s, err := sqlite.Open(ctx, path)
			if err != nil {
				t.Fatal(err)
			}
			last = s
			t.Cleanup(func() {
				if last == storetest.Store(s) {
					if err := s.Close(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
			return s
		}
	})
}

// A number that is too great, which no caller should have, leaves no gap.
func TestTooGreatANumberIsCorrected(t *testing.T) {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "chat-relay.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := room.Conversation{ID: "cnv_1", Kind: room.Group, Members: []room.Member{{Account: "a"}}, CreatedAt: now, ActiveAt: now}
	if _, err := s.Create(t.Context(), c, record.New(now, "chat-relay", record.ChatConversationCreated, record.Success, record.Origin{})); err != nil {
		t.Fatal(err)
	}
	for want, seq := range []int64{1, 7, 9} {
		m := room.Message{Conversation: "cnv_1", Seq: seq, ClientID: fmt.Sprint(seq), Sender: "a", Kind: room.Text, Text: "x", At: now}
		fates, err := s.Append(t.Context(), room.Batch{Entries: []room.Entry{{Message: m}}})
		if err != nil || fates[0].Seq != int64(want+1) {
			t.Errorf("%d became %+v (%v)", seq, fates, err)
		}
	}
	if c, err := s.Conversation(t.Context(), "cnv_1"); err != nil || c.LastSeq != 3 {
		t.Errorf("last seq %d, %v", c.LastSeq, err)
	}
}
