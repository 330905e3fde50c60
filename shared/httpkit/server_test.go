package httpkit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/access"
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/obs"
	"centinela/shared/testkit"
)

const spec = `
openapi: 3.0.3
info: {title: test, version: "1"}
paths:
  /things/{id}:
    get:
      operationId: getThing
      x-callers: [gateway]
      parameters:
        - {name: id, in: path, required: true, schema: {type: string, pattern: "^[a-z]+$"}}
        - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 10}}
      responses: {default: {$ref: "#/components/responses/Problem"}, "200": {$ref: "#/components/responses/OK"}}
    put:
      operationId: putThing
      x-callers: [gateway]
      security: [{bearerAuth: []}]
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}
      responses: {default: {$ref: "#/components/responses/Problem"}, "200": {$ref: "#/components/responses/OK"}}
  /things/fixed:
    post:
      operationId: fixed
      x-callers: [gateway]
      responses: {default: {$ref: "#/components/responses/Problem"}, "200": {$ref: "#/components/responses/OK"}}
  /small:
    post:
      operationId: small
      x-callers: [gateway]
      x-max-body: 32
      requestBody: {content: {application/json: {schema: {type: object}}, application/octet-stream: {schema: {type: string, format: binary}}}}
      responses: {default: {$ref: "#/components/responses/Problem"}, "200": {$ref: "#/components/responses/OK"}}
  /big:
    put:
      operationId: big
      x-callers: [gateway]
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: {default: {$ref: "#/components/responses/Problem"}, "200": {$ref: "#/components/responses/OK"}}
  /either:
    get:
      operationId: either
      x-callers: ["*"]
      security: [{bearerAuth: []}, {}]
      responses: {default: {$ref: "#/components/responses/Problem"}, "200": {$ref: "#/components/responses/OK"}}
  /nobody:
    get:
      operationId: nobody
      responses: {default: {$ref: "#/components/responses/Problem"}, "200": {$ref: "#/components/responses/OK"}}
  /wait:
    get:
      operationId: wait
      x-callers: [gateway]
      x-long: true
      responses: {default: {$ref: "#/components/responses/Problem"}, "200": {$ref: "#/components/responses/OK"}}
components:
  securitySchemes: {bearerAuth: {type: http, scheme: bearer}}
  responses:
    OK: {description: ok, content: {application/json: {schema: {type: object, required: [ok], additionalProperties: false, properties: {ok: {type: boolean}}}}}}
    Problem: {description: problem, content: {application/problem+json: {schema: {$ref: "#/components/schemas/Problem"}}}}
  schemas:
    Thing:
      type: object
      additionalProperties: false
      required: [name]
      properties:
        name: {type: string, minLength: 2, maxLength: 8}
        email: {type: string, format: email}
        key: {type: string, format: uuid}
        kind: {type: string, enum: [a, b]}
        tags: {type: array, maxItems: 2, items: {type: string, maxLength: 3}}
        choice: {oneOf: [{type: string, maxLength: 2}, {type: integer}]}
        whole: {allOf: [{type: object, properties: {n: {type: integer, maximum: 5}}}]}
    Problem:
      type: object
      additionalProperties: false
      required: [type, title, status, code]
      properties:
        type: {type: string}
        title: {type: string}
        status: {type: integer}
        code: {type: string}
        detail: {type: string}
        request_id: {type: string}
        retry_after: {type: integer}
        errors: {type: array, items: {type: object, required: [pointer, code], additionalProperties: false, properties: {pointer: {type: string}, code: {type: string}, detail: {type: string}}}}
`

type world struct {
	t        *testing.T
	services *httpkittest.Services
	people   *httpkittest.People
	clk      *clock.Manual
	log      *testkit.Buffer
	reg      *prometheus.Registry
	server   *httpkit.Server
	checked  http.Handler
	handle   gin.HandlerFunc // what every route does; default: {"ok": true}
}

