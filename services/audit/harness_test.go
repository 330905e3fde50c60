package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
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

	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/prometheus"

	"centinela/openapi/gen/auditapi"
	"centinela/services/audit"
	"centinela/shared/access"
	"centinela/shared/clock"
	"centinela/shared/httpkit"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/record"
	"centinela/shared/secret"
	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

var ten = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// place is what outlives a process: the store, and the folder of the keys.
type place struct {
	store module.Store
	keys  string
}

func onSQLite(t testing.TB) place {
	return place{store: module.Store{Engine: module.EngineSQLite, Dir: t.TempDir()}, keys: t.TempDir()}
}

func onMongo(t testing.TB) place {
	uri, database := testkit.Mongo(t)
	return place{store: module.Store{Engine: module.EngineMongoDB, Dir: t.TempDir(), URI: secret.NewString(uri), Database: database}, keys: t.TempDir()}
}

var engines = map[string]func(testing.TB) place{"sqlite": onSQLite, "mongodb": onMongo}

// world is audit behind HTTP, with the keys of all who call it.
type world struct {
	t        testing.TB
	place    place
	clk      *clock.Manual
	services *httpkittest.Services
	people   *httpkittest.People
	operator ed25519.PrivateKey
	log      *testkit.Buffer
	registry *prometheus.Registry
	module   *audit.Module
	backend  audit.Backend
	url      string
	stop     func() // as SIGTERM does; once
	closes   error  // how the module's Close is to end
}

func asItIs(b audit.Backend) audit.Backend { return b }

func newWorld(t testing.TB, at place, wrap func(audit.Backend) audit.Backend) *world {
	t.Helper()
	w := &world{
		t: t, place: at, clk: clock.NewManual(ten), services: httpkittest.NewServices(t), log: &testkit.Buffer{}, registry: obs.NewRegistry("audit"),
	}
	w.people = httpkittest.NewPeople(t, w.clk)
	for _, name := range []string{"gateway", "auth", "recovery", "chat-relay", "audit", "stranger"} {
		w.services.Signer(name)
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	w.operator = private
	keys, err := w.people.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	auth := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write(access.JWKS(keys)) // a client that left gets nothing
	}))
	t.Cleanup(auth.Close)
	m, err := audit.NewAround(t.Context(), audit.DefaultConfig(), module.Deps{
		Service: module.Audit, Log: slog.New(slog.NewJSONHandler(w.log, nil)), Registry: w.registry, Clock: w.clk,
		Signer: w.services.Signer("audit"), Keyring: ring{w.services, public}, PeerURL: func(string) string { return auth.URL },
		Store: at.store, Development: true, KeyDir: at.keys,
	}, func(b audit.Backend) audit.Backend {
		w.backend = b
		return wrap(b)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.module = m
	spec, err := auditapi.Spec()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	server := httptest.NewServer(httpkittest.ValidateResponses(t, spec, m.Handler()))
	w.url = server.URL
	w.stop = sync.OnceFunc(func() {
		m.Drain()
		server.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := m.Close(context.Background()); !errors.Is(err, w.closes) {
			t.Errorf("close: %v, want %v", err, w.closes)
		}
	})
	t.Cleanup(w.stop)
	return w
}

// ring knows the operator beside the services.
type ring struct {
	*httpkittest.Services
	operator ed25519.PublicKey
}

func (r ring) PublicKey(name string) (ed25519.PublicKey, error) {
	if name == module.Operator {
		return r.operator, nil
	}
	return r.Services.PublicKey(name)
}

// signed is a token of the form that services and the operator use.
func signed(t testing.TB, key ed25519.PrivateKey, issuer, audience string, age time.Duration) string {
	t.Helper()
	at := time.Now().Add(-age) // service tokens live in real time
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.RegisteredClaims{
		Issuer: issuer, Audience: jwt.ClaimStrings{audience}, IssuedAt: jwt.NewNumericDate(at), ExpiresAt: jwt.NewNumericDate(at.Add(time.Minute)),
	})
	token.Header["typ"] = "centinela-service+jwt"
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// asOperator is the Authorization of the operator, now.
func (w *world) asOperator() string {
	return "Operator " + signed(w.t, w.operator, module.Operator, module.Audit, 0)
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

// do calls as a service ("" for nobody), with an Authorization unless it is empty.
func (w *world) do(service, authorization, method, path, body string) answer {
	w.t.Helper()
	got, err := w.try(service, authorization, method, path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

func (w *world) try(service, authorization, method, path, body string) (answer, error) {
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if service != "" {
		w.services.Authorize(r, service, module.Audit)
	}
	return send(r, authorization)
}

func send(r *http.Request, authorization string) (answer, error) {
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	r.Header.Set(httpkit.HeaderClientAddress, "203.0.113.7")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to the end
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}, err
}

func (w *world) into(v any, got answer, status int) {
	w.t.Helper()
	if got.status != status {
		w.t.Fatalf("%d %s, want %d", got.status, got.body, status)
	}
	if err := json.Unmarshal([]byte(got.body), v); err != nil {
		w.t.Fatal(err)
	}
}

// batch is the body of an ingest.
func batch(t testing.TB, events ...record.Event) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"events": events})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func (w *world) ingest(service string, events ...record.Event) auditapi.IngestResult {
	w.t.Helper()
	var result auditapi.IngestResult
	w.into(&result, w.do(service, "", http.MethodPost, "/internal/events", batch(w.t, events...)), http.StatusOK)
	return result
}

// signIn is an event with every field.
func signIn(account string) record.Event {
	e := record.New(ten, "auth", record.SessionCreated, record.Success, record.Origin{
		Address: "203.0.113.9", UserAgent: "an agent <of> its own & ours", RequestID: id.New("req"), Device: strings.Repeat("0a", 32),
	})
	e.Account, e.Session, e.Target, e.Reason = account, id.New("ses"), id.New("ses"), "why"
	e.Data = record.Data{"method": "password", "client": "<b>&"}
	return e
}

func violation(address, account string, at time.Time) record.Event {
	e := record.New(at, "chat-relay", record.ChatProtocolViolation, record.Refused, record.Origin{Address: address})
	e.Account, e.Reason = account, "0x52"
	return e
}

func (w *world) activity(account string) []auditapi.Activity {
	w.t.Helper()
	var page auditapi.ActivityPage
	w.into(&page, w.do("gateway", "Bearer "+w.people.Token(account, id.New("ses")), http.MethodGet, "/v1/me/activity?limit=100", ""), http.StatusOK)
	return page.Events
}

func (w *world) verdicts() []auditapi.Verdict {
	w.t.Helper()
	var feed auditapi.VerdictFeed
	w.into(&feed, w.do("gateway", "", http.MethodGet, "/internal/verdicts", ""), http.StatusOK)
	if !feed.Snapshot {
		w.t.Errorf("no snapshot without a version: %+v", feed)
	}
	return feed.Verdicts
}

// deps is what a verification from outside gets.
func (p place) deps() module.Deps { return module.Deps{Store: p.store, KeyDir: p.keys} }

// verifies runs `centinela audit verify`.
func verifies(t testing.TB, p place) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := audit.Verify(t.Context(), audit.DefaultConfig(), p.deps(), &out)
	return out.String(), err
}

func (w *world) mustVerify(entries int) {
	w.t.Helper()
	out, err := verifies(w.t, w.place)
	if err != nil || !strings.Contains(out, fmt.Sprintf("good: %d entries", entries)) {
		w.t.Errorf("verify: %v\n%s", err, out)
	}
}
