package moduletest

import (
	"context"
	"database/sql"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"

	"centinela/shared/access"
	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/module"
	"centinela/shared/sqlitex"
)

const toySpec = `
openapi: 3.0.3
info: {title: toy, version: "1"}
components:
  securitySchemes: {bearerAuth: {type: http, scheme: bearer}}
  responses: {Problem: {description: a problem, content: {application/problem+json: {schema: {type: object}}}}}
paths:
  /things:
    post: {operationId: addThing, x-callers: [gateway], security: [{bearerAuth: []}], responses: {"204": {description: d}, default: {$ref: "#/components/responses/Problem"}}}
    get: {operationId: listThings, x-callers: [gateway, auth], responses: {"204": {description: d}, default: {$ref: "#/components/responses/Problem"}}}
  /things/{thing}:
    get:
      operationId: getThing
      x-callers: [gateway]
      security: [{bearerAuth: []}]
      parameters: [{name: thing, in: path, required: true, schema: {type: string}}]
      responses: {"204": {description: d}, default: {$ref: "#/components/responses/Problem"}}
`

// hers is the one thing that there is, and ana whose it is.
const ana, hers = "acc_000000000000000000000001", "thg_000000000000000000000001"

func readSpec() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData([]byte(toySpec)) }

// toy is a module with a fault planted in it, or none.
type toy struct {
	db      *sqlitex.DB
	deps    module.Deps
	people  *access.Verifier
	handler http.Handler
	plant   string
}

func (m *toy) Handler() http.Handler       { return m.handler }
func (m *toy) Ready() error                { return nil }
func (m *toy) Close(context.Context) error { return m.db.Close() }

func (m *toy) Run(ctx context.Context) error {
	group := m.deps.Background()
	group.Go(ctx, "people", m.people.Run)
	group.Go(ctx, "revocations", m.people.Revocations().Run)
	group.Wait()
	return nil
}

