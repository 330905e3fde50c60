package httpkit_test

import (
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"

	"centinela/openapi/gen/auditapi"
	"centinela/openapi/gen/authapi"
	"centinela/openapi/gen/chatrelayapi"
	"centinela/openapi/gen/gatewayapi"
	"centinela/openapi/gen/recoveryapi"
	"centinela/shared/httpkit"
)

// everyMethod are those that a client may try.
var everyMethod = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"}

// TestRoutesDoNotOverlap walks every specification: each path with each method is the operation that the specification
// has there, or 405 with what it does have (gateway.md; AG D11: DELETE /v1/sessions/refresh was DELETE of a session).
func TestRoutesDoNotOverlap(t *testing.T) {
	for name, load := range map[string]func() (*openapi3.T, error){
		"auth": authapi.Spec, "recovery": recoveryapi.Spec, "chat-relay": chatrelayapi.Spec, "audit": auditapi.Spec, "gateway": gatewayapi.Spec,
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := load()
			if err != nil {
				t.Fatal(err)
			}
			h := routed(t, spec)
			for path, item := range spec.Paths.Map() {
				has := slices.Sorted(maps.Keys(item.Operations()))
				for _, method := range everyMethod {
					w := httptest.NewRecorder()
					h.ServeHTTP(w, httptest.NewRequest(method, "http://a"+concrete(path), nil))
					if op := item.GetOperation(method); op != nil {
						if w.Code != http.StatusOK || w.Body.String() != op.OperationID {
							t.Errorf("%s %s: %d %q, want %s", method, path, w.Code, w.Body, op.OperationID)
						}
						continue
					}
					if w.Code != http.StatusMethodNotAllowed || sorted(w.Header().Get("Allow")) != strings.Join(has, ", ") {
						t.Errorf("%s %s: %d, Allow %q, want 405 and %q: %s", method, path, w.Code, w.Header().Get("Allow"), has, w.Body)
					}
				}
			}
		})
	}
}

func sorted(allow string) string {
	return strings.Join(slices.Sorted(slices.Values(strings.Split(allow, ", "))), ", ")
}

// concrete fills in the parameters of a path.
func concrete(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") {
			parts[i] = "0"
		}
	}
	return strings.Join(parts, "/")
}

// routed serves a specification's routes alone, without bodies, parameters and persons: each answers with its operation.
func routed(t *testing.T, spec *openapi3.T) http.Handler {
	t.Helper()
	spec.Security = nil
	for _, item := range spec.Paths.Map() {
		item.Parameters = nil
		for _, op := range item.Operations() {
			op.Security, op.RequestBody, op.Parameters = nil, nil, nil
		}
	}
	s := httpkit.New(httpkit.Options{Service: "x", Spec: spec, Public: true, Log: slog.New(slog.DiscardHandler)})
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			s.Engine().Handle(method, strings.NewReplacer("{", ":", "}", "").Replace(path), func(c *gin.Context) {
				_, _ = io.WriteString(c.Writer, op.OperationID) // a recorder takes all
			})
		}
	}
	return s.Handler()
}

// TestFixedRouteInside: also for a service, behind its callers' proof, a method that a fixed route lacks is 405.
func TestFixedRouteInside(t *testing.T) {
	w := newWorld(t, nil)
	w.want(w.do("DELETE", "/things/fixed", ""), 405, "method_not_allowed")
	got := w.do("PUT", "/things/fixed", "")
	w.want(got, 405, "method_not_allowed")
	if allow := got.header.Get("Allow"); allow != "POST" {
		t.Errorf("Allow = %q", allow)
	}
	w.want(w.do("PUT", "/things/fixed", "", header(httpkit.HeaderService, "")), 401, "unauthenticated")
	w.want(w.do("POST", "/things/fixed", ""), 200, "")
}
