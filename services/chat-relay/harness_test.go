package chatrelay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/openapi/gen/authclient"
	"centinela/openapi/gen/chatrelayapi"
	chatrelay "centinela/services/chat-relay"
	"centinela/shared/auditlink/auditlinktest"
	"centinela/shared/clock"
	"centinela/shared/httpkit"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/record"
	"centinela/shared/secret"
	"centinela/shared/testkit"
	"centinela/shared/verdicts"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

const patience = 20 * time.Second // of a failing test on a busy machine

// world is the module behind HTTP, with fake peers and a clock that stands.
type world struct {
	t        testing.TB
	services *httpkittest.Services
	people   *httpkittest.People
	clk      *clock.Manual
	registry *prometheus.Registry
	log      *lines
	audit    *fakeAudit
	traps    *traps
	url      string
	store    module.Store
	narrow   bool
	stop     func() // ends Run
}

type options struct {
	config func(*chatrelay.Config)
	mongo  bool
	narrow bool // connections with small buffers in the kernel
	store  module.Store
	clock  func(clock.Clock) clock.Clock
	build  func(context.Context, chatrelay.Config, module.Deps) (*chatrelay.Module, error)
}

func newWorld(t testing.TB, o options) *world {
	t.Helper()
	w := &world{
		t: t, services: httpkittest.NewServices(t), log: &lines{}, registry: obs.NewRegistry(module.ChatRelay),
		narrow: o.narrow, traps: newTraps(t, o.narrow), clk: clock.NewManual(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)),
	}
	w.people = httpkittest.NewPeople(t, w.clk)
	w.audit = newFakeAudit(w)
	auth := httptest.NewServer(fakeAuth(w.people))
	t.Cleanup(auth.Close)
	cfg := chatrelay.DefaultConfig()
	cfg.Rate.Burst = 100_000
	if o.config != nil {
		o.config(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	w.store = o.store
	switch {
	case o.mongo:
		uri, database := testkit.Mongo(t)
		w.store = module.Store{Engine: module.EngineMongoDB, Dir: t.TempDir(), URI: secret.NewString(uri), Database: database}
	case w.store.Dir == "":
		w.store = module.Store{Engine: module.EngineSQLite, Dir: t.TempDir()}
	}
	clk := clock.Clock(w.clk)
	if o.clock != nil {
		clk = o.clock(clk)
	}
	if o.build == nil {
		o.build = chatrelay.New
	}
	m, err := o.build(t.Context(), cfg, module.Deps{
		Service: module.ChatRelay, Log: slog.New(slog.NewJSONHandler(w.log, nil)), Registry: w.registry, Clock: clk,
		Signer: w.services.Signer(module.ChatRelay), Keyring: w.services,
		PeerURL: func(peer string) string {
			return map[string]string{module.Auth: auth.URL, module.Audit: w.audit.url}[peer]
		},
		Store: w.store, Development: true, KeyDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.serve(m)
	w.eventually("the keys of access tokens are at hand", func() bool {
		return w.call(1, http.MethodGet, "/v1/conversations/cnv_0123456789abcdefghjkmnpq", "").status == http.StatusNotFound
	})
	return w
}

func (w *world) serve(m *chatrelay.Module) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				w.t.Error(err)
			}
		})
	}
	spec, err := chatrelayapi.Spec()
	if err != nil {
		w.t.Fatal(err)
	}
	validated := httpkittest.ValidateResponses(w.t, spec, m.Handler())
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/chat" { // a recorder can't be hijacked
			m.Handler().ServeHTTP(rw, r)
			return
		}
		validated.ServeHTTP(rw, r)
	}))
	server.Listener.Close()
	server.Listener = w.traps
	server.Start()
	w.url = server.URL
	w.t.Cleanup(func() {
		w.stop()
		server.Close()
		if err := m.Close(context.Background()); err != nil {
			w.t.Error(err)
		}
	})
}

// person is account n, whose user name is "person<n>".
func person(n int) string { return fmt.Sprintf("acc_%024d", n) }

func session(n int) string { return fmt.Sprintf("ses_%024d", n) }

func (w *world) token(n int) string { return w.people.Token(person(n), session(n)) }

// answer is a response, read.
type answer struct {
	status int
	body   []byte
	header http.Header
}

// call is a request of person n, 0 for nobody, through the gateway.
func (w *world) call(n int, method, path, body string) answer {
	w.t.Helper()
	token := ""
	if n > 0 {
		token = w.token(n)
	}
	return w.do(module.Gateway, token, method, path, body)
}

