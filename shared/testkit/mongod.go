package testkit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

const mongodReady = 30 * time.Second

// guard gives mongod what it lacks: it ends when stdin closes, and its folder
// goes with it. $1 folder, $2 port, $3 URI, $0 mongod.
const guard = `
"$0" --replSet rs0 --bind_ip 127.0.0.1 --port "$2" --dbpath "$1" --quiet >"$1/mongod.log" 2>&1 &
pid=$!
echo "MONGODB_URI=$3"
cat >/dev/null
kill "$pid" 2>/dev/null
wait "$pid"
rm -rf "$1"
`

// startMongod runs mongod on loopback as a replica set of one, which majority
// and journal need, and waits until it is primary.
func startMongod(mongod string) (uri string, _ *child, _ error) {
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	folder, err := os.MkdirTemp("", "centinela-mongod-*")
	if err != nil {
		return "", nil, err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	uri = "mongodb://" + address + "/?replicaSet=rs0"
	cmd := exec.Command("sh", "-c", guard, mongod, folder, strconv.Itoa(port), uri)
	uri, c, err := startChild(cmd)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(folder))
	}
	if err := makePrimary(address); err != nil {
		return "", nil, errors.Join(fmt.Errorf("%s: %w", mongod, err), c.stop())
	}
	return uri, c, nil
}

// freePort is taken right after by mongod, which cannot choose a port itself.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

func makePrimary(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), mongodReady)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI("mongodb://" + address + "/?directConnection=true"))
	if err != nil {
		return err
	}
	config := bson.D{{Key: "_id", Value: "rs0"}, {Key: "members", Value: bson.A{bson.D{{Key: "_id", Value: 0}, {Key: "host", Value: address}}}}}
	// Server selection waits for the process to listen.
	err = client.Database("admin").RunCommand(ctx, bson.D{{Key: "replSetInitiate", Value: config}}).Err()
	for err == nil {
		var hello struct {
			Primary bool `bson:"isWritablePrimary"`
		}
		err = client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
		if err == nil && hello.Primary {
			break
		}
		if err == nil {
			err = pause(ctx)
		}
	}
	return errors.Join(err, client.Disconnect(ctx))
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(50 * time.Millisecond):
		return nil
	}
}
