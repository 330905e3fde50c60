package httpkit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"centinela/shared/fault"
	"centinela/shared/httpkit"
)

// TestRefusedTrafficIsSummedUp holds "log lines of refused traffic are sampled and summed" (gateway.md; AG D10), and that
// what went well, and what is our own fault, keeps its line a request.
func TestRefusedTrafficIsSummedUp(t *testing.T) {
	w := newWorld(t, public)
	from := func(i int) func(*http.Request) {
		return func(r *http.Request) { r.RemoteAddr = fmt.Sprintf("[2001:db8::%x]:1", i) } // one customer
	}
	lines := func(n int, status string) {
		t.Helper()
		if got := strings.Count(w.log.String(), `"status":`+status); got != n {
			t.Errorf("%d lines of %s, want %d:\n%s", got, status, n, w.log.String())
		}
	}
	for i := range 300 {
		w.do("GET", fmt.Sprint("/.env", i), "", from(i))
		w.do("GET", "/things/UPPER", "", from(i))
	}
	lines(1, "404")
	lines(1, "400")
	w.do("GET", "/.git", "", func(r *http.Request) { r.RemoteAddr = "[2001:db8:0:1::1]:1" })
	lines(2, "404")

	w.handle = func(c *gin.Context) {
		httpkit.Fail(c, fault.New(fault.KindUnavailable, fault.CodeBusy, "busy"))
	}
	for range 20 {
		w.do("GET", "/things/a", "", from(1))
	}
	lines(1, "503")
	w.handle = func(c *gin.Context) { httpkit.Fail(c, fmt.Errorf("ours")) }
	for range 20 {
		w.do("GET", "/things/a", "", from(1))
	}
	lines(20, "500")
	w.handle = func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"ok": true}) }
	for range 20 {
		w.do("GET", "/things/a", "", from(1))
	}
	lines(20, "200")
}

// TestLeavingClientsAreSummedUp: HTTP/2's rapid reset makes neither a line a stream nor an error of ours.
func TestLeavingClientsAreSummedUp(t *testing.T) {
	w := newWorld(t, public)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	w.handle = func(c *gin.Context) { httpkit.Fail(c, c.Request.Context().Err()) }
	for range 300 {
		w.do("GET", "/things/a", "", func(r *http.Request) { *r = *r.WithContext(ctx) })
	}
	if got := strings.Count(w.log.String(), "\n"); got != 1 || !strings.Contains(w.log.String(), `"gone":true`) {
		t.Errorf("%d lines: %s", got, w.log.String())
	}
	if s := series(t, w.reg); s != "getThing 4xx request_timeout" {
		t.Errorf("metrics: %s", s)
	}
}

// TestUnknownRoutesTellTheirPath holds NC A9: the log says what was asked for, bounded, and not the query.
func TestUnknownRoutesTellTheirPath(t *testing.T) {
	w := newWorld(t, public)
	w.do("GET", "/api/v1/me?token=planted", "")
	if log := w.log.String(); !strings.Contains(log, `"path":"/api/v1/me"`) || strings.Contains(log, "planted") {
		t.Errorf("log = %s", log)
	}
	w = newWorld(t, public)
	w.do("GET", "/"+strings.Repeat("x", 10_000)+"%0Aforged", "")
	if log := w.log.String(); len(log) > 1000 || strings.Count(log, "\n") != 1 {
		t.Errorf("log = %s", log)
	}
	w = newWorld(t, public)
	w.do("GET", "/things/planted-UPPER", "")
	if log := w.log.String(); strings.Contains(log, "planted") {
		t.Errorf("a known route tells its path: %s", log)
	}
}

// TestOutcomes holds the counters that NC A8 asks for: what came of each operation, as far as its answer says.
func TestOutcomes(t *testing.T) {
	w := newWorld(t, nil)
	a := w.do("GET", "/things/UPPER", "")
	if a.header.Get(httpkit.HeaderCode) != "invalid_request" {
		t.Errorf("the service doesn't tell the gateway the code: %q", a.header)
	}
	w.do("GET", "/things/a", "")
	w.do("GET", "/nowhere", "")
	want := "getThing 2xx ok\ngetThing 4xx invalid_request\nunknown 4xx unknown_route"
	if got := series(t, w.reg); got != want {
		t.Errorf("counted:\n%s\nwant:\n%s", got, want)
	}

	front := newWorld(t, public)
	said := "code_invalid"
	front.handle = func(c *gin.Context) { // as the proxy does
		h := http.Header{httpkit.HeaderCode: {said}}
		httpkit.Passed(c.Request.Context(), h)
		if len(h) != 0 {
			t.Errorf("the header is passed on: %v", h)
		}
		c.JSON(http.StatusUnauthorized, gin.H{})
	}
	front.server.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/things/a", nil))
	said = "made up by a service"
	front.server.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/things/a", nil))
	if got := series(t, front.reg); got != "getThing 4xx code_invalid\ngetThing 4xx none" {
		t.Errorf("at the gateway:\n%s", got)
	}
	if a := front.do("GET", "/things/UPPER", ""); a.header.Get(httpkit.HeaderCode) != "" {
		t.Error("the public door shows the internal header")
	}
}

// TestHeadersThatMustBeSingle holds AG W10: of two, one part of the chain could take the first and another the second.
func TestHeadersThatMustBeSingle(t *testing.T) {
	w := newWorld(t, nil)
	for _, name := range []string{"Authorization", "Content-Encoding", "Content-Type"} {
		twice := func(r *http.Request) { r.Header[name] = []string{r.Header.Get(name), "gzip"} }
		a := w.do("POST", "/small", `{}`, twice)
		w.want(a, 400, fault.CodeInvalidRequest)
		if len(a.Errors) != 1 || a.Errors[0].Pointer != "header:"+name {
			t.Errorf("%s: %+v", name, a.Errors)
		}
	}
	w.want(w.do("POST", "/small", `{}`, header("Content-Encoding", "identity")), 200, "")
}

// TestUnavailableSaysWhen: at the public door a 503 always has Retry-After (gateway.md, "Ready means able"; AG D9).
func TestUnavailableSaysWhen(t *testing.T) {
	full := fault.New(fault.KindUnavailable, fault.CodeUnavailable, "the database is full")
	for name, want := range map[string]string{"plain": "1", "named": "7"} {
		w := newWorld(t, public)
		f := full
		if name == "named" {
			f = full.WithRetryAfter(7e9)
		}
		w.handle = func(c *gin.Context) { httpkit.Fail(c, fmt.Errorf("save: %w", f)) }
		a := w.do("GET", "/things/a", "")
		w.want(a, 503, fault.CodeUnavailable)
		if got := a.header.Get("Retry-After"); got != want || !strings.Contains(a.body, `"retry_after":`+want) {
			t.Errorf("%s: Retry-After %q, %s", name, got, a.body)
		}
	}
}