func (m *toy) write(ctx context.Context) error {
	return m.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO things (owner) VALUES (?)`, ana)
		return err
	})
}

func startToy(t *testing.T, plant string) *World {
	t.Helper()
	return Start(t, Options{
		Service: module.ChatRelay, Store: OnSQLite(t), Spec: readSpec,
		Build: func(ctx context.Context, deps module.Deps) (module.Module, error) {
			db, err := sqlitex.Open(ctx, filepath.Join(deps.Store.Dir, "toy.db"), nil)
			if err != nil {
				return nil, err
			}
			m := &toy{db: db, deps: deps, plant: plant}
			return m, m.open(ctx)
		},
	})
}

func (m *toy) open(ctx context.Context) error {
	err := m.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`CREATE TABLE things (owner TEXT)`)
		return err
	})
	if err != nil {
		return err
	}
	spec, err := readSpec()
	if err != nil {
		return err
	}
	if m.plant == "a stranger may" {
		spec.Paths.Find("/things").Get.Extensions["x-callers"] = []any{"gateway", "auth", stranger}
	}
	m.people = m.deps.People()
	server := m.deps.Server(spec, m.people)
	server.Engine().POST("/things", m.add)
	server.Engine().GET("/things", m.list)
	server.Engine().GET("/things/:thing", m.get)
	m.handler = server.Handler()
	if m.plant == "it writes before it refuses" {
		inner := m.handler
		m.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := m.write(r.Context()); err != nil {
				panic(err)
			}
			inner.ServeHTTP(w, r)
		})
	}
	return nil
}

func (m *toy) add(c *gin.Context) {
	claims := httpkit.RequestOf(c.Request.Context()).Person
	if m.deps.Clock.Now().Sub(claims.AuthTime) >= 10*time.Minute && m.plant != "a stale sign-in does" {
		httpkit.WriteProblem(c.Writer, c.Request, fault.New(fault.KindForbidden, fault.CodeFreshSignInRequired, "stale"))
		return
	}
	if m.plant != "a write writes nothing" {
		if err := m.write(c.Request.Context()); err != nil {
			panic(err)
		}
	}
	c.Status(http.StatusNoContent)
}

func (m *toy) list(c *gin.Context) {
	if m.plant == "a read writes" {
		if err := m.write(c.Request.Context()); err != nil {
			panic(err)
		}
	}
	c.Status(http.StatusNoContent)
}

func (m *toy) get(c *gin.Context) {
	claims := httpkit.RequestOf(c.Request.Context()).Person
	code := fault.CodeNotFound
	if m.plant == "it tells that it is somebody's" && c.Param("thing") == hers {
		code = fault.CodeConversationNotFound
	}
	if claims.Account != ana && m.plant != "anybody sees it" || c.Param("thing") != hers {
		httpkit.WriteProblem(c.Writer, c.Request, fault.New(fault.KindNotFound, code, "no such thing"))
		return
	}
	c.Status(http.StatusNoContent)
}

func (w *World) toyMatrix() Matrix {
	fixed := func(path string) func(string) Request {
		return func(string) Request { return Request{Path: path} }
	}
	m := w.Matrix(map[string]Row{
		"addThing":   {Request: fixed("/things"), Status: 204, Fresh: true},
		"listThings": {Request: fixed("/things"), Status: 204},
		"getThing": {Request: fixed("/things/" + hers), Status: 204, Nowhere: func() Request {
			return Request{Path: "/things/thg_000000000000000000000002"}
		}},
	}, nil)
	m.Right[Person] = func() string { return w.AsPerson(ana, "ses_000000000000000000000001") }
	return m
}

// failures are what the matrix finds, by operation.
func (m Matrix) failures() map[string][]string {
	out := map[string][]string{}
	for _, op := range m.operations() {
		c := &check{Matrix: m, op: op, row: m.Rows[op.OperationID]}
		c.run()
		if len(c.failures) > 0 {
			out[op.OperationID] = c.failures
		}
	}
	return out
}

// The matrix finds each kind of fault where it is, and nothing where there is none.
func TestMatrixHasTeeth(t *testing.T) {
	for plant, want := range map[string]struct{ operation, says string }{
		"":                               {},
		"it writes before it refuses":    {"addThing", "was refused, and changed something: things: 1 lines"},
		"a stranger may":                 {"listThings", "stranger: 204"},
		"a stale sign-in does":           {"addThing", "a stale sign-in: 204"},
		"a write writes nothing":         {"addThing", "the state doesn't show"},
		"a read writes":                  {"listThings", "a read changed something: things"},
		"it tells that it is somebody's": {"getThing", "somebody else: 404"},
		"anybody sees it":                {"getThing", "somebody else: 204"},
	} {
		t.Run(plant, func(t *testing.T) {
			got := startToy(t, plant).toyMatrix().failures()
			if want.operation == "" && len(got) > 0 {
				t.Errorf("found %v", got)
			}
			if want.operation != "" && !slices.ContainsFunc(got[want.operation], func(s string) bool { return strings.Contains(s, want.says) }) {
				t.Errorf("found %v, want %q at %s", got, want.says, want.operation)
			}
		})
	}
	startToy(t, "").toyMatrix().Run(t)
}

// A row that asks another path than its operation's proves nothing.
func TestRowsAskTheirOperation(t *testing.T) {
	m := startToy(t, "").toyMatrix()
	row := m.Rows["listThings"]
	row.Request = func(string) Request { return Request{Path: "/things/" + hers} }
	m.Rows["listThings"] = row
	if got := m.failures()["listThings"]; !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "which is not /things") }) {
		t.Errorf("found %v", got)
	}
	for path, is := range map[string]bool{"/things/a": true, "/things/a?x=1": true, "/things": false, "/things/a/b": false, "/things/": false} {
		if template("/things/{thing}").MatchString(path) != is {
			t.Errorf("%s is an address of /things/{thing}: %v", path, !is)
		}
	}
}

// Calls are what the operations' owners ask.
func TestCalls(t *testing.T) {
	w := startToy(t, "")
	calls := w.toyMatrix().Calls()
	if len(calls) != 3 {
		t.Errorf("%d calls", len(calls))
	}
	for name, call := range calls {
		c := call()
		if got := w.Do(c.Service, c.Authorization, c.Method, c.Path, c.Body); got.Status != http.StatusNoContent {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if got := w.Metric("centinela_chat_relay_http_requests_total"); got < 3 {
		t.Errorf("%g requests counted", got)
	}
}

// What differs is named without what stands there.
func TestDifference(t *testing.T) {
	before := "a|1|secret\nb|2\nb|2"
	if got := Difference(before, before); got != "" {
		t.Errorf("the same differs: %s", got)
	}
	if got := Difference(before, "a|1|other\nb|2"); got != "a: 2 lines, b: 1 lines" {
		t.Error(got)
	}
}
