package auth_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"centinela/openapi/gen/auditapi"
	"centinela/openapi/gen/authapi"
	"centinela/openapi/gen/authclient"
	"centinela/services/auth"
	"centinela/shared/auditlink"
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/secret"
	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

const (
	goodPassword  = "pelican orbit mustard 42 lantern"
	otherPassword = "velvet anchor tundra 77 biscuit"
	deviceKey     = "a-device-key-of-at-least-32-characters"
)

// world is the module behind HTTP, a fake audit, and the keys of all services.
type world struct {
	t        testing.TB
	services *httpkittest.Services
	clk      *clock.Manual
	url      string
	audit    *fakeAudit
	log      *testkit.Buffer
	module   *auth.Module
	registry *prometheus.Registry
	store    module.Store
	keyDir   string
}

func cheapConfig() auth.Config {
	cfg := auth.DefaultConfig()
	cfg.Password.HashMemory, cfg.Password.HashTime, cfg.Password.Threads = 19, 2, 1
	cfg.SignIn.Floor = time.Millisecond
	cfg.SignUp.Hourly = 1000
	return cfg
}

type builder func(context.Context, auth.Config, module.Deps) (*auth.Module, error)

func sqliteStore(t testing.TB) module.Store {
	return module.Store{Engine: module.EngineSQLite, Dir: t.TempDir()}
}

func mongoStore(t testing.TB) module.Store {
	uri, database := testkit.Mongo(t)
	return module.Store{Engine: module.EngineMongoDB, Dir: t.TempDir(), URI: secret.NewString(uri), Database: database}
}

func newWorld(t testing.TB, cfg auth.Config, store module.Store, build builder) *world {
	t.Helper()
	w := &world{
		t: t, services: httpkittest.NewServices(t), store: store, keyDir: t.TempDir(),
		clk: clock.NewManual(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)),
	}
	for _, name := range []string{"gateway", "auth", "recovery", "chat-relay", "audit", "operator", "stranger"} {
		w.services.Signer(name)
	}
	w.audit = newFakeAudit(t, w.services)
	w.start(cfg, build)
	return w
}

// twin is another process on the same store and keys, whose clock is so far ahead.
func (w *world) twin(cfg auth.Config, ahead time.Duration) *world {
	w.t.Helper()
	other := &world{t: w.t, services: w.services, store: w.store, keyDir: w.keyDir, audit: w.audit, clk: clock.NewManual(w.clk.Now().Add(ahead))}
	other.start(cfg, auth.New)
	return other
}

func (w *world) start(cfg auth.Config, build builder) {
	t := w.t
	t.Helper()
	w.log, w.registry = &testkit.Buffer{}, obs.NewRegistry("auth")
	m, err := build(t.Context(), cfg, module.Deps{
		Service: module.Auth, Log: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registry: w.registry, Clock: w.clk, Signer: w.services.Signer("auth"), Keyring: w.services,
		PeerURL: func(string) string { return w.audit.url }, Store: w.store, Development: true, KeyDir: w.keyDir,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.module = m
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()

	spec, err := authapi.Spec()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(httpkittest.ValidateResponses(t, spec, m.Handler()))
	w.url = server.URL
	t.Cleanup(func() {
		m.Drain()
		server.Close()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := m.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// as returns the generated client of one service, with a person's token unless it is empty.
func (w *world) as(service, token string) *authclient.Client {
	w.t.Helper()
	c, err := authclient.NewClient(w.url, authclient.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		w.identify(r, service, token)
		return nil
	}))
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) identify(r *http.Request, service, token string) {
	if service != "" {
		w.services.Authorize(r, service, "auth")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set(httpkit.HeaderClientAddress, "203.0.113.7")
	r.Header.Set(httpkit.HeaderUserAgent, "test agent")
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) code() string {
	var p struct {
		Code string `json:"code"`
	}
	if json.Unmarshal([]byte(a.body), &p) != nil {
		return ""
	}
	return p.Code
}

func (w *world) do(service, token, method, path, body string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w.identify(r, service, token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

type person struct {
	name    string
	account authclient.CreatedAccount
	tokens  authclient.TokenSet
}

func (w *world) person(name string) person {
	w.t.Helper()
	made, err := httpkit.Read[authclient.CreatedAccount](
		w.as("gateway", "").CreateAccount(w.t.Context(), authclient.NewAccount{UserName: name, Password: goodPassword}))
	if err != nil {
		w.t.Fatalf("sign up: %v", err)
	}
	return person{name, made, w.signIn(name, goodPassword)}
}

func (w *world) signIn(name, password string) authclient.TokenSet {
	w.t.Helper()
	label := "Ana's phone"
	in, err := httpkit.Read[authclient.TokenSet](w.as("gateway", "").CreateSession(w.t.Context(), authclient.SignIn{
		Identifier: name, Password: password, Device: &authclient.Device{Key: deviceKey, Name: &label},
	}))
	if err != nil {
		w.t.Fatalf("sign in: %v", err)
	}
	return in
}

// fakeAudit takes shipments as openapi/audit.yaml says, from auth only, unless it is down.
type fakeAudit struct {
	url      string
	receiver *outboxtest.Receiver
	down     atomic.Bool
}

var errDown = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "down")

func newFakeAudit(t testing.TB, services *httpkittest.Services) *fakeAudit {
	t.Helper()
	spec, err := auditapi.Spec()
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeAudit{receiver: &outboxtest.Receiver{}}
	clk := clock.Real()
	s := httpkit.New(httpkit.Options{
		Service: "audit", Spec: spec, Callers: services.Verifier("audit"), People: httpkittest.NewPeople(t, clk).Verifier(),
	})
	s.Engine().POST("/internal/events", f.ingest)
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *fakeAudit) ingest(c *gin.Context) {
	if f.down.Load() {
		httpkit.Fail(c, errDown)
		return
	}
	shipment, err := auditlink.ReadShipment(c.Request.Body)
	if err != nil {
		httpkit.Fail(c, err)
		return
	}
	head, err := f.receiver.Take(c.Request.Context(), shipment)
	if err != nil {
		httpkit.Fail(c, err)
		return
	}
	c.JSON(http.StatusOK, auditapi.LogHead{N: head.N, Hash: head.Hash.String()})
}

// of are the events of one action.
func (f *fakeAudit) of(action string) []record.Event {
	var found []record.Event
	for _, e := range f.receiver.Events() {
		if e.Event.Action == action {
			e.Event.Data = e.Data()
			found = append(found, e.Event)
		}
	}
	return found
}

// text is all that came, openings included.
func (f *fakeAudit) text() string {
	var text strings.Builder
	for _, e := range f.receiver.Events() {
		text.Write(e.Body)
		text.Write(e.Openings)
	}
	return text.String()
}

// metrics is all that the module's registry shows.
func (w *world) metrics() string {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		text.WriteString(f.String() + "\n")
	}
	return text.String()
}

// counter is the sum of a counter over its labels.
func (w *world) counter(name string) float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func jsonText(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}
