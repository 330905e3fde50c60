package recovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"centinela/openapi/gen/recoveryapi"
	"centinela/services/recovery/internal/httpapi"
	"centinela/services/recovery/internal/peers"
	"centinela/services/recovery/internal/recovery"
	"centinela/services/recovery/internal/store/mongo"
	"centinela/services/recovery/internal/store/sqlite"
	"centinela/shared/access"
	"centinela/shared/module"
	"centinela/shared/outbox"
	"centinela/shared/secret"
	"centinela/shared/sms"
	"centinela/shared/sms/twilio"
)

// Module is the recovery service. It is a module.Module.
type Module struct {
	deps    module.Deps
	store   backend
	service *recovery.Service
	courier *recovery.Courier
	people  *access.Verifier
	shipper *outbox.Shipper
	handler http.Handler
}

var _ module.Module = (*Module)(nil)

// backend is what either store is.
type backend interface {
	recovery.Store
	recovery.Texts
	recovery.Inbox
	outbox.Log
	Ping(ctx context.Context) error
	Close(ctx context.Context) error
}

// New opens the store and the key (made when missing, in development only) and
// wires the service. Errors are one line and say what to do.
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
		db, err := sqlite.Open(ctx, filepath.Join(s.Dir, "recovery.db"), s.SQLite()...)
		if err != nil {
			return nil, err
		}
		return embedded{db}, nil
	case module.EngineMongoDB:
		return mongo.Open(ctx, s.URI.Reveal(), s.Database)
	}
	return nil, fmt.Errorf("store.engine: %q is neither %s nor %s", s.Engine, module.EngineSQLite, module.EngineMongoDB)
}

// embedded gives SQLite the form of backend.
type embedded struct{ *sqlite.Store }

func (e embedded) Ping(ctx context.Context) error { return e.Read().PingContext(ctx) }
func (e embedded) Close(context.Context) error    { return e.Store.Close() }

func build(cfg Config, deps module.Deps, store backend) (*Module, error) {
	policy, err := cfg.policy()
	if err != nil {
		return nil, err
	}
	key, err := secret.LoadKey(filepath.Join(deps.KeyDir, sealKey), deps.Development)
	if err != nil {
		return nil, err
	}
	auth, err := peers.NewAuth(deps.Client(module.Auth))
	if err != nil {
		return nil, err
	}
	audit, err := peers.NewAudit(deps.Client(module.Audit))
	if err != nil {
		return nil, err
	}
	api := &httpapi.API{}
	sender, err := senderFor(cfg.SMS, deps, store, api)
	if err != nil {
		return nil, err
	}
	shipper := deps.Shipper(store)
	courier := recovery.NewCourier(store, key, sender, deps.Clock, deps.Log, shipper.Kick)
	service := recovery.New(recovery.Options{
		Store: store, Accounts: auth, Places: audit, Policy: policy, Key: key, Clock: deps.Clock,
		OriginHost: cfg.OriginHost, PublicURL: cmp.Or(cfg.PublicURL, deps.PublicURL),
		StartsPerAddress: cfg.Budget.StartsPerAddress, StartsPerAccount: cfg.Budget.StartsPerAccount,
		AnswerAfter: cfg.AnswerAfter,
		Kick:        func() { shipper.Kick(); courier.Kick() },
	})
	api.Recovery, api.Courier = service, courier
	m := &Module{deps: deps, store: store, service: service, courier: courier, people: deps.People(), shipper: shipper}
	spec, err := recoveryapi.Spec()
	if err != nil {
		return nil, err
	}
	server := deps.Server(spec, m.people)
	api.Register(server.Engine())
	m.handler = server.Handler()
	return m, nil
}

// senderFor makes the sender, and opens the routes that go with it.
func senderFor(cfg SMSConfig, deps module.Deps, store backend, api *httpapi.API) (sms.Sender, error) {
	if cfg.Provider != Twilio {
		if !deps.Development {
			return nil, errors.New("recovery.sms.provider: the simulator is for development only: set twilio")
		}
		api.Inbox = store
		return sms.NewSimulator(store, deps.Clock), nil
	}
	account, err := cfg.Twilio.sender()
	if err != nil {
		return nil, fmt.Errorf("recovery.sms.twilio.auth_token_file: %w", err)
	}
	if api.Inbound, err = twilio.NewWebhook(account.AccountSID, account.AuthToken, cfg.Twilio.WebhookBase+inboundPath); err != nil {
		return nil, err
	}
	if api.Status, err = twilio.NewWebhook(account.AccountSID, account.AuthToken, cfg.Twilio.WebhookBase+statusPath); err != nil {
		return nil, err
	}
	return twilio.New(account)
}

// Handler serves openapi/recovery.yaml.
func (m *Module) Handler() http.Handler { return m.handler }

// Ready is nil when the store answers.
func (m *Module) Ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return errors.Join(m.store.Ping(ctx), m.people.Ready())
}

// Run ships events, sends texts, and does what happens by time alone, until ctx ends.
func (m *Module) Run(ctx context.Context) error {
	group := m.deps.Background()
	group.Go(ctx, "outbox", m.shipper.Run)
	group.Go(ctx, "courier", m.courier.Run)
	group.Go(ctx, "people", m.people.Run)
	group.Go(ctx, "revocations", m.people.Revocations().Run)
	group.Go(ctx, "sweep", func(ctx context.Context) error { return m.service.RunSweeps(ctx, m.deps.Log) })
	group.Wait()
	return nil
}

// Close closes the store.
func (m *Module) Close(ctx context.Context) error { return m.store.Close(ctx) }
