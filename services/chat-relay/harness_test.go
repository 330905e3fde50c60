package chatrelay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"centinela/openapi/gen/authclient"
	"centinela/openapi/gen/chatrelayapi"
	chatrelay "centinela/services/chat-relay"
	"centinela/shared/auditlink/auditlinktest"
	"centinela/shared/clock"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/module"
	"centinela/shared/module/moduletest"
	"centinela/shared/record"
	"centinela/shared/testkit"
	"centinela/shared/verdicts"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

const patience = testkit.Patience

// world is the module behind HTTP, with fake peers and a clock that stands.
type world struct {
	*moduletest.World
	log    *lines
	audit  *fakeAudit
	traps  *traps
	narrow bool
}

type options struct {
	config func(*chatrelay.Config)
	mongo  bool
	narrow bool // connections with small buffers in the kernel
	deaf   bool // audit is away from the start
	store  module.Store
	clock  func(clock.Clock) clock.Clock
	build  func(context.Context, chatrelay.Config, module.Deps) (*chatrelay.Module, error)
}

func newWorld(t testing.TB, o options) *world {
	t.Helper()
	w := &world{narrow: o.narrow, traps: newTraps(t, o.narrow)}
	cfg := chatrelay.DefaultConfig()
	cfg.Rate.Burst = 100_000
	if o.config != nil {
		o.config(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	switch {
	case o.mongo:
		o.store = moduletest.OnMongoDB(t)
	case o.store.Dir == "":
		o.store = moduletest.OnSQLite(t)
	}
	if o.build == nil {
		o.build = chatrelay.New
	}
	w.World = moduletest.Start(t, moduletest.Options{
		Service: module.ChatRelay, Spec: chatrelayapi.Spec, Store: o.store, Listener: w.traps, Unready: o.deaf,
		Peers: func(i *moduletest.Issuers) map[string]string {
			w.audit = newFakeAudit(t)
			if o.deaf {
				w.audit.kill()
			}
			auth := httptest.NewServer(fakeAuth(i.People))
			t.Cleanup(auth.Close)
			return map[string]string{module.Auth: auth.URL, module.Audit: w.audit.url}
		},
		Deps: func(d *module.Deps) {
			if o.clock != nil {
				d.Clock = o.clock(d.Clock)
			}
		},
		Build: func(ctx context.Context, deps module.Deps) (module.Module, error) { return o.build(ctx, cfg, deps) },
	})
	w.log = &lines{Buffer: w.Log}
	return w
}

// person is account n, whose user name is "person<n>".
func person(n int) string { return fmt.Sprintf("acc_%024d", n) }

func session(n int) string { return fmt.Sprintf("ses_%024d", n) }

func (w *world) token(n int) string { return w.People.Token(person(n), session(n)) }

// call is a request of person n, 0 for nobody, through the gateway.
func (w *world) call(n int, method, path, body string) moduletest.Answer {
	w.T.Helper()
	token := ""
	if n > 0 {
		token = w.token(n)
	}
	return w.do(module.Gateway, token, method, path, body)
}

// do is a request of a service, "" for none, on behalf of whose token it is.
func (w *world) do(service, token, method, path, body string) moduletest.Answer {
	w.T.Helper()
	if token != "" {
		token = bearer(token)
	}
	return w.Do(service, token, method, path, body)
}

func decoded[T any](t testing.TB, a moduletest.Answer, status int) (v T) {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// start makes a conversation of n with others and returns it.
func (w *world) start(n int, kind string, others ...int) chatrelayapi.Conversation {
	w.T.Helper()
	names := make([]string, len(others))
	for i, o := range others {
		names[i] = fmt.Sprintf("person%d", o)
	}
	body, err := json.Marshal(map[string]any{"kind": kind, "members": names})
	if err != nil {
		w.T.Fatal(err)
	}
	return decoded[chatrelayapi.Conversation](w.T, w.call(n, http.MethodPost, "/v1/conversations", string(body)), http.StatusCreated)
}

// metric is the sum of a counter over those of its labels that hold want ("" for all).
func (w *world) metric(name, want string) (sum float64) {
	w.T.Helper()
	families, err := w.Registry.Gather()
	if err != nil {
		w.T.Fatal(err)
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
	w.T.Helper()
	testkit.Eventually(w.T, testkit.Patience, func() (bool, string) { return cond(), what })
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

func newFakeAudit(t testing.TB) *fakeAudit {
	a := &fakeAudit{Audit: auditlinktest.New()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /internal/events", a.Ingest)
	mux.HandleFunc("GET /internal/verdicts", a.Watch)
	server := httptest.NewServer(mux)
	a.url, a.kill = server.URL, sync.OnceFunc(func() {
		server.CloseClientConnections()
		server.Close()
	})
	t.Cleanup(a.kill)
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
	*testkit.Buffer
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
