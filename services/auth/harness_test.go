package auth_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

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
	"centinela/shared/module/moduletest"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

const (
	goodPassword  = "pelican orbit mustard 42 lantern"
	otherPassword = "velvet anchor tundra 77 biscuit"
	deviceKey     = "a-device-key-of-at-least-32-characters"
)

// world is the module behind HTTP, and a fake audit.
type world struct {
	*moduletest.World
	audit  *fakeAudit
	module *auth.Module
}

func cheapConfig() auth.Config {
	cfg := auth.DefaultConfig()
	cfg.Password.HashMemory, cfg.Password.HashTime, cfg.Password.Threads = 19, 2, 1
	cfg.SignIn.Floor = time.Millisecond
	cfg.SignUp.Hourly = 1000
	return cfg
}

type builder func(context.Context, auth.Config, module.Deps) (*auth.Module, error)

func newWorld(t testing.TB, cfg auth.Config, store module.Store, build builder) *world {
	t.Helper()
	w := &world{}
	w.start(t, cfg, build, moduletest.Options{Store: store}, func(i *moduletest.Issuers) *fakeAudit { return newFakeAudit(i.T, i.Services) })
	return w
}

// twin is another process on the same store and keys, whose clock is so far ahead.
func (w *world) twin(cfg auth.Config, ahead time.Duration) *world {
	w.T.Helper()
	other := &world{}
	other.start(w.T, cfg, auth.New, moduletest.Options{Beside: w.World, Ahead: ahead}, func(*moduletest.Issuers) *fakeAudit { return w.audit })
	return other
}

func (w *world) start(t testing.TB, cfg auth.Config, build builder, o moduletest.Options, audit func(*moduletest.Issuers) *fakeAudit) {
	o.Service, o.Spec = module.Auth, authapi.Spec
	o.Peers = func(i *moduletest.Issuers) map[string]string {
		w.audit = audit(i)
		return map[string]string{module.Audit: w.audit.url}
	}
	o.Build = func(ctx context.Context, deps module.Deps) (_ module.Module, err error) {
		w.module, err = build(ctx, cfg, deps)
		return w.module, err
	}
	w.World = moduletest.Start(t, o)
}

// as returns the generated client of one service, with a person's token unless it is empty.
func (w *world) as(service, token string) *authclient.Client {
	w.T.Helper()
	c, err := authclient.NewClient(w.URL, authclient.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		return w.Identify(r, service, bearer(token))
	}))
	if err != nil {
		w.T.Fatal(err)
	}
	return c
}

// bearer is an Authorization; "" for none.
func bearer(token string) string {
	if token == "" {
		return ""
	}
	return "Bearer " + token
}

// do calls as a service, with a person's token unless it is empty.
func (w *world) do(service, token, method, path, body string) moduletest.Answer {
	w.T.Helper()
	return w.Do(service, bearer(token), method, path, body)
}

type person struct {
	name    string
	account authclient.CreatedAccount
	tokens  authclient.TokenSet
}

func (w *world) person(name string) person {
	w.T.Helper()
	made, err := httpkit.Read[authclient.CreatedAccount](
		w.as("gateway", "").CreateAccount(w.T.Context(), authclient.NewAccount{UserName: name, Password: goodPassword}))
	if err != nil {
		w.T.Fatalf("sign up: %v", err)
	}
	return person{name, made, w.signIn(name, goodPassword)}
}

func (w *world) signIn(name, password string) authclient.TokenSet {
	w.T.Helper()
	label := "Ana's phone"
	in, err := httpkit.Read[authclient.TokenSet](w.as("gateway", "").CreateSession(w.T.Context(), authclient.SignIn{
		Identifier: name, Password: password, Device: &authclient.Device{Key: deviceKey, Name: &label},
	}))
	if err != nil {
		w.T.Fatalf("sign in: %v", err)
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
	w.T.Helper()
	families, err := w.Registry.Gather()
	if err != nil {
		w.T.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		text.WriteString(f.String() + "\n")
	}
	return text.String()
}

func jsonText(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}