func newWorld(t *testing.T, change func(*httpkit.Options)) *world {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, services: httpkittest.NewServices(t), clk: clock.NewManual(time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)), log: &testkit.Buffer{}, reg: prometheus.NewRegistry()}
	w.people = httpkittest.NewPeople(t, w.clk)
	opts := httpkit.Options{
		Service: "chat-relay", Spec: doc, Log: obs.NewLogger(w.log, "chat-relay", "info", obs.FormatJSON), Registry: w.reg,
		Callers: w.services.Verifier("chat-relay"), People: w.people.Verifier(),
	}
	if change != nil {
		change(&opts)
	}
	w.server = httpkit.New(opts)
	w.handle = func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"ok": true}) }
	route := func(c *gin.Context) { w.handle(c) }
	e := w.server.Engine()
	e.GET("/things/:id", route)
	e.PUT("/things/:id", route)
	e.POST("/things/fixed", route)
	e.POST("/small", route)
	e.GET("/either", route)
	e.PUT("/big", route)
	e.GET("/nobody", route)
	e.GET("/wait", route)
	e.GET("/undocumented", route)
	w.checked = httpkittest.ValidateResponses(t, doc, w.server.Handler())
	return w
}

type answer struct {
	Code      fault.Code    `json:"code"`
	Status    int           `json:"status"`
	Detail    string        `json:"detail"`
	RequestID string        `json:"request_id"`
	Errors    []fault.Field `json:"errors"`
	status    int
	header    http.Header
	body      string
}

func (w *world) do(method, path, body string, change ...func(*http.Request)) answer {
	w.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, path, reader)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	w.services.Authorize(req, "gateway", "chat-relay")
	for _, f := range change {
		f(req)
	}
	rec := httptest.NewRecorder()
	w.checked.ServeHTTP(rec, req)
	a := answer{status: rec.Code, header: rec.Header(), body: rec.Body.String()}
	if rec.Header().Get("Content-Type") == "application/problem+json" {
		if err := json.Unmarshal(rec.Body.Bytes(), &a); err != nil {
			w.t.Fatal(err)
		}
		if a.Status != rec.Code || a.RequestID == "" || a.RequestID != rec.Header().Get("X-Request-Id") {
			w.t.Errorf("problem and response differ: %+v", a)
		}
	}
	return a
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func (w *world) as(account string) func(*http.Request) {
	return header("Authorization", "Bearer "+w.people.Token(account, "ses_1"))
}

func (w *world) want(a answer, status int, code fault.Code) {
	w.t.Helper()
	if a.status != status || a.Code != code {
		w.t.Errorf("answered %d %s (%s), want %d %s", a.status, a.Code, a.body, status, code)
	}
}

// TestCallingService holds "each operation lists the callers it accepts" (architecture.md, Requests).
func TestCallingService(t *testing.T) {
	w := newWorld(t, nil)
	as := func(caller, callee string) func(*http.Request) {
		return func(r *http.Request) { w.services.Authorize(r, caller, callee) }
	}
	w.want(w.do("GET", "/things/a", ""), 200, "")
	none := w.do("GET", "/things/a", "", header(httpkit.HeaderService, ""))
	w.want(none, 401, fault.CodeUnauthenticated)
	w.want(w.do("GET", "/things/a", "", as("gateway", "auth")), 401, fault.CodeUnauthenticated)
	w.want(w.do("GET", "/things/a", "", as("recovery", "chat-relay")), 403, fault.CodeCallerNotAllowed)
	w.want(w.do("GET", "/either", "", as("recovery", "chat-relay")), 200, "")
	w.want(w.do("GET", "/nobody", ""), 403, fault.CodeCallerNotAllowed)
	w.want(w.do("GET", "/undocumented", ""), 403, fault.CodeCallerNotAllowed)
	if f := httpkit.ReadProblem(none.status, none.header, []byte(none.body)); f.Kind != fault.KindInternal {
		t.Errorf("a peer that refuses our service token reads as %v: the person would be signed out", f)
	}
}

