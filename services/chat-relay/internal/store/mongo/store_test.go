package mongo_test

import (
	"context"
	"os"
	"testing"

	"centinela/services/chat-relay/internal/relay"
	"centinela/services/chat-relay/internal/store/mongo"
	"centinela/services/chat-relay/internal/store/storetest"
	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// R1, R4.1: the store's contract on MongoDB.
func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Open {
		uri, database := testkit.Mongo(t)
		return func(t *testing.T) relay.Store {
			s, err := mongo.Open(t.Context(), uri, database)
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
	})
}
