package audit_test

import (
	"crypto/ed25519"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"centinela/openapi/gen/auditapi"
	"centinela/shared/httpkit"
	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

// operation is one row of the matrix. request makes what its owner may do; it is made anew for each caller.
type operation struct {
	method  string
	request func(w *world, service string) (path, body string)
	ok      int // what who may do it gets
	who     string
}

// who an operation is for, beside its calling services.
const (
	aService   = "service"
	aPerson    = "person"
	anOperator = "operator"
)

func get(path string) func(*world, string) (string, string) {
	return func(*world, string) (string, string) { return path, "" }
}

var matrix = map[string]operation{
	"listMyActivity": {http.MethodGet, get("/v1/me/activity"), 200, aPerson},
	"listVerdicts":   {http.MethodGet, get("/v1/operator/verdicts"), 200, anOperator},
	"addVerdict": {http.MethodPost, func(*world, string) (string, string) {
		return "/v1/operator/verdicts", `{"kind":"ip","subject":"203.0.113.77","action":"refuse","reason":"why"}`
	}, 201, anOperator},
	"removeVerdict": {http.MethodDelete, func(w *world, _ string) (string, string) {
		return "/v1/operator/verdicts/" + w.orders("203.0.113.78"), ""
	}, 204, anOperator},
	"ingestEvents": {http.MethodPost, func(w *world, service string) (string, string) {
		return "/internal/events", batch(w.t, record.New(ten, service, record.SessionRefused, record.Refused, record.Origin{}))
	}, 200, aService},
	"watchVerdicts": {http.MethodGet, get("/internal/verdicts"), 200, aService},
	"getPlace": {http.MethodGet, func(*world, string) (string, string) {
		return "/internal/places/" + id.New("acc") + "?address=203.0.113.7", ""
	}, 200, aService},
}

// orders puts a verdict in force as the operator and returns its id.
func (w *world) orders(subject string) string {
	w.t.Helper()
	var v auditapi.Verdict
	w.into(&v, w.do("gateway", w.asOperator(), http.MethodPost, "/v1/operator/verdicts",
		fmt.Sprintf(`{"kind":"ip","subject":%q,"action":"refuse","reason":"why"}`, subject)), http.StatusCreated)
	return v.Id
}

// TestR41_AuthorisationMatrix runs every operation of the specification as nobody, as each service, and with each
// Authorization that isn't the right one. What is refused changes nothing and tells nothing: the body of a refused
// request isn't even looked at.
func TestR41_AuthorisationMatrix(t *testing.T) {
	w := newWorld(t, onSQLite(t), asItIs)
	elsewhere := newWorld(t, onSQLite(t), asItIs)
	spec, err := auditapi.Spec()
	if err != nil {
		t.Fatal(err)
	}
	account, session := id.New("acc"), id.New("ses")
	seen := 0
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			row, ok := matrix[op.OperationID]
			if !ok {
				t.Errorf("%s %s (%s) is not in the matrix", method, path, op.OperationID)
				continue
			}
			seen++
			t.Run(op.OperationID, func(t *testing.T) {
				right := map[string]func() string{
					aService: func() string { return "" }, aPerson: func() string { return "Bearer " + w.people.Token(account, session) }, anOperator: w.asOperator,
				}[row.who]
				expect := func(who, service, authorization string, status int, code string) {
					t.Helper()
					path, body := row.request(w, service)
					before := w.state()
					got := w.do(service, authorization, row.method, path, body)
					if got.status != status || got.code() != code {
						t.Errorf("%s: %d %s, want %d %s", who, got.status, got.body, status, code)
					}
					if status >= 400 && w.state() != before {
						t.Errorf("%s was refused, and changed something", who)
					}
				}
				expect("nobody, with the right token", "", right(), 401, "unauthenticated")
				callers, _ := op.Extensions["x-callers"].([]any)
				for _, service := range []string{"gateway", "auth", "recovery", "chat-relay", "audit", "stranger"} {
					if !slices.Contains(callers, any(service)) {
						expect(service, service, right(), 403, "caller_not_allowed")
						continue
					}
					expect(service, service, right(), row.ok, "")
				}
				// The operator is no service: the key opens no internal door.
				r := signed(t, w.operator, module.Operator, module.Audit, 0)
				if got := w.withServiceToken(r, right(), row); got.status != 403 || got.code() != "caller_not_allowed" {
					t.Errorf("the operator as a service: %d %s", got.status, got.body)
				}
				for who, refused := range map[string]map[string]wrong{
					aService: nil,
					aPerson: {
						"no token":                  {"", "unauthenticated"},
						"an expired session":        {"Bearer " + expired(w, account, session), "token_expired"},
						"another issuer's":          {"Bearer " + elsewhere.people.Token(account, session), "token_invalid"},
						"the operator's as Bearer":  {"Bearer " + strings.TrimPrefix(w.asOperator(), "Operator "), "token_invalid"},
						"the operator":              {w.asOperator(), "unauthenticated"},
						"the gateway's own as mine": {"Bearer " + gatewaysOwn(t, w), "token_invalid"},
					},
					anOperator: operatorsWrong(t, w, account, session),
				} {
					for name, c := range refused {
						if who == row.who {
							status := 401
							if c.code == "forbidden" {
								status = 403
							}
							expect(name, "gateway", c.authorization, status, c.code)
						}
					}
				}
			})
		}
	}
	if seen != len(matrix) {
		t.Errorf("%d operations of the specification, %d rows", seen, len(matrix))
	}
}

