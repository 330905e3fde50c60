package recovery_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/openapi/gen/recoveryapi"
	"centinela/services/recovery"
	"centinela/shared/access"
	"centinela/shared/clock"
	"centinela/shared/httpkit"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/secret"
	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

const (
	day       = 24 * time.Hour
	ana       = "acc_aaaaaaaaaaaaaaaaaaaaaaaa"
	session   = "ses_aaaaaaaaaaaaaaaaaaaaaaaa"
	first     = "+51987654321"
	second    = "+34600123456"
	device    = "a-device-key-of-at-least-32-characters"
	password  = "pelican orbit mustard 42 lantern"
	savedCode = "K7QM-2F9X-WB4T-Z6HR"
)

// world is the module behind HTTP, its fake peers, and the keys of all services.
type world struct {
	t        testing.TB
	services *httpkittest.Services
	people   *httpkittest.People
	clk      *clock.Manual
	url      string
	auth     *fakeAuth
	audit    *fakeAudit
	log      *testkit.Buffer
	module   *recovery.Module
	registry *prometheus.Registry
	address  string
	still    bool
}

type options struct {
	config func(*recovery.Config)
	store  func(testing.TB) module.Store
	build  func(context.Context, recovery.Config, module.Deps) (*recovery.Module, error)
	fresh  time.Duration // how old a sign-in may be; 10 minutes
	still  bool          // nothing happens in the background: the store changes by calls alone, and texts are sent when they are read
}

func sqliteStore(t testing.TB) module.Store {
	return module.Store{Engine: module.EngineSQLite, Dir: t.TempDir()}
}

func mongoStore(t testing.TB) module.Store {
	uri, database := testkit.Mongo(t)
	return module.Store{Engine: module.EngineMongoDB, Dir: t.TempDir(), URI: secret.NewString(uri), Database: database}
}

