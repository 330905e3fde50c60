package module

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/access"
	"centinela/shared/auditlink"
	"centinela/shared/clock"
	"centinela/shared/httpkit"
	"centinela/shared/lifecycle"
	"centinela/shared/outbox"
	"centinela/shared/revocation"
	"centinela/shared/secret"
	"centinela/shared/sqlitex"
	"centinela/shared/svcauth"
	"centinela/shared/verdicts"
)

// The names of the parts, as they stand in service tokens, metrics and events.
const (
	Audit     = "audit"
	Auth      = "auth"
	Recovery  = "recovery"
	ChatRelay = "chat-relay"
	Gateway   = "gateway"
	Operator  = "operator" // no service: the person at the command line
)

// Module is one part of the suite. New builds it with its stores open; Run works
// in the background (outbox, feeds, sweeps) until ctx ends; Close closes the
// stores after Run returned.
type Module interface {
	Handler() http.Handler // what the part's listener serves
	Ready() error          // nil when it can serve
	Run(ctx context.Context) error
	Close(ctx context.Context) error
}

// Store engines.
const (
	EngineSQLite  = "sqlite"
	EngineMongoDB = "mongodb"
)

// Store says where a service keeps its state.
type Store struct {
	Engine   string        // EngineSQLite or EngineMongoDB
	Dir      string        // the service's own data folder; on MongoDB only for keys and caches
	URI      secret.String // MongoDB only
	Database string        // MongoDB only: the service's own database
	Cache    int64         // SQLite only: bytes of the writer's page cache; 0 for sqlitex's own
}

// SQLite is how the embedded database is opened.
func (s Store) SQLite() []sqlitex.Option {
	if s.Cache == 0 {
		return nil
	}
	return []sqlitex.Option{sqlitex.Cache(s.Cache)}
}

// Deps is what the runner gives to a part.
type Deps struct {
	Service   string
	Log       *slog.Logger
	Registry  *prometheus.Registry
	Clock     clock.Clock
	Signer    *svcauth.Signer
	Keyring   svcauth.Keyring
	PeerURL   func(service string) string // "http://127.0.0.1:8081", no slash at the end
	PublicURL string                      // where people reach the gateway, as far as this process can know
	Proxies   []netip.Prefix              // that stand in front of the gateway
	Store     Store
	// FreshSignIn is how old a sign-in may be for what changes the ways into an
	// account, in every service: auth.sign_in.fresh.
	FreshSignIn time.Duration
	Development bool   // the development profile: simulator, /dev, generated keys
	KeyDir      string // where the part's own secret keys are; created when missing in development only
}

// Client returns the authenticated client for one peer.
func (d Deps) Client(peer string) *httpkit.Client { return d.client(peer, 5*time.Second) }

// LongClient is Client for operations that wait for something to happen (x-long),
// like the verdict feed: a call may take 30 s. Its breaker is its own, so that a
// feed that is cut says nothing about short calls.
func (d Deps) LongClient(peer string) *httpkit.Client { return d.client(peer, 30*time.Second) }

func (d Deps) client(peer string, timeout time.Duration) *httpkit.Client {
	return httpkit.NewClient(httpkit.ClientOptions{
		Callee:   peer,
		BaseURL:  func() string { return d.PeerURL(peer) },
		Signer:   d.Signer,
		Log:      d.Log,
		Registry: d.Registry,
		Timeout:  timeout,
	})
}

// People returns the verifier of people's access tokens, fed from auth's JWKS
// and from its feed of ended sessions. Its Run and its Revocations' Run belong
// into the module's Run, its Ready into Ready.
func (d Deps) People() *access.Verifier {
	keys := access.HTTPKeys(d.Client(Auth), func() string { return d.PeerURL(Auth) + "/.well-known/jwks.json" })
	return access.NewVerifier(keys, revocation.NewFeed(revocations(d.LongClient(Auth)), d.Clock, d.Log), d.Clock)
}

// revocations asks auth's feed (GET /internal/revocations, openapi/auth.yaml).
func revocations(client *httpkit.Client) revocation.Fetch {
	return func(ctx context.Context, since string, wait time.Duration) (revocation.Page, error) {
		query := url.Values{"wait_ms": {strconv.FormatInt(wait.Milliseconds(), 10)}}
		if since != "" {
			query.Set("since", since)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://auth/internal/revocations?"+query.Encode(), http.NoBody)
		if err != nil {
			return revocation.Page{}, err
		}
		return httpkit.Read[revocation.Page](client.Do(req))
	}
}

// Shipper returns what brings the part's log to audit. Its Run belongs into the
// module's Run.
func (d Deps) Shipper(log outbox.Log) *outbox.Shipper {
	return d.ShipperTo(log, auditlink.New(d.Client(Audit)).Ingest)
}

// ShipperTo is Shipper for another sink: audit's own.
func (d Deps) ShipperTo(log outbox.Log, sink outbox.Sink) *outbox.Shipper {
	return outbox.New(outbox.Options{
		Service: d.Service, Log: log, Sink: sink, Sign: d.Signer.Sign, Clock: d.Clock, Logger: d.Log, Registry: d.Registry,
	})
}

// Verdicts returns what keeps the part's copy of audit's verdicts up to date, in
// memory and in its folder. It holds the last run's already; its Run belongs into
// the module's Run.
func (d Deps) Verdicts() (*verdicts.Feed, *verdicts.Set, error) {
	if err := os.MkdirAll(d.Store.Dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("the data folder of %s: %w", d.Service, err)
	}
	onDisk := verdicts.Copy{Path: filepath.Join(d.Store.Dir, "verdicts.jsonl"), Key: d.Signer.Derive("centinela verdicts copy v1")}
	set := verdicts.NewSet()
	feed := verdicts.NewFeed(set, auditlink.New(d.LongClient(Audit)).Verdicts, onDisk, d.Clock, d.Log)
	feed.Restore()
	return feed, set, nil
}

// Background returns the group for the loops of the module's Run.
func (d Deps) Background() *lifecycle.Group {
	return lifecycle.NewGroup(d.Service, d.Log, d.Registry)
}

// Server returns a service's internal HTTP server for its spec. afterAuth runs when the caller and the person are
// known, and before validation.
func (d Deps) Server(spec *openapi3.T, people *access.Verifier, afterAuth ...gin.HandlerFunc) *httpkit.Server {
	return httpkit.New(httpkit.Options{
		Service:   d.Service,
		Spec:      spec,
		Log:       d.Log,
		Registry:  d.Registry,
		Callers:   svcauth.NewVerifier(d.Service, d.Keyring),
		People:    people,
		AfterAuth: afterAuth,
	})
}