// wrong is an Authorization that must not do, and the code that says why.
type wrong struct{ authorization, code string }

func operatorsWrong(t *testing.T, w *world, account, session string) map[string]wrong {
	t.Helper()
	_, foreign, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	token := func(key ed25519.PrivateKey, audience string, age time.Duration) string {
		return "Operator " + signed(t, key, module.Operator, audience, age)
	}
	return map[string]wrong{
		"no token":                        {"", "unauthenticated"},
		"an empty one":                    {"Operator ", "unauthenticated"},
		"a person":                        {"Bearer " + w.people.Token(account, session), "unauthenticated"},
		"a person's as the operator's":    {"Operator " + w.people.Token(account, session), "unauthenticated"},
		"expired":                         {token(w.operator, module.Audit, 66*time.Second), "unauthenticated"},
		"from the future":                 {token(w.operator, module.Audit, -time.Minute), "unauthenticated"},
		"a foreign key":                   {token(foreign, module.Audit, 0), "unauthenticated"},
		"replayed from another service":   {token(w.operator, module.Auth, 0), "unauthenticated"},
		"the operator's as Bearer":        {"Bearer " + strings.TrimPrefix(w.asOperator(), "Operator "), "unauthenticated"},
		"the operator's without a scheme": {strings.TrimPrefix(w.asOperator(), "Operator "), "unauthenticated"},
		"a service that plays operator":   {"Operator " + gatewaysOwn(t, w), "forbidden"},
	}
}

func gatewaysOwn(t *testing.T, w *world) string {
	t.Helper()
	token, err := w.services.Signer("gateway").Token(module.Audit)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// expired is a token of 10 minutes whose time is over.
func expired(w *world, account, session string) string {
	token := w.people.Token(account, session)
	w.clk.Advance(10*time.Minute + time.Millisecond)
	return token
}

func (w *world) withServiceToken(token, authorization string, row operation) answer {
	w.t.Helper()
	path, body := row.request(w, "gateway")
	r, err := http.NewRequestWithContext(w.t.Context(), row.method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set(httpkit.HeaderService, token)
	got, err := send(r, authorization)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// state is what a refused request must leave as it was.
func (w *world) state() string {
	w.t.Helper()
	w.settle()
	head, err := w.backend.Head(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf("%d entries, %d verdicts", head.Seq, len(w.verdicts()))
}

// settle waits until the firewall's own events are in the record.
func (w *world) settle() {
	w.t.Helper()
	testkit.Eventually(w.t, 10*time.Second, func() (bool, string) {
		events, err := w.backend.PendingEvents(w.t.Context(), 1)
		return err == nil && len(events) == 0, fmt.Sprintf("%d events wait in the outbox, %v", len(events), err)
	})
}

// TestR41_OneOwnName: a service writes in its own name only, and a batch with a single foreign event is refused whole.
func TestR41_OneOwnName(t *testing.T) {
	w := newWorld(t, onSQLite(t), asItIs)
	before := w.state()
	for _, service := range []string{"gateway", "auth", "recovery", "chat-relay"} {
		for _, name := range []string{"gateway", "auth", "recovery", "chat-relay", "audit", "operator", "AUTH", "auth ", ""} {
			if name == service {
				continue
			}
			own := record.New(ten, service, record.SessionRefused, record.Refused, record.Origin{})
			foreign := record.New(ten, name, record.SessionCreated, record.Success, record.Origin{})
			got := w.do(service, "", http.MethodPost, "/internal/events", batch(t, own, foreign))
			if got.status != 403 || got.code() != "forbidden" || !strings.Contains(got.body, "/events/1/service") {
				t.Errorf("%s as %q: %d %s", service, name, got.status, got.body)
			}
		}
	}
	if after := w.state(); after != before {
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
	token := func(account string) string { return "Bearer " + w.people.Token(account, id.New("ses")) }
	w.into(&page, w.do("gateway", token(ana), http.MethodGet, "/v1/me/activity?limit=2", ""), 200)
	if len(page.Events) != 2 || page.NextCursor == nil {
		t.Fatalf("%+v", page)
	}
	var theirs auditapi.ActivityPage
	w.into(&theirs, w.do("gateway", token(ben), http.MethodGet, "/v1/me/activity?limit=100&cursor="+*page.NextCursor, ""), 200)
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
		if got := w.do("gateway", token(ben), http.MethodGet, "/v1/me/activity"+query, ""); got.status != 400 || strings.Contains(got.body, ana) {
			t.Errorf("%s: %d %s", query, got.status, got.body)
		}
	}
}
