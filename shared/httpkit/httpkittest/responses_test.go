package httpkittest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"centinela/shared/httpkit/httpkittest"
)

const spec = `
openapi: 3.0.3
info: {title: t, version: "1"}
paths:
  /a:
    get:
      operationId: a
      responses:
        "200":
          description: ok
          content: {application/json: {schema: {type: object, additionalProperties: false, properties: {n: {type: integer}}}}}
        "204": {description: none}
`

// failing counts what a check reports without failing the test that expects it.
type failing struct {
	testing.TB
	errors int
}

func (f *failing) Errorf(string, ...any) { f.errors++ }
func (f *failing) Helper()               {}

// TestValidateResponses holds "in tests every response is validated against the spec" (architecture.md, Spec first).
func TestValidateResponses(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		status    int
		mediaType string
		body      string
		wrong     bool
	}{
		"good":          {200, "application/json", `{"n":1}`, false},
		"empty":         {204, "", "", false},
		"wrong_type":    {200, "application/json", `{"n":"1"}`, true},
		"unknown_field": {200, "application/json", `{"m":1}`, true},
		"no_json":       {200, "application/json", `{`, true},
		"media_type":    {200, "text/plain", `{"n":1}`, true},
		"status":        {418, "application/json", `{"n":1}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			ft := &failing{TB: t}
			h := httpkittest.ValidateResponses(ft, doc, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.mediaType != "" {
					w.Header().Set("Content-Type", c.mediaType)
				}
				w.WriteHeader(c.status)
				if c.body != "" {
					_, _ = w.Write([]byte(c.body)) // a recorder takes everything
				}
			}))
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/a", nil))
			if c.wrong != (ft.errors > 0) {
				t.Errorf("reported %d errors, want wrong = %v", ft.errors, c.wrong)
			}
			if rec.Code != c.status || rec.Body.String() != c.body {
				t.Errorf("the answer was changed: %d %q", rec.Code, rec.Body)
			}
		})
	}
}
