package testkit_test

import (
	"context"
	"net"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"centinela/shared/testkit"
)

func connect(t *testing.T, uri string) *mongo.Client {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return client
}

// Each test has a database of its own, dropped after (design: dependencies).
func TestMongoDatabaseIsDropped(t *testing.T) {
	var first string
	t.Run("a test that leaves data", func(t *testing.T) {
		var uri string
		uri, first = testkit.Mongo(t)
		if _, err := connect(t, uri).Database(first).Collection("c").InsertOne(t.Context(), bson.D{{Key: "_id", Value: "x"}}); err != nil {
			t.Fatal(err)
		}
	})
	uri, second := testkit.Mongo(t)
	if first == second {
		t.Error("two tests share a database")
	}
	names, err := connect(t, uri).ListDatabaseNames(t.Context(), bson.D{{Key: "name", Value: first}})
	if err != nil || len(names) != 0 {
		t.Errorf("after the test: databases %v, error %v", names, err)
	}
}

// The serialising proxy makes single-document updates atomic: 320 $inc arrive,
// and of 16 racers for one code one wins (design: dependencies).
func TestMongoUpdatesAreAtomic(t *testing.T) {
	uri, database := testkit.Mongo(t)
	c := connect(t, uri).Database(database).Collection("counters")
	if _, err := c.InsertOne(t.Context(), bson.D{{Key: "_id", Value: "n"}, {Key: "n", Value: 0}, {Key: "code", Value: "free"}}); err != nil {
		t.Fatal(err)
	}
	var winners atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			taken, err := c.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "n"}, {Key: "code", Value: "free"}}, bson.D{{Key: "$set", Value: bson.D{{Key: "code", Value: "taken"}}}})
			if err != nil {
				t.Error(err)
				return
			}
			winners.Add(taken.ModifiedCount)
			for range 20 {
				if _, err := c.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "n"}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	var doc struct{ N int }
	if err := c.FindOne(t.Context(), bson.D{{Key: "_id", Value: "n"}}).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if doc.N != 320 || winners.Load() != 1 {
		t.Errorf("n = %d (want 320), winners = %d (want 1)", doc.N, winners.Load())
	}
}

// A server must not outlive a test binary that died without a clean-up.
func TestMongoServerEndsWithACrashedBinary(t *testing.T) {
	if os.Getenv(childMode) != "" {
		uri, _ := testkit.Mongo(t)
		os.Stdout.WriteString("CHILD_URI=" + uri + "\n") //nolint:errcheck // the parent fails without it
		os.Exit(3)
	}
	if os.Getenv("CENTINELA_TEST_MONGODB") != "" {
		t.Log("the server is not ours to end")
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), childMode+"=1")
	out, err := cmd.Output()
	uri := regexp.MustCompile(`CHILD_URI=(\S+)`).FindSubmatch(out)
	if uri == nil {
		t.Fatalf("no URI: %v\n%s", err, out)
	}
	parsed, err := url.Parse(string(uri[1]))
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, func() (bool, string) {
		conn, err := net.DialTimeout("tcp", parsed.Host, time.Second)
		if err != nil {
			return true, ""
		}
		return false, "still listening; close: " + errText(conn.Close())
	})
}

func errText(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}