func newWorld(t testing.TB, o options) *world {
	t.Helper()
	w := &world{
		registry: obs.NewRegistry("recovery"),
		t:        t, services: httpkittest.NewServices(t), log: &testkit.Buffer{}, address: "203.0.113.7",
		clk: clock.NewManual(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)),
	}
	for _, name := range []string{"gateway", "auth", "recovery", "chat-relay", "audit", "stranger"} {
		w.services.Signer(name)
	}
	w.people = httpkittest.NewPeople(t, w.clk)
	w.auth, w.audit = newFakeAuth(w), newFakeAudit(w)
	cfg := recovery.DefaultConfig()
	cfg.Budget.StartsPerAddress = 1000
	cfg.AnswerAfter = time.Millisecond // TestV15Pace looks at the time
	if o.config != nil {
		o.config(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	if o.store == nil {
		o.store = sqliteStore
	}
	if o.build == nil {
		o.build = recovery.New
	}
	m, err := o.build(t.Context(), cfg, module.Deps{
		Service: module.Recovery, Log: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registry: w.registry, Clock: w.clk, Signer: w.services.Signer("recovery"), Keyring: w.services,
		PeerURL: func(peer string) string {
			return map[string]string{module.Auth: w.auth.url, module.Audit: w.audit.url}[peer]
		},
		Store: o.store(t), FreshSignIn: cmp.Or(o.fresh, 10*time.Minute), Development: true, KeyDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.still = o.still
	w.serve(m)
	return w
}

func (w *world) serve(m *recovery.Module) {
	w.module = m
	run := m.Run
	if w.still {
		run = m.RunStill
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	spec, err := recoveryapi.Spec()
	if err != nil {
		w.t.Fatal(err)
	}
	server := httptest.NewServer(httpkittest.ValidateResponses(w.t, spec, m.Handler()))
	w.url = server.URL
	testkit.Eventually(w.t, testkit.Patience, func() (bool, string) {
		err := m.Ready()
		return err == nil, fmt.Sprint(err)
	})
	w.t.Cleanup(func() {
		server.Close()
		stop()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
		if err := m.Close(context.Background()); err != nil {
			w.t.Error(err)
		}
	})
}

// answer is a response, read.
type answer struct {
	status int
	body   string
}

func (a answer) field(name string) string {
	var fields map[string]any
	if err := json.Unmarshal([]byte(a.body), &fields); err != nil {
		return ""
	}
	text, _ := fields[name].(string)
	return text
}

func (a answer) into(v any) {
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		panic(err)
	}
}

// call asks the module as the gateway does; authorization may be empty.
func (w *world) call(method, path, authorization string, body any) answer {
	w.t.Helper()
	return w.as("gateway", method, path, authorization, body)
}

func (w *world) as(service, method, path, authorization string, body any) answer {
	w.t.Helper()
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, w.url+path, payload)
	if err != nil {
		w.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return w.send(req, service, authorization)
}

func (w *world) send(req *http.Request, service, authorization string) answer {
	w.t.Helper()
	if service != "" {
		w.services.Authorize(req, service, "recovery")
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	req.Header.Set(httpkit.HeaderClientAddress, w.address)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Error(err)
		return answer{}
	}
	defer resp.Body.Close() //nolint:errcheck // read to the end
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Error(err)
	}
	return answer{resp.StatusCode, string(text)}
}

// want fails unless the status and, for problems, the code are as said.
func (w *world) want(a answer, status int, code string) answer {
	w.t.Helper()
	if a.status != status || (status >= 400 && a.field("code") != code) {
		w.t.Fatalf("got %d %s, want %d %s", a.status, a.body, status, code)
	}
	return a
}

// signedIn is the header of a person who signed in just now.
func (w *world) signedIn(account string) string { return "Bearer " + w.people.Token(account, session) }

func (w *world) signedInAgo(account string, ago time.Duration) string {
	now := w.clk.Now()
	return "Bearer " + w.people.Issue(access.Claims{
		Account: account, Session: session, AuthTime: now.Add(-ago), IssuedAt: now, ExpiresAt: now.Add(10 * time.Minute),
	})
}

var codePattern = regexp.MustCompile(`@localhost #(\d{8})`)

type simulated struct {
	ID, To, Body string
	At           time.Time
}

// texts are what a number got, newest first.
func (w *world) texts(number string) []simulated {
	w.t.Helper()
	if w.still {
		if err := w.module.SendDue(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
	var list struct{ Texts []simulated }
	w.want(w.call("GET", "/dev/phone?number="+strings.ReplaceAll(number, "+", "%2B"), "", nil), 200, "").into(&list)
	return list.Texts
}

// text waits for a text to number that was sent now and has that in it.
func (w *world) text(number, part string) string {
	w.t.Helper()
	found := ""
	testkit.Eventually(w.t, 10*time.Second, func() (bool, string) {
		for _, text := range w.texts(number) {
			if strings.Contains(text.Body, part) && text.At.Equal(w.clk.Now()) {
				found = text.Body
				return true, ""
			}
		}
		return false, "no text to " + number + " with " + part
	})
	return found
}

// code waits for a code that was sent to number now.
func (w *world) code(number string) string {
	w.t.Helper()
	return codePattern.FindStringSubmatch(w.text(number, "@localhost #"))[1]
}

// prove adds and verifies a number; it returns its id.
func (w *world) prove(account, number string) string {
	w.t.Helper()
	id := w.want(w.call("POST", "/v1/me/phones", w.signedIn(account), map[string]string{"number": number}), 201, "").field("id")
	w.want(w.call("POST", "/v1/me/phones/"+id+"/verification", w.signedIn(account), map[string]string{"code": w.code(number)}), 200, "")
	return id
}

// proveAgain keeps a number live.
func (w *world) proveAgain(account, phone, number string) {
	w.t.Helper()
	w.want(w.call("POST", "/v1/me/phones/"+phone+"/codes", w.signedIn(account), nil), 202, "")
	w.want(w.call("POST", "/v1/me/phones/"+phone+"/verification", w.signedIn(account), map[string]string{"code": w.code(number)}), 200, "")
}

// claim is a recovery from its claimant's side.
type claim struct {
	w          *world
	id, secret string
}

func (w *world) start(identifier, deviceKey string) claim {
	w.t.Helper()
	body := map[string]any{"identifier": identifier}
	if deviceKey != "" {
		body["device"] = map[string]string{"key": deviceKey}
	}
	var started struct {
		Recovery struct{ ID string }
		Secret   string
	}
	w.want(w.call("POST", "/v1/recoveries", "", body), 202, "").into(&started)
	return claim{w, started.Recovery.ID, started.Secret}
}

func (c claim) call(method, path string, body any) answer {
	c.w.t.Helper()
	return c.w.call(method, "/v1/recoveries/"+c.id+path, "Recovery "+c.secret, body)
}

func (c claim) evidence(method, code string) answer {
	c.w.t.Helper()
	return c.call("POST", "/evidence", map[string]string{"method": method, "code": code})
}

// bySMS asks for a code and brings it.
func (c claim) bySMS(number string) answer {
	c.w.t.Helper()
	c.w.want(c.call("POST", "/codes", map[string]string{}), 202, "")
	return c.evidence("sms", c.w.code(number))
}

func (c claim) complete() answer {
	c.w.t.Helper()
	return c.call("POST", "/completion", map[string]string{"new_password": password})
}

// metric is the value of a counter without labels.
func (w *world) metric(name string) float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	w.t.Fatalf("there is no metric %s", name)
	return 0
}
