package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"

	"centinela/gateway/internal/edge"
	"centinela/gateway/internal/proxy"
	"centinela/gateway/internal/telemetry"
	"centinela/gateway/web"
	"centinela/openapi/gen/gatewayapi"
	"centinela/shared/access"
	"centinela/shared/clock"
	"centinela/shared/httpkit"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/outbox"
	"centinela/shared/ratelimit"
	"centinela/shared/verdicts"
)

// maxTold is how many digests of refusals wait for audit; the others go on being summed up.
const maxTold = 4096

// errNoVerdicts is why a gateway isn't ready: who is refused isn't known yet.
var errNoVerdicts = errors.New("audit's verdicts are not here yet, and there is no whole copy of them on disk")

// Module is the running gateway.
type Module struct {
	cfg      Config
	deps     module.Deps
	server   *httpkit.Server
	people   *access.Verifier
	feed     *verdicts.Feed
	shipper  *outbox.Shipper
	recorder *telemetry.Recorder
	firewall *edge.Firewall
	proxies  []netip.Prefix    // that may speak for clients
	pair     *edge.Certificate // nil without TLS
	quiet    *obs.Sampler
}

var _ module.Module = (*Module)(nil)

// New builds the gateway. It opens no store; the copy of the verdicts is read
// from disk, so that what was refused stays refused from the first request on.
func New(_ context.Context, cfg Config, deps module.Deps) (*Module, error) {
	spec, err := gatewayapi.Spec()
	if err != nil {
		return nil, fmt.Errorf("public spec: %w", err)
	}
	if !deps.Development {
		withoutDevelopment(spec)
	}
	feed, set, err := deps.Verdicts()
	if err != nil {
		return nil, err
	}
	proxies, err := prefixes(cfg.Proxy.Trusted)
	if err != nil {
		return nil, err
	}
	operators := edge.NewOperators(spec, deps.Keyring)
	refused := obs.NewOutcomes(deps.Registry, "centinela_gateway_refusals_total", "What was refused before a service saw it, by the kind of verdict or the limit.",
		edge.Outcomes("default", edge.ClassSignUp, edge.ClassSignIn, edge.ClassRefresh, edge.ClassRecovery)...)
	told := outbox.NewMemory(deps.Service, maxTold)
	m := &Module{cfg: cfg, deps: deps, proxies: proxies, people: deps.People(), feed: feed, quiet: obs.NewSampler(deps.Log), shipper: deps.Shipper(told)}
	m.recorder = telemetry.New(told, m.shipper.Kick, deps.Clock, deps.Log, deps.Registry)
	throttled, err := ratelimit.NewTable([]ratelimit.Limit{{Name: "throttled", Rate: cfg.Rates.Throttled}}, ratelimit.NewMemory(clock.Real(), cfg.Rates.Keys), clock.Real())
	if err != nil {
		return nil, fmt.Errorf("gateway.rates.throttled: %w", err)
	}
	m.firewall = &edge.Firewall{Heard: feed.Await, Set: set, Clock: deps.Clock, Operators: operators, Throttled: throttled, Recorder: m.recorder, Refused: refused}
	table, err := rateTable(cfg.Rates)
	if err != nil {
		return nil, err
	}
	classes, err := edge.Classes(spec)
	if err != nil {
		return nil, err
	}
	m.server = m.chain(spec, &edge.Rates{Table: table, Classes: classes, Operators: operators, Recorder: m.recorder, Refused: refused})
	return m, m.routes(spec)
}

// chain is the order of a request: recover, id, event, security headers, body
// limits, address, firewall, rate limit, authenticate, session verdicts, validate
// (design: architecture, "Requests").
func (m *Module) chain(spec *openapi3.T, rates *edge.Rates) *httpkit.Server {
	origins, home := m.cfg.origins(), noPretence
	if m.deps.Development {
		home = m.stayHome
	}
	return httpkit.New(httpkit.Options{
		Service: module.Gateway, Spec: spec, Log: m.deps.Log, Registry: m.deps.Registry,
		People: m.people, Public: true, TrustedProxies: m.proxies, DevAddress: m.deps.Development,
		Timeout:      m.cfg.RequestTimeout,
		BeforeLimits: []gin.HandlerFunc{edge.Received, edge.Headers(m.cfg.TLS.CertFile != "" || m.cfg.Proxy.TerminatesTLS), origins.Answer, m.firewall.Refusals},
		BeforeAuth:   []gin.HandlerFunc{m.firewall.ByAddress, rates.Check, origins.Preflight, home},
		AfterAuth:    []gin.HandlerFunc{m.firewall.ByPerson},
	})
}

