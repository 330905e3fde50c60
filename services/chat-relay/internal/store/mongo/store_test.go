package mongo_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"centinela/services/chat-relay/internal/room"
	"centinela/services/chat-relay/internal/store/mongo"
	"centinela/services/chat-relay/internal/store/storetest"
	"centinela/shared/id"
	"centinela/shared/mongox/mongoxtest"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

func open(ctx context.Context, t *testing.T, uri, database string) *mongo.Store {
	t.Helper()
	s, err := mongo.Open(ctx, uri, database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return s
}

// R1, R4.1: the store's contract on MongoDB.
func TestStore(t *testing.T) {
	ctx := mongoxtest.Queries(t, "")
	storetest.Run(t, func(t *testing.T) storetest.Open {
		uri, database := testkit.Mongo(t)
		return func(t *testing.T) storetest.Store { return open(ctx, t, uri, database) }
	})
}

// R1: several instances that append to one conversation at once leave no gap and give no number twice: the later of two
// inserts collides, and takes the next number.
func TestInstancesShareTheNumbers(t *testing.T) {
	uri, database := testkit.Mongo(t)
	instances := []*mongo.Store{open(t.Context(), t, uri, database), open(t.Context(), t, uri, database), open(t.Context(), t, uri, database)}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	event := func(action string) record.Event {
		return record.New(at, "chat-relay", action, record.Success, record.Origin{})
	}
	c := room.Conversation{ID: id.New("cnv"), Kind: room.Group, CreatedAt: at, ActiveAt: at, CreatedBy: "a", Members: []room.Member{{Account: "a", UserName: "a", AddedAt: at}}}
	if _, err := instances[0].Create(t.Context(), c, event(record.ChatConversationCreated)); err != nil {
		t.Fatal(err)
	}
	const each = 15
	seqs := make([]int64, each*len(instances))
	var all sync.WaitGroup
	for i := range seqs {
		all.Go(func() {
			fates, err := instances[i%len(instances)].Append(t.Context(), room.Batch{Entries: []room.Entry{{Message: room.Message{
				Conversation: c.ID, Seq: 1, ClientID: fmt.Sprint(i), Sender: "a", Kind: room.Text, Text: "hola", At: at,
			}}}})
			if err != nil {
				t.Errorf("append %d: %v", i, err)
				return
			}
			seqs[i] = fates[0].Seq
		})
	}
	all.Wait()
	slices.Sort(seqs)
	for i, seq := range seqs {
		if seq != int64(i)+1 {
			t.Fatalf("numbers %v", seqs)
		}
	}
}