// TestPerson: a valid token where the operation takes one; the claims reach the handler.
func TestPerson(t *testing.T) {
	w := newWorld(t, nil)
	var got httpkit.Request
	w.handle = func(c *gin.Context) {
		got = httpkit.RequestOf(c)
		c.JSON(http.StatusOK, gin.H{"ok": true})
	}
	body := `{"name":"abc"}`
	w.want(w.do("PUT", "/things/a", body), 401, fault.CodeUnauthenticated)
	bad := w.do("PUT", "/things/a", body, header("Authorization", "Bearer nonsense"))
	w.want(bad, 401, fault.CodeTokenInvalid)
	if !strings.HasPrefix(bad.header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("WWW-Authenticate: %q", bad.header.Get("WWW-Authenticate"))
	}
	w.want(w.do("PUT", "/things/a", body, w.as("acc_1")), 200, "")
	if got.Person == nil || got.Person.Account != "acc_1" || got.Token == "" || got.Caller != "gateway" {
		t.Errorf("RequestOf = %+v", got)
	}
	token := w.as("acc_1")
	expired := func(r *http.Request) { token(r); w.clk.Advance(time.Hour) }
	w.want(w.do("PUT", "/things/a", body, expired), 401, fault.CodeTokenExpired)
	w.want(w.do("GET", "/either", ""), 200, "")
	w.want(w.do("GET", "/either", "", header("Authorization", "Bearer nonsense")), 401, fault.CodeTokenInvalid)
	w.want(w.do("GET", "/things/a", "", header("Authorization", "Bearer nonsense")), 200, "")
}

// TestWhoSpeaksForTheClient: headers about the client count only from a service; at the gateway only its trusted proxies.
func TestWhoSpeaksForTheClient(t *testing.T) {
	var got httpkit.Request
	see := func(c *gin.Context) { got = httpkit.RequestOf(c); c.JSON(http.StatusOK, gin.H{"ok": true}) }
	t.Run("a_service", func(t *testing.T) {
		w := newWorld(t, nil)
		w.handle = see
		w.do("GET", "/things/a", "", header(httpkit.HeaderClientAddress, "::ffff:198.51.100.7"), header(httpkit.HeaderUserAgent, "phone"),
			header(httpkit.HeaderRequestID, "req_abc"), header("X-Forwarded-For", "203.0.113.9"))
		if got.Address != "198.51.100.7" || got.UserAgent != "phone" || got.ID != "req_abc" {
			t.Errorf("RequestOf = %+v", got)
		}
	})
	public := func(dev bool, proxies ...string) func(*httpkit.Options) {
		return func(o *httpkit.Options) {
			o.Public, o.DevAddress = true, dev
			for _, p := range proxies {
				o.TrustedProxies = append(o.TrustedProxies, netip.MustParsePrefix(p))
			}
		}
	}
	for name, c := range map[string]struct {
		opts      func(*httpkit.Options)
		peer, xff string
		want      string
	}{
		"no_proxy_forged":         {public(false), "192.0.2.1:5", "203.0.113.9", "192.0.2.1"},
		"proxy":                   {public(false, "192.0.2.0/24"), "192.0.2.1:5", "203.0.113.9", "203.0.113.9"},
		"proxy_and_forged_hops":   {public(false, "192.0.2.0/24"), "192.0.2.1:5", "1.1.1.1, 203.0.113.9", "203.0.113.9"},
		"two_proxies":             {public(false, "192.0.2.0/24"), "192.0.2.1:5", "1.1.1.1, 203.0.113.9, 192.0.2.7", "203.0.113.9"},
		"proxy_says_nonsense":     {public(false, "192.0.2.0/24"), "192.0.2.1:5", "1.1.1.1, nonsense", "192.0.2.1"},
		"peer_is_no_proxy":        {public(false, "192.0.2.0/24"), "198.51.100.1:5", "203.0.113.9", "198.51.100.1"},
		"IPv6":                    {public(false), "[2001:db8::1]:5", "", "2001:db8::1"},
		"development_header":      {public(true), "127.0.0.1:5", "", "198.18.0.1"},
		"development_header_prod": {public(false), "127.0.0.1:5", "", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.opts)
			w.handle = see
			w.do("GET", "/things/a", "", func(r *http.Request) { r.RemoteAddr = c.peer }, header("X-Forwarded-For", c.xff),
				header(httpkit.HeaderClientAddress, "9.9.9.9"), header(httpkit.HeaderDevAddress, "198.18.0.1"), header(httpkit.HeaderRequestID, "req_mine"))
			if got.Address != c.want || got.ID == "req_mine" || got.Caller != "" {
				t.Errorf("RequestOf = %+v, want address %s and an id of our own", got, c.want)
			}
		})
	}
}