// do is a request of a service, "" for none, on behalf of whose token it is.
func (w *world) do(service, token, method, path, body string) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if service != "" {
		w.services.Authorize(req, service, module.ChatRelay)
	}
	req.Header.Set(httpkit.HeaderClientAddress, "203.0.113.7")
	if token != "" {
		req.Header.Set("Authorization", bearer(token))
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{resp.StatusCode, text, resp.Header}
}

func decoded[T any](t testing.TB, a answer, status int) (v T) {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// start makes a conversation of n with others and returns it.
func (w *world) start(n int, kind string, others ...int) chatrelayapi.Conversation {
	w.t.Helper()
	names := make([]string, len(others))
	for i, o := range others {
		names[i] = fmt.Sprintf("person%d", o)
	}
	body, err := json.Marshal(map[string]any{"kind": kind, "members": names})
	if err != nil {
		w.t.Fatal(err)
	}
	var a answer
	w.eventually("auth answers in time, on a busy machine too", func() bool {
		a = w.call(n, http.MethodPost, "/v1/conversations", string(body))
		return a.status != http.StatusServiceUnavailable
	})
	return decoded[chatrelayapi.Conversation](w.t, a, http.StatusCreated)
}

// metric is the sum of a counter over those of its labels that hold want ("" for all).
func (w *world) metric(name, want string) (sum float64) {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if want == "" || m.GetLabel()[0].GetValue() == want {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func (w *world) eventually(what string, cond func() bool) {
	w.t.Helper()
	testkit.Eventually(w.t, patience, func() (bool, string) { return cond(), what })
}

// fakeAuth knows person1 to person999 and publishes the test's key.
func fakeAuth(people *httpkittest.People) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /.well-known/jwks.json", people)
	mux.Handle("GET /internal/revocations", people)
	facts := func(w http.ResponseWriter, n int, ok bool) {
		var f authclient.AccountFacts
		if f.Found = ok; ok {
			account, name := person(n), fmt.Sprintf("person%d", n)
			f.AccountId, f.UserName = &account, &name
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(f) // the caller may have gone
	}
	mux.HandleFunc("POST /internal/accounts/lookup", func(w http.ResponseWriter, r *http.Request) {
		var lookup authclient.AccountLookup
		n := 0
		err := json.NewDecoder(r.Body).Decode(&lookup)
		if err == nil {
			_, err = fmt.Sscanf(lookup.Identifier, "person%d", &n)
		}
		facts(w, n, err == nil)
	})
	mux.HandleFunc("GET /internal/accounts/{id}/facts", func(w http.ResponseWriter, r *http.Request) {
		n := 0
		_, err := fmt.Sscanf(r.PathValue("id"), "acc_%d", &n)
		facts(w, n, err == nil)
	})
	return mux
}

// fakeAudit is audit's ingest and verdict feed.
type fakeAudit struct {
	*auditlinktest.Audit
	url  string
	kill func()

	mu   sync.Mutex
	list []verdicts.Verdict
}

func newFakeAudit(w *world) *fakeAudit {
	a := &fakeAudit{Audit: auditlinktest.New()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /internal/events", a.Ingest)
	mux.HandleFunc("GET /internal/verdicts", a.Watch)
	server := httptest.NewServer(mux)
	a.url, a.kill = server.URL, sync.OnceFunc(func() {
		server.CloseClientConnections()
		server.Close()
	})
	w.t.Cleanup(a.kill)
	return a
}

// refuse adds a verdict of an hour.
func (a *fakeAudit) refuse(now time.Time, kind, value string) {
	a.decide(now, verdicts.Refuse, kind, value)
}

func (a *fakeAudit) decide(now time.Time, action, kind, value string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v := auditlinktest.Verdict(action, verdicts.Subject{Kind: kind, Value: value})
	v.CreatedAt, v.Until = now, now.Add(time.Hour)
	a.list = append(a.list, v)
	a.Put(a.list...)
}

// of returns the events of an action that were received, with their data as JSON has it.
func (a *fakeAudit) of(action string) []record.Event { return a.Recorded(action) }

func (a *fakeAudit) text() (text string) {
	for _, env := range a.Events() {
		text += string(env.Body) + string(env.Openings)
	}
	return text
}

// lines is a log that can be read while it is written.
type lines struct {
	testkit.Buffer
	at int // up to where it was cut
}

// cut is what was written since the last cut.
func (l *lines) cut() string {
	text := l.String()
	from := l.at
	l.at = len(text)
	return text[from:]
}

// digested is how many messages the digests that audit has count.
func (w *world) digested() (n int) {
	for _, e := range w.audit.of(record.ChatActivity) {
		n += int(e.Data["messages"].(float64))
	}
	return n
}
