package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"centinela/openapi/gen/auditapi"
	"centinela/services/audit"
	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/module/moduletest"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

var ten = moduletest.Ten

// place is what outlives a process: the store, and the folder of the keys.
type place struct {
	store module.Store
	keys  string
}

func onSQLite(t testing.TB) place { return place{store: moduletest.OnSQLite(t), keys: t.TempDir()} }

func onMongo(t testing.TB) place { return place{store: moduletest.OnMongoDB(t), keys: t.TempDir()} }

var engines = map[string]func(testing.TB) place{"sqlite": onSQLite, "mongodb": onMongo}

// world is audit behind HTTP.
type world struct {
	*moduletest.World
	place   place
	module  *audit.Module
	backend audit.Backend
}

func asItIs(b audit.Backend) audit.Backend { return b }

func newWorld(t testing.TB, at place, wrap func(audit.Backend) audit.Backend) *world {
	t.Helper()
	w := &world{place: at}
	w.World = moduletest.Start(t, moduletest.Options{
		Service: module.Audit, Spec: auditapi.Spec, Store: at.store, KeyDir: at.keys,
		Build: func(ctx context.Context, deps module.Deps) (_ module.Module, err error) {
			w.module, err = audit.NewAround(ctx, audit.DefaultConfig(), deps, func(b audit.Backend) audit.Backend {
				w.backend = b
				return wrap(b)
			})
			return w.module, err
		},
	})
	return w
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
	w.T.Helper()
	var result auditapi.IngestResult
	w.Into(&result, w.Do(service, "", http.MethodPost, "/internal/events", batch(w.T, events...)), http.StatusOK)
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
	w.T.Helper()
	var page auditapi.ActivityPage
	w.Into(&page, w.Do("gateway", "Bearer "+w.People.Token(account, id.New("ses")), http.MethodGet, "/v1/me/activity?limit=100", ""), http.StatusOK)
	return page.Events
}

func (w *world) verdicts() []auditapi.Verdict {
	w.T.Helper()
	var feed auditapi.VerdictFeed
	w.Into(&feed, w.Do("gateway", "", http.MethodGet, "/internal/verdicts", ""), http.StatusOK)
	if !feed.Snapshot {
		w.T.Errorf("no snapshot without a version: %+v", feed)
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
	w.T.Helper()
	out, err := verifies(w.T, w.place)
	if err != nil || !strings.Contains(out, fmt.Sprintf("good: %d entries", entries)) {
		w.T.Errorf("verify: %v\n%s", err, out)
	}
}