func TestDeadline(t *testing.T) {
	w := newWorld(t, nil)
	var left time.Duration
	var has bool
	w.handle = func(c *gin.Context) {
		var end time.Time
		end, has = c.Request.Context().Deadline()
		left = time.Until(end)
		c.JSON(http.StatusOK, gin.H{"ok": true})
	}
	within := func(name string, low, high time.Duration) {
		t.Helper()
		if !has || left < low || left > high {
			t.Errorf("%s: deadline %v in %v, want %v to %v", name, has, left, low, high)
		}
	}
	w.do("GET", "/things/a", "")
	within("no header", 8*time.Second, 10*time.Second)
	w.do("GET", "/things/a", "", header(httpkit.HeaderDeadline, "2000"))
	within("2000 ms", 1000*time.Millisecond, 1980*time.Millisecond)
	w.do("GET", "/things/a", "", header(httpkit.HeaderDeadline, "3600000"))
	within("an hour", 8*time.Second, 10*time.Second)
	w.do("GET", "/wait", "")
	within("x-long", 50*time.Second, 60*time.Second)
	w.do("GET", "/wait", "", header("Upgrade", "websocket"))
	within("half an upgrade", 50*time.Second, 60*time.Second)
	w.do("GET", "/wait", "", header("Upgrade", "WebSocket"), header("Connection", "keep-alive, Upgrade"))
	if has {
		t.Error("a socket has a deadline")
	}
	w.want(w.do("GET", "/things/a", "", header(httpkit.HeaderDeadline, "119")), 503, fault.CodeDeadlineExceeded)
	w.want(w.do("GET", "/things/a", "", header(httpkit.HeaderDeadline, "soon")), 400, fault.CodeInvalidRequest)
	w.handle = func(c *gin.Context) { <-c.Done(); httpkit.OnHandlerError(c, fmt.Errorf("load: %w", c.Err())) }
	w.want(w.do("GET", "/things/a", "", header(httpkit.HeaderDeadline, "150")), 504, fault.CodeTimeout)
}

