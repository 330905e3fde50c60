package testkit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// watchedApp is how the product's connections name themselves (mongox). A test's
// own clients aren't watched.
const watchedApp = "centinela"

// MongoCommand is a command that the product sent.
type MongoCommand struct {
	Name       string // "find", "insert"
	Collection string
	Body       bson.Raw
	// Parts are what a command of several carries behind its body (OP_MSG, section
	// of kind 1): "updates", "deletes", "documents".
	Parts map[string][]bson.Raw
}

// MongoWatched is [Mongo]; see gets every command that the product sends to this
// database's URI, one after the other.
func MongoWatched(t testing.TB, see func(MongoCommand)) (uri, database string) {
	t.Helper()
	server, err := mongoServer()
	if err != nil {
		t.Fatalf("no MongoDB server for tests: %v", err)
	}
	w := &watch{see: see, wrong: map[string]bool{}, open: map[net.Conn]bool{}}
	uri, err = w.listen(server)
	if err != nil {
		t.Fatalf("watch MongoDB: %v", err)
	}
	database = freshDatabase()
	t.Cleanup(func() {
		w.close()
		for _, wrong := range slices.Sorted(maps.Keys(w.wrong)) {
			t.Error(wrong)
		}
		drop(t, server, database)
	})
	return uri, database
}

// watch passes connections on, reads what their clients say, and holds each
// command of the product to majority and journal: no server of the tests looks at
// concerns, so one that was left out would work everywhere but in a failover.
type watch struct {
	listener net.Listener
	server   string
	see      func(MongoCommand)
	running  sync.WaitGroup

	mu     sync.Mutex
	wrong  map[string]bool
	open   map[net.Conn]bool
	closed bool
}

// listen gives the URI of the way through w. A server of several hosts or behind
// TLS can't be watched: its own URI comes back.
func (w *watch) listen(uri string) (string, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "mongodb" || strings.Contains(u.Host, ",") || u.Query().Get("tls") == "true" || u.Query().Get("ssl") == "true" {
		say("a server whose commands can't be watched")
		return uri, nil //nolint:nilerr // the driver knows more URIs than package url
	}
	if w.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return "", err
	}
	w.server = u.Host
	u.Host = w.listener.Addr().String()
	query := u.Query()
	query.Set("directConnection", "true") // a replica set would tell its own address
	u.RawQuery = query.Encode()
	w.running.Go(w.accept)
	return u.String(), nil
}

func (w *watch) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", w.server)
		if err != nil || !w.remember(client, server) {
			_ = client.Close() // a refused connection is what the driver sees of a server that is away
			continue
		}
		w.running.Go(func() {
			defer server.Close() //nolint:errcheck // what was written is on its way
			w.requests(server, client)
		})
		w.running.Go(func() {
			defer client.Close() //nolint:errcheck // the same
			_, _ = io.Copy(client, server)
		})
	}
}

func (w *watch) remember(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		w.open[c] = true
	}
	return !w.closed
}

func (w *watch) close() {
	if w.listener == nil {
		return
	}
	_ = w.listener.Close()
	w.mu.Lock()
	w.closed = true
	for c := range w.open {
		_ = c.Close()
	}
	w.mu.Unlock()
	w.running.Wait()
}

// requests passes whole messages on until either side ends.
func (w *watch) requests(server io.Writer, client io.Reader) {
	product := false
	for {
		m, err := readMessage(client)
		if err != nil {
			return
		}
		command, err := parseMessage(m)
		if err == nil && command.Body != nil {
			if app, ok := command.Body.Lookup("client", "application", "name").StringValueOK(); ok {
				product = app == watchedApp
			}
			if product {
				w.command(command)
			}
		}
		if _, err := server.Write(m); err != nil {
			return
		}
	}
}

func (w *watch) command(c MongoCommand) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if wrong := wrongConcern(c); wrong != "" {
		w.wrong[wrong] = true
	}
	if w.see != nil {
		w.see(c)
	}
}

var (
	mongoWrites = []string{"insert", "update", "delete", "findAndModify", "createIndexes"}
	mongoReads  = []string{"find", "aggregate", "count", "distinct"}
)

// wrongConcern says what a command lacks (design: architecture, "Stores").
func wrongConcern(c MongoCommand) string {
	switch {
	case slices.Contains(mongoWrites, c.Name):
		w, _ := c.Body.Lookup("writeConcern", "w").StringValueOK()
		j, _ := c.Body.Lookup("writeConcern", "j").BooleanOK()
		if w != "majority" || !j {
			return fmt.Sprintf("%s of %s has no write concern of w majority and j true", c.Name, c.Collection)
		}
	case slices.Contains(mongoReads, c.Name):
		if level, _ := c.Body.Lookup("readConcern", "level").StringValueOK(); level != "majority" {
			return fmt.Sprintf("%s of %s has no read concern majority", c.Name, c.Collection)
		}
	}
	return ""
}

// Numbers of the wire protocol (MongoDB wire protocol, "Standard Message Header").
const (
	messageHeader = 16
	largestBody   = 48_000_000
	opQuery       = 2004 // a handshake's first
	opMsg         = 2013
)

var errMessage = errors.New("not a message that is known here")

func readMessage(r io.Reader) ([]byte, error) {
	m := make([]byte, messageHeader)
	if _, err := io.ReadFull(r, m); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(m)
	if size < messageHeader || size > largestBody {
		return nil, errMessage
	}
	m = append(m, make([]byte, size-messageHeader)...)
	_, err := io.ReadFull(r, m[messageHeader:])
	return m, err
}

// parseMessage reads OP_MSG, and of OP_QUERY the document.
func parseMessage(m []byte) (c MongoCommand, err error) {
	rest := m[messageHeader:]
	switch binary.LittleEndian.Uint32(m[12:]) {
	case opQuery: // flags, name of a collection, skip, return
		end := bytes.IndexByte(rest[min(4, len(rest)):], 0)
		if end < 0 || len(rest) < 4+end+1+8 {
			return c, errMessage
		}
		c.Body, _, err = document(rest[4+end+1+8:])
		return c, err
	case opMsg:
		if len(rest) < 4 {
			return c, errMessage
		}
		return parseSections(rest[4:])
	}
	return c, errMessage
}

func parseSections(rest []byte) (c MongoCommand, err error) {
	c.Parts = map[string][]bson.Raw{}
	for len(rest) > 4 { // a checksum may follow
		kind := rest[0]
		rest = rest[1:]
		switch kind {
		case 0:
			if c.Body, rest, err = document(rest); err != nil {
				return c, err
			}
		case 1:
			size := int(binary.LittleEndian.Uint32(rest))
			if size < 4 || size > len(rest) {
				return c, errMessage
			}
			name, docs, ok := bytes.Cut(rest[4:size], []byte{0})
			rest = rest[size:]
			for ok && len(docs) > 0 {
				var doc bson.Raw
				if doc, docs, err = document(docs); err != nil {
					return c, err
				}
				c.Parts[string(name)] = append(c.Parts[string(name)], doc)
			}
		default:
			return c, errMessage
		}
	}
	elements, err := c.Body.Elements()
	if err != nil || len(elements) == 0 {
		return c, errMessage
	}
	c.Name = elements[0].Key()
	c.Collection, _ = elements[0].Value().StringValueOK()
	return c, nil
}

func document(b []byte) (doc bson.Raw, rest []byte, _ error) {
	if len(b) < 5 {
		return nil, nil, errMessage
	}
	size := int(binary.LittleEndian.Uint32(b))
	if size < 5 || size > len(b) {
		return nil, nil, errMessage
	}
	return bson.Raw(b[:size]), b[size:], nil
}