// routes gives each operation of the spec to the service that owns it.
func (m *Module) routes(spec *openapi3.T) error {
	engine := m.server.Engine()
	to := map[string]gin.HandlerFunc{}
	options := proxy.Options{Handshake: m.cfg.RequestTimeout, OwnHost: m.cfg.ownHost(), Origins: m.cfg.origins(), Log: m.deps.Log}
	for path, item := range spec.Paths.Map() {
		service, ok := item.Extensions["x-service"].(string)
		if !ok {
			continue // the gateway's own
		}
		if to[service] == nil {
			to[service] = proxy.To(m.deps.Client(service), options)
		}
		for method := range item.Operations() {
			handler := to[service]
			if path == "/dev/phone" {
				handler = web.Phone(handler)
			}
			engine.Handle(method, httpkit.GinPath(path), handler)
		}
	}
	if !m.deps.Development {
		refuseDevelopment(engine)
	} else if err := m.developmentRoutes(engine); err != nil {
		return err
	}
	public, err := spec.MarshalJSON()
	if err != nil {
		return fmt.Errorf("public spec: %w", err)
	}
	web.Register(engine, web.Options{
		SpecJSON: public, Development: m.deps.Development, Contact: m.cfg.SecurityContact, Clock: m.deps.Clock,
	})
	return nil
}

// Handler serves the public listener.
func (m *Module) Handler() http.Handler { return m.server.Handler() }

// Ready is nil once audit's verdicts, or the copy of them on disk, are in force:
// a gateway that starts while audit is down serves with what it knew, and one that
// knows nothing answers 503. It writes
// nothing to find out: there is no store, and a disk that takes no copy costs the
// memory of a restart, which is logged, and no request.
func (m *Module) Ready() error {
	if m.feed.Able() {
		return m.people.Ready()
	}
	return errNoVerdicts
}

// Run follows the verdicts, refreshes the keys, and tells audit what was refused.
func (m *Module) Run(ctx context.Context) error {
	group := m.deps.Background()
	group.Go(ctx, "verdicts", m.feed.Run)
	group.Go(ctx, "people", m.people.Run)
	group.Go(ctx, "revocations", m.people.Revocations().Run)
	last, stop := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(last, "outbox", m.shipper.Run)
	group.Go(ctx, "recorder", func(ctx context.Context) error {
		err := m.recorder.Run(ctx)
		if ctx.Err() != nil {
			stop() // its last words are in the log
		}
		return err
	})
	defer stop()
	group.Wait()
	return nil
}

// Close has nothing to close: the files are written as they change.
func (m *Module) Close(context.Context) error { return nil }

// Serve puts the public listener's limits, and TLS where configured, around l.
func (m *Module) Serve(server *http.Server, l net.Listener) (net.Listener, error) {
	limited := edge.Limit(l, edge.Limits{
		Max: m.cfg.Connections.Max, PerAddress: m.cfg.Connections.PerAddress, Exempt: m.proxies, Plain: m.cfg.TLS.CertFile == "",
		Unreadable: m.unreadable,
	}, m.deps.Registry)
	server.ConnState, server.ConnContext = edge.States, edge.WithConn
	if m.cfg.TLS.CertFile == "" {
		return limited, nil
	}
	var err error
	m.pair, err = edge.LoadCertificate(m.cfg.TLS.CertFile, m.cfg.TLS.KeyFile, clock.Real(), m.deps.Log)
	if err != nil {
		return nil, err
	}
	server.TLSConfig = &tls.Config{GetCertificate: m.pair.Get, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	return tls.NewListener(limited, server.TLSConfig), nil
}

// unreadable is asked before net/http answers by itself. Behind a proxy, whose fault it was isn't known.
func (m *Module) unreadable(addr netip.Addr) (answer bool) {
	if m.quiet.Admit("unreadable", ratelimit.KeyOf(addr), "") {
		m.deps.Log.Info("a request could not be read", slog.String("address", addr.String()))
	}
	if slices.ContainsFunc(m.proxies, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return true
	}
	return m.firewall.Unreadable(addr)
}

// Reload reads the certificate again.
func (m *Module) Reload() error {
	if m.pair == nil {
		return nil
	}
	return m.pair.Reload()
}

func rateTable(c RateConfig) (*ratelimit.Table, error) {
	// Real time, not the suite's: a traveller in time must not reset a flood's limits.
	clk := clock.Real()
	return ratelimit.NewTable([]ratelimit.Limit{
		{Name: "default", Rate: c.Default}, // over all classes
		{Name: edge.ClassSignUp, Rate: c.SignUp, Class: edge.ClassSignUp},
		{Name: edge.ClassSignIn, Rate: c.SignIn, Class: edge.ClassSignIn},
		{Name: edge.ClassRefresh, Rate: c.Refresh, Class: edge.ClassRefresh},
		{Name: edge.ClassRecovery, Rate: c.Recovery, Class: edge.ClassRecovery},
	}, ratelimit.NewMemory(clk, c.Keys), clk)
}

func prefixes(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("gateway.proxy.trusted: %w", err)
		}
		out = append(out, p)
	}
	return out, nil
}