// TestErrors: the four hooks and the one writer; nothing of an unlisted error leaves (RFC 9457).
func TestErrors(t *testing.T) {
	const planted = "hunter2secret"
	cause := errors.New("db: " + planted)
	cases := map[string]struct {
		handle gin.HandlerFunc
		status int
		code   fault.Code
	}{
		"unlisted": {func(c *gin.Context) { httpkit.OnHandlerError(c, cause) }, 500, fault.CodeInternal},
		"internal_fault": {func(c *gin.Context) {
			httpkit.OnHandlerError(c, fault.New(fault.KindInternal, fault.CodeInternal, planted))
		}, 500, fault.CodeInternal},
		"a_fault's_cause": {func(c *gin.Context) {
			httpkit.OnHandlerError(c, fmt.Errorf("get: %w", fault.New(fault.KindNotFound, fault.CodeNotFound, "no such thing").WithCause(cause)))
		}, 404, fault.CodeNotFound},
		"request":  {func(c *gin.Context) { httpkit.OnRequestError(c, cause) }, 400, fault.CodeInvalidRequest},
		"route":    {func(c *gin.Context) { httpkit.OnRouteError(c, cause, 418) }, 400, fault.CodeInvalidRequest},
		"response": {func(c *gin.Context) { httpkit.OnResponseError(c, cause) }, 500, fault.CodeInternal},
		"wait": {func(c *gin.Context) {
			httpkit.OnHandlerError(c, fault.New(fault.KindTooMany, fault.CodeTooManyRequests, "wait").WithRetryAfter(1500*time.Millisecond))
		}, 429, fault.CodeTooManyRequests},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.handle = c.handle
			a := w.do("GET", "/things/a", "")
			w.want(a, c.status, c.code)
			if strings.Contains(a.body, planted) {
				t.Errorf("the answer has the cause: %s", a.body)
			}
			if n := strings.Count(w.log.String(), "\n"); n != 1 {
				t.Errorf("%d log lines, want one wide event", n)
			}
			switch name {
			case "wait":
				if a.header.Get("Retry-After") != "2" {
					t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
				}
			case "unlisted", "a_fault's_cause":
				if !strings.Contains(w.log.String(), planted) {
					t.Error("the event does not carry the cause")
				}
			case "request", "route":
				if strings.Contains(w.log.String(), planted) {
					t.Error("the event has a rejected value")
				}
			}
		})
	}
}

// TestPanic: 500 with the request id, one line with the stack, a counter, and the process goes on.
func TestPanic(t *testing.T) {
	w := newWorld(t, nil)
	w.handle = func(*gin.Context) { panic("kaboom") }
	a := w.do("GET", "/things/a", "")
	w.want(a, 500, fault.CodeInternal)
	if strings.Contains(a.body, "kaboom") {
		t.Error("the answer has the panic")
	}
	if log := w.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "kaboom") || !strings.Contains(log, "server_test.go") || !strings.Contains(log, a.RequestID) {
		t.Errorf("log = %s", log)
	}
	w.handle = func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"ok": true}); panic("late") }
	w.aborts("a panic in a begun answer")
	if log := w.log.String(); strings.Count(log, "\n") != 2 || !strings.Contains(log, "late") {
		t.Errorf("log = %s", log)
	}
	if n := value(t, w.reg, "centinela_chat_relay_panics_total"); n != 2 {
		t.Errorf("panics_total = %v", n)
	}
	w.handle = func(*gin.Context) { panic(http.ErrAbortHandler) }
	w.aborts("a handler that gives up")
	if n := value(t, w.reg, "centinela_chat_relay_panics_total"); n != 2 {
		t.Errorf("an aborted handler counts as a panic")
	}
}

// TestCallerLeft: a caller that leaves makes no error line: anybody could fill the log with them, and hide a real one.
func TestCallerLeft(t *testing.T) {
	w := newWorld(t, nil)
	ctx, leave := context.WithCancel(context.Background())
	in := func(r *http.Request) {
		r.Header.Set(httpkit.HeaderClientAddress, "198.51.100.7")
		*r = *r.WithContext(ctx)
	}
	w.handle = func(c *gin.Context) { leave(); httpkit.OnHandlerError(c, c.Request.Context().Err()) }
	w.do("GET", "/things/a", "", in)
	if log := w.log.String(); strings.Contains(log, "ERROR") || !strings.Contains(log, `"gone":true`) {
		t.Errorf("log = %s", log)
	}
	w.handle = func(*gin.Context) { panic("kaboom") }
	w.do("GET", "/things/a", "", in)
	if log := w.log.String(); strings.Count(log, "ERROR") != 1 {
		t.Errorf("a panic is hidden by the caller's leaving: %s", log)
	}
}

