package chatrelay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"centinela/openapi/gen/chatrelayapi"
	"centinela/services/chat-relay/internal/httpapi"
	"centinela/services/chat-relay/internal/peers"
	"centinela/services/chat-relay/internal/relay"
	"centinela/services/chat-relay/internal/socket"
	"centinela/services/chat-relay/internal/store/mongo"
	"centinela/services/chat-relay/internal/store/sqlite"
	"centinela/shared/access"
	"centinela/shared/auditlink"
	"centinela/shared/module"
	"centinela/shared/outbox"
	"centinela/shared/verdicts"
)

// shutTime is for the sockets' goodbyes.
const shutTime = 5 * time.Second

// Module is the chat relay. It is a module.Module.
type Module struct {
	deps    module.Deps
	store   backend
	people  *access.Verifier
	feed    *verdicts.Feed
	shipper *outbox.Shipper
	door    *socket.Door
	handler http.Handler
}

var _ module.Module = (*Module)(nil)

// backend is what either store is.
type backend interface {
	relay.Store
	outbox.Log
}

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

func open(ctx context.Context, s module.Store) (backend, error) {
	switch s.Engine {
	case module.EngineSQLite:
		return sqlite.Open(ctx, filepath.Join(s.Dir, "chat-relay.db"))
	case module.EngineMongoDB:
		return mongo.Open(ctx, s.URI.Reveal(), s.Database)
	}
	return nil, fmt.Errorf("store.engine: %q is neither %s nor %s", s.Engine, module.EngineSQLite, module.EngineMongoDB)
}

func build(cfg Config, deps module.Deps, store backend) (*Module, error) {
	spec, err := chatrelayapi.Spec()
	if err != nil {
		return nil, err
	}
	auth, err := peers.NewPeople(deps.Client(module.Auth))
	if err != nil {
		return nil, err
	}
	set := verdicts.NewSet()
	m := &Module{
		deps: deps, store: store, people: deps.People(),
		feed:    verdicts.NewFeed(set, auditlink.New(deps.LongClient(module.Audit)).Verdicts, filepath.Join(deps.Store.Dir, "verdicts.jsonl"), deps.Clock, deps.Log),
		shipper: deps.Shipper(store),
	}
	if err := m.feed.Restore(); err != nil {
		return nil, fmt.Errorf("verdicts on disk: %w", err)
	}
	chat := relay.New(relay.Options{Store: store, People: auth, Codec: socket.Codec{}, Clock: deps.Clock, Rate: cfg.rate(), Kick: m.shipper.Kick})
	m.door = socket.New(socket.Options{
		Relay: chat, People: m.people, Verdicts: set, Clock: deps.Clock, Log: deps.Log,
		Registry: deps.Registry, Limits: cfg.limits(), Origins: cfg.origins(),
	})
	m.feed.OnChange(m.door.Enforce)
	server := deps.Server(spec, m.people)
	httpapi.New(chat, m.door).Register(server.Engine())
	m.handler = server.Handler()
	return m, nil
}

// Handler serves openapi/chat-relay.yaml.
func (m *Module) Handler() http.Handler { return m.handler }

// Ready is nil when the store answers.
func (m *Module) Ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return m.store.Ping(ctx)
}

// Run ships events and follows the verdicts until ctx ends; then it says
// goodbye to the sockets, whose last events the shipper still takes.
func (m *Module) Run(ctx context.Context) error {
	last, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group := m.deps.Background()
	group.Go(ctx, "verdicts", m.feed.Run)
	group.Go(ctx, "people", m.people.Run)
	group.Go(ctx, "expiry", m.door.Watch)
	group.Go(last, "outbox", m.shipper.Run)
	group.Go(ctx, "goodbye", func(ctx context.Context) error {
		<-ctx.Done()
		defer stop() // however the goodbyes went: the shipper must not be waited for
		goodbye, cancel := context.WithTimeout(last, shutTime)
		defer cancel()
		m.door.Shut(goodbye)
		return nil
	})
	group.Wait()
	return nil
}

// Close closes the store; call it after Run returned.
func (m *Module) Close(ctx context.Context) error { return m.store.Close(ctx) }
