package gateway_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/prometheus/client_golang/prometheus"

	"centinela/gateway"
	"centinela/openapi/gen/gatewayapi"
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/testkit"
)

// The person of the tests.
const (
	account = "acc_000000000000000000000001"
	session = "ses_000000000000000000000001"
)

// suite is a gateway with stand-ins of the services behind it.
type suite struct {
	t        testing.TB
	module   *gateway.Module
	url      string
	addr     string
	client   *http.Client
	registry *prometheus.Registry
	clock    *clock.Travelled
	logs     *logs
	dir      string

	ids      *httpkittest.Services
	people   *httpkittest.People
	audit    *auditService
	auth     *service
	recovery *service
	chat     *service

	mu    sync.Mutex
	peers map[string]string
	stop  func()
}

// peerURL is where the gateway looks for a service.
func (s *suite) peerURL(service string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peers[service]
}

// move sends the gateway elsewhere for a service.
func (s *suite) move(service, url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers[service] = url
}

// option changes the suite before the gateway starts.
type option func(*options)

type options struct {
	cfg        gateway.Config
	production bool
	dir        string
	peers      map[string]string // instead of the stand-ins
	unchecked  bool              // answers aren't held against the spec
}

func production(o *options) { o.production = true }

func unchecked(o *options) { o.unchecked = true }

func config(change func(*gateway.Config)) option { return func(o *options) { change(&o.cfg) } }

func peer(service, url string) option { return func(o *options) { o.peers[service] = url } }

// start runs a gateway as the runner does, in front of stand-ins.
func start(t testing.TB, change ...option) *suite {
	t.Helper()
	o := options{cfg: gateway.DefaultConfig(), dir: t.TempDir(), peers: map[string]string{}}
	for _, f := range change {
		f(&o)
	}
	clk, err := clock.OpenTravelled(filepath.Join(t.TempDir(), "clock"))
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{
		t: t, clock: clk, dir: o.dir, logs: &logs{}, registry: obs.NewRegistry(module.Gateway),
		ids: httpkittest.NewServices(t), people: httpkittest.NewPeople(t, clk), peers: o.peers,
	}
	s.audit = newAudit(t, s.ids, s.people)
	s.auth = newAuth(t, s.ids, s.people)
	s.recovery = newRecovery(t, s.ids, s.people)
	s.chat = newChat(t, s.ids, s.people)
	for _, service := range []*service{s.audit.service, s.auth, s.recovery, s.chat} {
		if o.peers[service.name] == "" {
			o.peers[service.name] = service.server.URL
		}
	}
	s.launch(o)
	return s
}

func (s *suite) launch(o options) {
	s.t.Helper()
	m, err := gateway.New(s.t.Context(), o.cfg, module.Deps{
		Service: module.Gateway, Log: slog.New(slog.NewJSONHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registry: s.registry, Clock: s.clock, Signer: s.ids.Signer(module.Gateway), Keyring: s.ids,
		PeerURL:     s.peerURL,
		Store:       module.Store{Engine: module.EngineSQLite, Dir: filepath.Join(o.dir, "gateway")},
		Development: !o.production, KeyDir: o.dir,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.module = m
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	handler := m.Handler()
	if !o.unchecked {
		handler = httpkittest.ValidateResponses(s.t, publicSpec(s.t), handler)
	}
	server := &http.Server{ // as services/runner has it
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug), DisableGeneralOptionsHandler: true,
	}
	s.addr = listener.Addr().String()
	here := o.cfg
	here.PublicBase = "" // the tests come by the address
	s.url = here.PublicURL(listener.Addr())
	listener, err = m.Serve(server, listener)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := server.Serve(listener); err != http.ErrServerClosed {
			s.t.Errorf("the listener ended: %v", err)
		}
	})
	running.Go(func() {
		if err := m.Run(ctx); err != nil {
			s.t.Errorf("the background work ended: %v", err)
		}
	})
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	s.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	s.stop = sync.OnceFunc(func() {
		transport.CloseIdleConnections()
		if err := server.Close(); err != nil {
			s.t.Error(err)
		}
		cancel()
		running.Wait()
		if err := m.Close(context.Background()); err != nil {
			s.t.Error(err)
		}
	})
	s.t.Cleanup(s.stop)
}

func publicSpec(t testing.TB) *openapi3.T {
	t.Helper()
	spec, err := gatewayapi.Spec()
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// ready waits for the verdicts and for the keys.
func (s *suite) ready() *suite {
	s.t.Helper()
	testkit.Eventually(s.t, testkit.Patience, func() (bool, string) {
		if err := s.module.Ready(); err != nil {
			return false, err.Error()
		}
		got := s.get("/v1/me", person(s.token()))
		return got.status == http.StatusOK, "GET /v1/me: " + got.String()
	})
	return s
}

func (s *suite) token() string { return s.people.Token(account, session) }

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	took   time.Duration
	proto  string
	closed bool // the connection ends with it
}

func (a answer) String() string { return http.StatusText(a.status) + " " + a.body }

// problem reads the answer as a problem document.
func (a answer) problem(t testing.TB) (p struct {
	Code      fault.Code
	Status    int
	Detail    string
	RequestID string `json:"request_id"`
	Errors    []fault.Field
},
) {
	t.Helper()
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("Content-Type = %q, want a problem document; the answer is %s", got, a)
	}
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatalf("no problem document: %v: %s", err, a)
	}
	if p.Status != a.status {
		t.Errorf("the problem says %d, the answer %d", p.Status, a.status)
	}
	return p
}

// refused checks for a problem of status and code.
func (a answer) refused(t testing.TB, status int, code fault.Code) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status = %d, want %d: %s", a.status, status, a.body)
	}
	if p := a.problem(t); p.Code != code {
		t.Fatalf("code = %s, want %s: %s", p.Code, code, a.body)
	}
	return a
}

func (a answer) ok(t testing.TB) answer {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("status = %d, want 200: %s", a.status, a.body)
	}
	return a
}

// with sets headers of a request.
type with func(http.Header)

func header(name, value string) with {
	return func(h http.Header) {
		h[http.CanonicalHeaderKey(name)] = append(h[http.CanonicalHeaderKey(name)], value)
	}
}
func person(token string) with { return header("Authorization", "Bearer "+token) }
func from(address string) with { return header(httpkit.HeaderDevAddress, address) }

func (s *suite) get(path string, set ...with) answer {
	s.t.Helper()
	return s.send(http.MethodGet, path, "", set...)
}

// send sends a body as JSON unless set says otherwise.
func (s *suite) send(method, path, body string, set ...with) answer {
	s.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, reader)
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, f := range set {
		f(req.Header)
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	return s.do(req)
}

func (s *suite) do(req *http.Request) answer {
	s.t.Helper()
	began := time.Now()
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: string(text), took: time.Since(began), proto: resp.Proto, closed: resp.Close}
}

// metric is the sum of a metric's series with the given label values.
func (s *suite) metric(name string, labels ...string) float64 {
	s.t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			text := m.String()
			for _, label := range labels {
				if !strings.Contains(text, `"`+label+`"`) {
					text = ""
				}
			}
			if text != "" {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

// logs keeps the log lines.
type logs struct{ testkit.Buffer }

// with are the lines that hold all of parts.
func (l *logs) with(parts ...string) []string {
	var out []string
	for line := range strings.Lines(l.String()) {
		holds := true
		for _, part := range parts {
			holds = holds && strings.Contains(line, part)
		}
		if holds {
			out = append(out, line)
		}
	}
	return out
}
