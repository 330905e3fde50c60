package audit_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"centinela/openapi/gen/auditapi"
	"centinela/shared/id"
	"centinela/shared/module/moduletest"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

func (w *world) matrix() moduletest.Matrix {
	fixed := func(path, body string) func(string) moduletest.Request {
		return func(string) moduletest.Request { return moduletest.Request{Path: path, Body: body} }
	}
	return w.Matrix(map[string]moduletest.Row{
		"listMyActivity": {Request: fixed("/v1/me/activity", ""), Status: 200},
		"listVerdicts":   {Request: fixed("/v1/operator/verdicts", ""), Status: 200, Recorded: "who looks is in the record"},
		"addVerdict":     {Request: fixed("/v1/operator/verdicts", `{"kind":"ip","subject":"203.0.113.77","action":"refuse","reason":"why"}`), Status: 201},
		"removeVerdict": {Request: func(string) moduletest.Request {
			return moduletest.Request{Path: "/v1/operator/verdicts/" + w.orders("203.0.113.78")}
		}, Status: 204},
		"ingestEvents": {Request: func(service string) moduletest.Request {
			return moduletest.Request{Path: "/internal/events", Body: batch(w.T, record.New(ten, service, record.SessionRefused, record.Refused, record.Origin{}))}
		}, Status: 200},
		"watchVerdicts": {Request: fixed("/internal/verdicts", ""), Status: 200},
		"getPlace":      {Request: fixed("/internal/places/"+id.New("acc")+"?address="+moduletest.Address, ""), Status: 200},
	}, w.settle, "followers") // a cursor, kept once a second
}

// orders puts a verdict in force as the operator and returns its id.
func (w *world) orders(subject string) string {
	w.T.Helper()
	var v auditapi.Verdict
	w.Into(&v, w.Do("gateway", w.AsOperator(), http.MethodPost, "/v1/operator/verdicts",
		fmt.Sprintf(`{"kind":"ip","subject":%q,"action":"refuse","reason":"why"}`, subject)), http.StatusCreated)
	return v.Id
}

// TestR41_AuthorisationMatrix runs every operation of the specification as nobody, as each service, and with each
// Authorization that isn't the right one, on both stores. What is refused changes nothing in the whole store and tells
// nothing: the body of a refused request isn't even looked at.
func TestR41_AuthorisationMatrix(t *testing.T) {
	for engine, somewhere := range engines {
		t.Run(engine, func(t *testing.T) { newWorld(t, somewhere(t), asItIs).matrix().Run(t) })
	}
}

// settle waits until the firewall's own events are in the record, and rules and places have seen all of it.
func (w *world) settle() {
	w.T.Helper()
	testkit.Eventually(w.T, testkit.Patience, func() (bool, string) {
		events, err := w.backend.PendingEvents(w.T.Context(), 1)
		lag := w.Metric("centinela_audit_follower_lag_events")
		return err == nil && len(events) == 0 && lag == 0, fmt.Sprintf("%d events wait in the outbox, %g are not seen yet, %v", len(events), lag, err)
	})
}

// TestR41_OneOwnName: a service writes in its own name only, and a batch with a single foreign event is refused whole.
func TestR41_OneOwnName(t *testing.T) {
	w := newWorld(t, onSQLite(t), asItIs)
	before := w.Contents()
	for _, service := range []string{"gateway", "auth", "recovery", "chat-relay"} {
		for _, name := range []string{"gateway", "auth", "recovery", "chat-relay", "audit", "operator", "AUTH", "auth ", ""} {
			if name == service {
				continue
			}
			own := record.New(ten, service, record.SessionRefused, record.Refused, record.Origin{})
			foreign := record.New(ten, name, record.SessionCreated, record.Success, record.Origin{})
			got := w.Do(service, "", http.MethodPost, "/internal/events", batch(t, own, foreign))
			if got.Status != 403 || got.Code() != "forbidden" || !strings.Contains(got.Body, "/events/1/service") {
				t.Errorf("%s as %q: %d %s", service, name, got.Status, got.Body)
			}
		}
	}
	if after := w.Contents(); after != before {
		t.Errorf("%s before, %s after", before, after)
	}
}

// TestR41_OnesOwnActivity: whatever a person sends, the page is of the account in the token; another person's cursor
// shows nothing of theirs, and an account without a history looks like one that isn't there.
func TestR41_OnesOwnActivity(t *testing.T) {
	w := newWorld(t, onSQLite(t), asItIs)
	ana, ben := id.New("acc"), id.New("acc")
	for range 3 {
		w.ingest("auth", signIn(ana), signIn(ben), signIn(""))
	}
	var page auditapi.ActivityPage
	token := func(account string) string { return "Bearer " + w.People.Token(account, id.New("ses")) }
	w.Into(&page, w.Do("gateway", token(ana), http.MethodGet, "/v1/me/activity?limit=2", ""), 200)
	if len(page.Events) != 2 || page.NextCursor == nil {
		t.Fatalf("%+v", page)
	}
	var theirs auditapi.ActivityPage
	w.Into(&theirs, w.Do("gateway", token(ben), http.MethodGet, "/v1/me/activity?limit=100&cursor="+*page.NextCursor, ""), 200)
	for _, e := range theirs.Events {
		for _, mine := range page.Events {
			if e.Id == mine.Id {
				t.Errorf("ben sees ana's %+v", e)
			}
		}
	}
	if len(w.activity(ben)) != 3 || len(w.activity(id.New("acc"))) != 0 {
		t.Error("not one's own")
	}
	for _, query := range []string{"?account=" + ana, "?account_id=" + ana, "?limit=0", "?limit=101", "?limit=x", "?cursor=%25%25", "?cursor=" + strings.Repeat("A", 513)} {
		if got := w.Do("gateway", token(ben), http.MethodGet, "/v1/me/activity"+query, ""); got.Status != 400 || strings.Contains(got.Body, ana) {
			t.Errorf("%s: %d %s", query, got.Status, got.Body)
		}
	}
}