// aborts wants a request to end without an answer: net/http then closes the connection.
func (w *world) aborts(what string) {
	w.t.Helper()
	defer func() {
		if recover() != http.ErrAbortHandler { //nolint:errorlint // the panic value itself
			w.t.Errorf("%s: the connection is kept", what)
		}
	}()
	w.do("GET", "/things/a", "")
}

// TestWideEventAndMetrics: one line a request, with ids but no path, query or body; labels are operation ids.
func TestWideEventAndMetrics(t *testing.T) {
	w := newWorld(t, nil)
	w.handle = func(c *gin.Context) {
		obs.From(c).Set("things", 3)
		c.JSON(http.StatusOK, gin.H{"ok": true})
	}
	w.want(w.do("PUT", "/things/planted?x", `{"name":"secret"}`, w.as("acc_1"), func(r *http.Request) { r.URL.RawQuery = "" }), 200, "")
	log := w.log.String()
	for _, want := range []string{`"operation":"putThing"`, `"status":200`, `"caller":"gateway"`, `"account":"acc_1"`, `"things":3`, `"request_id":"req_`, `"duration_ms":`} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s in %s", want, log)
		}
	}
	for _, no := range []string{"planted", `"secret"`, "Bearer", "eyJ"} {
		if strings.Contains(log, no) {
			t.Errorf("%s in %s", no, log)
		}
	}
	w.do("GET", "/some/other/path", "")
	families, err := w.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(families)
	for _, want := range []string{"putThing", "unknown", "2xx", "4xx"} {
		if !strings.Contains(text, want) {
			t.Errorf("no label %s in the metrics", want)
		}
	}
	if strings.Contains(text, "other") || strings.Contains(text, "planted") {
		t.Error("a path became a label")
	}
}

// TestPollsAreQuiet: what services ask for themselves all the time is no line in the log, unless it goes wrong; what a
// client asks for is.
func TestPollsAreQuiet(t *testing.T) {
	w := newWorld(t, nil)
	w.handle = func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"ok": true}) }
	w.do("GET", "/things/a", "")
	if log := w.log.String(); log != "" {
		t.Errorf("a poll: %s", log)
	}
	w.do("GET", "/things/a", "", header(httpkit.HeaderClientAddress, "198.51.100.7"))
	if log := w.log.String(); strings.Count(log, "\n") != 1 {
		t.Errorf("a client's request: %s", log)
	}
	w.handle = func(*gin.Context) { panic("kaboom") }
	w.do("GET", "/things/a", "")
	if log := w.log.String(); strings.Count(log, "\n") != 2 {
		t.Errorf("a poll that went wrong: %s", log)
	}
}

func TestHooksRunInOrder(t *testing.T) {
	var seen []string
	w := newWorld(t, func(o *httpkit.Options) {
		o.BeforeAuth = []gin.HandlerFunc{func(c *gin.Context) {
			seen = append(seen, fmt.Sprintf("before:%s:%v", httpkit.OperationOf(c), httpkit.RequestOf(c).Person != nil))
		}}
		o.AfterAuth = []gin.HandlerFunc{func(c *gin.Context) {
			seen = append(seen, fmt.Sprintf("after:%v", httpkit.RequestOf(c).Person != nil))
			httpkit.Fail(c, fault.New(fault.KindForbidden, fault.CodeRefusedByFirewall, "no"))
		}}
	})
	w.handle = func(*gin.Context) { t.Error("the handler ran") }
	w.want(w.do("PUT", "/things/a", "not json", w.as("a")), 403, fault.CodeRefusedByFirewall)
	if fmt.Sprint(seen) != "[before:putThing:false after:true]" {
		t.Errorf("order: %v", seen)
	}
}

func TestWiringMistakesPanic(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]httpkit.Options{
		"no_callers": {Service: "x", Spec: doc, People: access.NewVerifier(nil, nil, clock.Real())},
		"no_people":  {Service: "x", Spec: doc, Public: true},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("New accepted it")
				}
			}()
			httpkit.New(o)
		})
	}
}

func value(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return 0
}
