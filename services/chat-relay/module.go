package chatrelay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"centinela/openapi/gen/chatrelayapi"
	"centinela/services/chat-relay/internal/bus"
	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/httpapi"
	"centinela/services/chat-relay/internal/peers"
	"centinela/services/chat-relay/internal/room"
	"centinela/services/chat-relay/internal/socket"
	"centinela/services/chat-relay/internal/store/mongo"
	"centinela/services/chat-relay/internal/store/sqlite"
	"centinela/shared/access"
	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/outbox"
	"centinela/shared/record"
	"centinela/shared/verdicts"
)

// shutTime is for the sockets' goodbyes.
const shutTime = 5 * time.Second

// store is what the service keeps.
type store interface {
	room.Log
	room.Rooms
	digest.Store
	Record(ctx context.Context, events ...record.Event) error
	Outbox() outbox.Log
	Ready(ctx context.Context) error
	Close(ctx context.Context) error
}

// Module is the chat relay. It is a module.Module.
type Module struct {
	deps    module.Deps
	store   store
	chat    *room.Chat
	teller  *digest.Teller
	people  *access.Verifier
	feed    *verdicts.Feed
	shipper *outbox.Shipper
	door    *socket.Door
	handler http.Handler
}

var _ module.Module = (*Module)(nil)

// New opens the store and wires the service. Errors are one line and say what to do.
func New(ctx context.Context, cfg Config, deps module.Deps) (*Module, error) {
	store, err := open(ctx, deps.Store)
	if err != nil {
		return nil, err
	}
	m, err := build(cfg, deps, store)
	if err != nil {
		return nil, errors.Join(err, store.Close(ctx))
	}
	return m, nil
}

func open(ctx context.Context, s module.Store) (store, error) {
	switch s.Engine {
	case module.EngineSQLite:
		return sqlite.Open(ctx, filepath.Join(s.Dir, "chat-relay.db"), s.SQLite()...)
	case module.EngineMongoDB:
		return mongo.Open(ctx, s.URI.Reveal(), s.Database)
	}
	return nil, fmt.Errorf("store.engine: %q is neither %s nor %s", s.Engine, module.EngineSQLite, module.EngineMongoDB)
}

func build(cfg Config, deps module.Deps, store store) (*Module, error) {
	spec, err := chatrelayapi.Spec()
	if err != nil {
		return nil, err
	}
	auth := peers.NewPeople(deps.Client(module.Auth))
	feed, set, err := deps.Verdicts()
	if err != nil {
		return nil, err
	}
	m := &Module{deps: deps, store: store, people: deps.People(), feed: feed, shipper: deps.Shipper(store.Outbox())}
	owner, err := ownName(deps.Store.Dir)
	if err != nil {
		return nil, err
	}
	book := digest.NewBook(owner)
	m.teller = digest.NewTeller(book, digest.Options{
		Service: deps.Service, Store: store, Messages: room.Counted(store), Clock: deps.Clock, Kick: m.shipper.Kick,
	})
	m.chat = room.New(room.Options{
		Log: store, Rooms: store, Book: book, People: auth, Bus: bus.NewMemory().Join(), Clock: deps.Clock,
		Rate: cfg.Rate, Kick: m.shipper.Kick,
		Panicked: func(from record.Origin, cause any, stack []byte) { m.door.Panicked("store", from, cause, stack) },
	})
	m.door = socket.New(socket.Options{
		Chat: m.chat, Ended: m.teller.End, People: m.people, Verdicts: set, Heard: feed.Await, Clock: deps.Clock, Log: deps.Log,
		Registry: deps.Registry, Limits: cfg.Sockets,
		Record: func(ctx context.Context, events ...record.Event) error {
			defer m.shipper.Kick()
			return store.Record(ctx, events...)
		},
	})
	m.feed.OnChange(m.door.Enforce)
	m.people.Revocations().OnChange(m.door.Revoke)
	server := deps.Server(spec, m.people)
	httpapi.New(m.chat, m.door).Register(server.Engine())
	m.handler = server.Handler()
	return m, nil
}

// ownName is the relay's name in its digests: the same after a restart on the same data folder.
func ownName(dir string) (string, error) {
	path := filepath.Join(dir, "relay.id")
	if text, err := os.ReadFile(path); err == nil && id.Valid("rly", strings.TrimSpace(string(text))) {
		return strings.TrimSpace(string(text)), nil
	}
	name := id.New("rly")
	return name, errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(path, []byte(name+"\n"), 0o600))
}

// Handler serves openapi/chat-relay.yaml.
func (m *Module) Handler() http.Handler { return m.handler }

// Ready is nil when the store can do its work, and it is known which sessions are over and whom to refuse.
func (m *Module) Ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if !m.feed.Able() {
		return verdicts.ErrUnheard
	}
	return errors.Join(m.store.Ready(ctx), m.people.Ready())
}

// Run stores and publishes messages, ships events and follows the verdicts until ctx ends; then it says goodbye to the
// sockets, stores what they sent, tells of it, and ships that.
func (m *Module) Run(ctx context.Context) error {
	messages, endMessages := context.WithCancel(context.WithoutCancel(ctx))
	events, endEvents := context.WithCancel(context.WithoutCancel(ctx))
	group, last := m.deps.Background(), m.deps.Background()
	group.Go(ctx, "verdicts", m.feed.Run)
	group.Go(ctx, "people", m.people.Run)
	group.Go(ctx, "revocations", m.people.Revocations().Run)
	group.Go(ctx, "expiry", m.door.Watch)
	group.Go(ctx, "bus", m.chat.Listen)
	group.Go(ctx, "digests", m.teller.Run)
	group.Go(ctx, "goodbye", func(ctx context.Context) error {
		<-ctx.Done()
		defer endMessages() // however the goodbyes went: nobody may be waited for for ever
		goodbye, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutTime)
		defer cancel()
		m.door.Shut(goodbye)
		return nil
	})
	group.Go(messages, "messages", m.chat.Run)
	last.Go(events, "outbox", m.shipper.Run)
	group.Wait()
	goodbye, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutTime)
	defer cancel()
	if err := m.teller.Close(goodbye); err != nil {
		m.deps.Log.Error("what was written isn't told yet; it will be at the next start", "error", err)
	}
	endEvents()
	last.Wait()
	return nil
}

// Close closes the store; call it after Run returned.
func (m *Module) Close(ctx context.Context) error { return m.store.Close(ctx) }
