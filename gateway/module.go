package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"

	"centinela/gateway/internal/edge"
	"centinela/gateway/internal/proxy"
	"centinela/gateway/internal/telemetry"
	"centinela/gateway/web"
	"centinela/openapi/gen/gatewayapi"
	"centinela/shared/access"
	"centinela/shared/auditlink"
	"centinela/shared/clock"
	"centinela/shared/httpkit"
	"centinela/shared/module"
	"centinela/shared/outbox"
	"centinela/shared/ratelimit"
	"centinela/shared/verdicts"
)

// verdictsFile is the copy of the verdicts, in the gateway's own folder.
const verdictsFile = "verdicts.jsonl"

// errNoVerdicts is why a gateway isn't ready: who is refused isn't known yet.
// maxTold is how many digests of refusals wait for audit; the others go on being summed up.
const maxTold = 4096

var errNoVerdicts = errors.New("audit's verdicts are not here yet, and there is no copy of them on disk")

// Module is the running gateway.
type Module struct {
	cfg      Config
	deps     module.Deps
	server   *httpkit.Server
	people   *access.Verifier
	feed     *verdicts.Feed
	restored bool // there was a copy of the verdicts on disk
	shipper  *outbox.Shipper
	recorder *telemetry.Recorder
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
	set := verdicts.NewSet()
	told := outbox.NewMemory(deps.Service, maxTold)
	m := &Module{cfg: cfg, deps: deps, people: deps.People(), shipper: deps.Shipper(told)}
	m.recorder = telemetry.New(told, m.shipper.Kick, deps.Clock, deps.Log, deps.Registry)
	if err := m.openFeed(set); err != nil {
		return nil, err
	}
	rates, err := rateTable(cfg.Rates)
	if err != nil {
		return nil, err
	}
	m.server, err = m.chain(spec, &edge.Firewall{Set: set, Clock: deps.Clock, Recorder: m.recorder}, &edge.Rates{Table: rates, Recorder: m.recorder})
	if err != nil {
		return nil, err
	}
	return m, m.routes(spec)
}

// openFeed brings back the verdicts of the last run, from the gateway's folder.
func (m *Module) openFeed(set *verdicts.Set) error {
	if err := os.MkdirAll(m.deps.Store.Dir, 0o700); err != nil {
		return fmt.Errorf("the gateway's data folder: %w", err)
	}
	file := filepath.Join(m.deps.Store.Dir, verdictsFile)
	_, err := os.Stat(file)
	m.restored = err == nil // why not says Restore
	audit := auditlink.New(m.deps.LongClient(module.Audit))
	m.feed = verdicts.NewFeed(set, audit.Verdicts, file, m.deps.Clock, m.deps.Log)
	return m.feed.Restore()
}

// chain is the order of a request: recover, id, event, security headers, body
// limits, address, firewall, rate limit, authenticate, session verdicts, validate
// (design: architecture, "Requests").
func (m *Module) chain(spec *openapi3.T, firewall *edge.Firewall, rates *edge.Rates) (*httpkit.Server, error) {
	trusted, err := prefixes(m.cfg.Proxy.Trusted)
	if err != nil {
		return nil, err
	}
	beforeAuth := []gin.HandlerFunc{firewall.ByAddress, rates.Check}
	if !m.deps.Development {
		beforeAuth = append(beforeAuth, noPretence)
	}
	return httpkit.New(httpkit.Options{
		Service: module.Gateway, Spec: spec, Log: m.deps.Log, Registry: m.deps.Registry,
		People: m.people, Public: true, TrustedProxies: trusted, DevAddress: m.deps.Development,
		Timeout:      m.cfg.RequestTimeout,
		BeforeLimits: []gin.HandlerFunc{edge.Headers(m.cfg.TLS.CertFile != "" || m.cfg.Proxy.TerminatesTLS), firewall.Refusals},
		BeforeAuth:   beforeAuth,
		AfterAuth:    []gin.HandlerFunc{firewall.ByPerson},
	}), nil
}

// routes gives each operation of the spec to the service that owns it.
func (m *Module) routes(spec *openapi3.T) error {
	engine := m.server.Engine()
	to := map[string]gin.HandlerFunc{}
	for path, item := range spec.Paths.Map() {
		service, ok := item.Extensions["x-service"].(string)
		if !ok {
			continue // the gateway's own
		}
		if to[service] == nil {
			to[service] = proxy.To(m.deps.Client(service), m.cfg.RequestTimeout, m.deps.Log)
		}
		for method := range item.Operations() {
			handler := to[service]
			if path == "/dev/phone" {
				handler = web.Phone(handler)
			}
			engine.Handle(method, ginPath(path), handler)
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
// a gateway that starts while audit is down serves with what it knew.
func (m *Module) Ready() error {
	if m.restored || m.feed.Synced() {
		return nil
	}
	return errNoVerdicts
}

// Run follows the verdicts, refreshes the keys, and tells audit what was refused.
func (m *Module) Run(ctx context.Context) error {
	group := m.deps.Background()
	group.Go(ctx, "verdicts", m.feed.Run)
	group.Go(ctx, "people", m.people.Run)
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
	proxies, err := prefixes(m.cfg.Proxy.Trusted)
	if err != nil {
		return nil, err
	}
	limited := edge.Limit(l, edge.Limits{
		Max: m.cfg.Connections.Max, PerAddress: m.cfg.Connections.PerAddress, Exempt: proxies, Plain: m.cfg.TLS.CertFile == "",
	}, m.deps.Registry)
	server.ConnState = edge.Upgraded
	if m.cfg.TLS.CertFile == "" {
		return limited, nil
	}
	cert, err := tls.LoadX509KeyPair(m.cfg.TLS.CertFile, m.cfg.TLS.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("gateway.tls: %w", err)
	}
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	return tls.NewListener(limited, server.TLSConfig), nil
}

func rateTable(c RateConfig) (*ratelimit.Table, error) {
	// Real time, not the suite's: a traveller in time must not reset a flood's limits.
	clk := clock.Real()
	return ratelimit.NewTable([]ratelimit.Limit{
		{Name: "default", Rate: c.Default},
		{Name: edge.ClassSignUp, Rate: c.SignUp, Class: edge.ClassSignUp},
		{Name: edge.ClassSignIn, Rate: c.SignIn, Class: edge.ClassSignIn},
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
