package testkit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// envMongo names a server to use as it is.
const envMongo = "CENTINELA_TEST_MONGODB"

const dropBudget = 10 * time.Second

// server is the one MongoDB of this test binary: starting one a test would cost
// more than the tests. It is the package's only state.
var server struct {
	sync.Mutex
	started bool
	uri     string
	err     error
	child   *child // nil when the server is not ours
}

// Main runs the tests and stops what testkit started. Without it the server
// ends by itself when the test binary does, however that ends.
//
//	func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }
func Main(m *testing.M) int {
	code := m.Run()
	server.Lock()
	defer server.Unlock()
	if server.child == nil {
		return code
	}
	if err := server.child.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "testkit: MongoDB server:", err)
		return max(code, 1)
	}
	return code
}

// Mongo returns the URI of a MongoDB server and the name of a database that is
// this test's own and is dropped after it. The server is the first of:
// CENTINELA_TEST_MONGODB, `mongod` on PATH as a replica set of one,
// deploy/testmongo (built the first time, which takes about a minute, then
// cached in the user's cache folder). It prints once which one it took.
func Mongo(t testing.TB) (uri, database string) {
	t.Helper()
	uri, err := mongoServer()
	if err != nil {
		t.Fatalf("no MongoDB server for tests: %v", err)
	}
	database = "centinela_test_" + strings.ToLower(rand.Text()[:20])
	t.Cleanup(func() { drop(t, uri, database) })
	return uri, database
}

func mongoServer() (string, error) {
	server.Lock()
	defer server.Unlock()
	if !server.started {
		server.started = true
		server.uri, server.child, server.err = startServer()
	}
	return server.uri, server.err
}

func startServer() (uri string, _ *child, _ error) {
	if uri := os.Getenv(envMongo); uri != "" {
		say("the server of " + envMongo)
		return uri, nil, nil
	}
	if mongod, err := exec.LookPath("mongod"); err == nil {
		say(mongod + " as a replica set of one")
		return startMongod(mongod)
	}
	say("deploy/testmongo (FerretDB v1.24.0 behind a serialising proxy, not MongoDB's own server)")
	return startTestmongo()
}

// say goes to standard error: it concerns the run, not one test.
func say(what string) {
	fmt.Fprintln(os.Stderr, "testkit: MongoDB tests use", what)
}

// drop has a client of its own, gone before the test ends, so that leak checks
// see nothing of it.
func drop(t testing.TB, uri, database string) {
	ctx, cancel := context.WithTimeout(context.Background(), dropBudget)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err == nil {
		err = errors.Join(client.Database(database).Drop(ctx), client.Disconnect(ctx))
	}
	if err != nil {
		t.Errorf("drop %s: %v", database, err)
	}
}
