package audit_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"centinela/openapi/gen/auditapi"
	"centinela/services/audit"
	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/openings"
	"centinela/shared/auditlink"
	"centinela/shared/clock"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/module/moduletest"
	"centinela/shared/obs"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/secret"
	"centinela/shared/svcauth"
	"centinela/shared/testkit"
	"centinela/shared/verdicts"
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

// onBoth runs a test on each store, side by side.
func onBoth(t *testing.T, run func(t *testing.T, p place)) {
	for engine, somewhere := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			run(t, somewhere(t))
		})
	}
}

// world is audit behind HTTP, with a log of each service that ships to it.
type world struct {
	*moduletest.World
	place   place
	module  *audit.Module
	backend audit.Backend
	logs    map[string]*outboxtest.Writer
}

func asItIs(b audit.Backend) audit.Backend { return b }

func newWorld(t testing.TB, at place, wrap func(audit.Backend) audit.Backend) *world {
	t.Helper()
	return startWorld(t, at, audit.DefaultConfig(), false, wrap)
}

// unready is a world on data that keeps audit from being ready.
func unready(t testing.TB, at place) *world {
	t.Helper()
	return startWorld(t, at, audit.DefaultConfig(), true, asItIs)
}

func startWorld(t testing.TB, at place, cfg audit.Config, unready bool, wrap func(audit.Backend) audit.Backend) *world {
	t.Helper()
	w := &world{place: at, logs: map[string]*outboxtest.Writer{}}
	w.World = moduletest.Start(t, moduletest.Options{
		Service: module.Audit, Spec: auditapi.Spec, Store: at.store, KeyDir: at.keys, Unready: unready,
		Build: func(ctx context.Context, deps module.Deps) (_ module.Module, err error) {
			w.module, err = audit.NewAround(ctx, cfg, deps, func(b audit.Backend) audit.Backend {
				w.backend = b
				return wrap(b)
			})
			return w.module, err
		},
	})
	return w
}

// starts makes the module and ends it; the error is New's.
func starts(t testing.TB, p place) error {
	t.Helper()
	services, clk := httpkittest.ServicesIn(t, p.keys), clock.NewManual(ten)
	m, err := audit.New(t.Context(), audit.DefaultConfig(), module.Deps{
		Service: module.Audit, Log: testkit.Logger(t), Registry: obs.NewRegistry(module.Audit), Clock: clk, Signer: services.Signer(module.Audit), Keyring: services,
		PeerURL: func(string) string { return "http://localhost" }, Store: p.store, Development: true, KeyDir: p.keys,
	})
	if err == nil {
		return errors.Join(m.Close(context.Background()), errors.New("it started"))
	}
	return err
}

const ingest = "/internal/events"

// log is the service's, which goes on with each shipment.
func (w *world) log(service string) *outboxtest.Writer {
	if w.logs[service] == nil {
		w.logs[service] = w.newLog(service)
	}
	return w.logs[service]
}

func (w *world) newLog(service string) *outboxtest.Writer {
	return outboxtest.NewWriter(service, w.Services.Signer(service).Sign)
}

// ship brings the next events of a service's log to audit, which must hold them then.
func (w *world) ship(service string, events ...record.Event) record.Shipment {
	w.T.Helper()
	s := w.log(service).Shipment(w.T, events...)
	if held := w.held(w.send(service, s)); held != s.Head {
		w.T.Fatalf("audit holds %+v of %s, want %+v", held, s.Source, s.Head)
	}
	return s
}

func (w *world) send(service string, s record.Shipment) moduletest.Answer {
	w.T.Helper()
	return w.Do(service, "", http.MethodPost, ingest, encoded(w.T, s))
}

func encoded(t testing.TB, s record.Shipment) string {
	t.Helper()
	body, err := auditlink.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// held is what audit says that it holds of the source.
func (w *world) held(got moduletest.Answer) record.Head {
	w.T.Helper()
	var answer auditapi.LogHead
	w.Into(&answer, got, http.StatusOK)
	hash, err := hex.DecodeString(answer.Hash)
	if err != nil {
		w.T.Fatal(err)
	}
	return record.Head{N: answer.N, Hash: record.Hash(hash)}
}

// entry is one of the record, with what may be known of it.
type entry struct {
	Seq int64
	record.Envelope
	Data record.Data
}

// everything is the whole record.
func (w *world) everything() []entry {
	w.T.Helper()
	rows, err := w.backend.Rows(w.T.Context(), 1, 10_000)
	if err != nil {
		w.T.Fatal(err)
	}
	all := make([]entry, len(rows))
	open := w.keeper()
	for i, row := range rows {
		env, err := record.Parse(row.Body)
		if err == nil {
			err = open.Open(w.T.Context(), &env, row.Token, row.Openings)
		}
		if err != nil {
			w.T.Fatalf("entry %d: %v", row.Seq, err)
		}
		all[i] = entry{row.Seq, env, env.Data()}
	}
	return all
}

func (w *world) rows() []ledger.Row {
	w.T.Helper()
	rows, err := w.backend.Rows(w.T.Context(), 1, 10_000)
	if err != nil {
		w.T.Fatal(err)
	}
	return rows
}

// keeper opens what the module has sealed.
func (w *world) keeper() *openings.Keeper {
	w.T.Helper()
	key, err := secret.LoadKey(filepath.Join(w.place.keys, "audit-openings.key"), false)
	if err != nil {
		w.T.Fatal(err)
	}
	return openings.New(w.backend, key, w.Clock)
}

// signIn is an event with every field.
func signIn(account string) record.Event {
	e := record.New(ten, module.Auth, record.SessionCreated, record.Success, record.Origin{
		Address: "203.0.113.9", UserAgent: "an agent <of> its own & ours", RequestID: id.New("req"), Device: strings.Repeat("0a", 32),
	})
	e.Account, e.Session, e.Target, e.Reason = account, id.New("ses"), id.New("ses"), "why"
	e.Data = record.Data{"method": "password", "client": "<b>&"}
	return e
}

func signIns(n int, account string) []record.Event {
	events := make([]record.Event, n)
	for i := range events {
		events[i] = signIn(account)
	}
	return events
}

func violation(address, account string, at time.Time) record.Event {
	e := record.New(at, module.ChatRelay, record.ChatProtocolViolation, record.Refused, record.Origin{Address: address})
	e.Account, e.Reason = account, "0x52"
	return e
}

// page is a page of somebody's activity.
func (w *world) page(account, query string) auditapi.ActivityPage {
	w.T.Helper()
	var page auditapi.ActivityPage
	w.Into(&page, w.Do(module.Gateway, w.AsPerson(account, id.New("ses")), http.MethodGet, "/v1/me/activity"+query, ""), http.StatusOK)
	return page
}

// activity is the newest hundred of all classes.
func (w *world) activity(account string) []auditapi.Activity {
	w.T.Helper()
	return w.page(account, "?class=all&limit=100").Events
}

// feed asks for a page of the verdict feed.
func (w *world) feed(service, cursor string, wait time.Duration) (verdicts.Page, error) {
	query := url.Values{"wait_ms": {strconv.FormatInt(wait.Milliseconds(), 10)}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	got, err := w.Try(service, "", http.MethodGet, "/internal/verdicts?"+query.Encode(), "")
	if err != nil {
		return verdicts.Page{}, err
	}
	if got.Status != http.StatusOK {
		return verdicts.Page{}, fmt.Errorf("%d %s", got.Status, got.Body)
	}
	return auditlink.ReadPage(strings.NewReader(got.Body))
}

// verdicts are all in force, as a gateway that knows nothing learns them.
func (w *world) verdicts() []verdicts.Verdict {
	w.T.Helper()
	var all []verdicts.Verdict
	for cursor := ""; ; {
		page, err := w.feed(module.Gateway, cursor, 0)
		if err != nil {
			w.T.Fatal(err)
		}
		if page.Snapshot != (cursor == "") || len(page.Removed) > 0 {
			w.T.Errorf("in a snapshot: %+v", page)
		}
		all = append(all, page.Verdicts...)
		if cursor = page.Cursor; !page.More {
			return all
		}
	}
}

// settle waits until audit's own events are in the record, and rules and places have seen all of it.
func (w *world) settle() {
	w.T.Helper()
	w.Settle()
	testkit.Eventually(w.T, testkit.Patience, func() (bool, string) {
		lag := w.Metric("centinela_audit_follower_lag_events")
		return lag == 0, fmt.Sprintf("%g are not seen yet", lag)
	})
}

// deps is what a verification from outside gets.
func (p place) deps() module.Deps {
	return module.Deps{Store: p.store, KeyDir: p.keys, Keyring: svcauth.DirKeyring(p.keys)}
}

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
