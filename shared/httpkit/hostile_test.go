package httpkit_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"

	"centinela/openapi/gen/auditapi"
	"centinela/openapi/gen/authapi"
	"centinela/openapi/gen/chatrelayapi"
	"centinela/openapi/gen/gatewayapi"
	"centinela/openapi/gen/recoveryapi"
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/testkit"
)

// R4.1, CA C6, FR: each operation of each service that takes JSON refuses hostile texts before its handler sees them.
func TestHostileJSON(t *testing.T) {
	for service, load := range map[string]func() (*openapi3.T, error){
		"auth": authapi.Spec, "recovery": recoveryapi.Spec, "chat-relay": chatrelayapi.Spec, "audit": auditapi.Spec, "gateway": gatewayapi.Spec,
	} {
		t.Run(service, func(t *testing.T) {
			spec, err := load()
			if err != nil {
				t.Fatal(err)
			}
			h := newHostile(t, service, spec)
			bodies := 0
			for path, item := range spec.Paths.Map() {
				for method, op := range item.Operations() {
					if op.RequestBody == nil || op.RequestBody.Value.Content["application/json"] == nil {
						continue
					}
					bodies++
					h.operation(t, method, path, op)
				}
			}
			if bodies == 0 {
				t.Error("no operation takes JSON")
			}
		})
	}
}

type hostile struct {
	service  string
	server   *httpkit.Server
	services *httpkittest.Services
	token    string
	reached  bool // a handler was
}

func newHostile(t *testing.T, service string, spec *openapi3.T) *hostile {
	people := httpkittest.NewPeople(t, clock.Real())
	h := &hostile{service: service, services: httpkittest.NewServices(t), token: people.Token("acc_1", "ses_1")}
	h.server = httpkit.New(httpkit.Options{
		Service: service, Spec: spec, Callers: h.services.Verifier(service), People: people.Verifier(), Public: service == "gateway",
	})
	for path, item := range spec.Paths.Map() {
		for method := range item.Operations() {
			h.server.Engine().Handle(method, strings.NewReplacer("{", ":", "}", "").Replace(path), func(c *gin.Context) {
				h.reached = true
				c.Status(204)
			})
		}
	}
	return h
}

// send returns the answer's status and problem.
func (h *hostile) send(method, path string, op *openapi3.Operation, body string) (status int, problem struct {
	Code   fault.Code
	Errors []fault.Field
},
) {
	req := httptest.NewRequest(method, strings.NewReplacer("{", "", "}", "").Replace(path), strings.NewReader(body))
	h.reached = false
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+h.token)
	if callers, _ := op.Extensions["x-callers"].([]any); len(callers) > 0 && h.service != "gateway" {
		caller, _ := callers[0].(string)
		h.services.Authorize(req, strings.Replace(caller, "*", "gateway", 1), h.service)
	}
	rec := httptest.NewRecorder()
	h.server.Handler().ServeHTTP(rec, req)
	_ = json.Unmarshal(rec.Body.Bytes(), &problem) // what isn't one has no code
	return rec.Code, problem
}

func (h *hostile) operation(t *testing.T, method, path string, op *openapi3.Operation) {
	schema := op.RequestBody.Value.Content["application/json"].Schema.Value
	for name, body := range testkit.HostileJSON(`{}`) {
		if body == "" {
			continue // no body at all is the schema's to judge
		}
		status, problem := h.send(method, path, op, body)
		if status == 413 {
			continue // longer than the operation takes
		}
		if status != 400 || problem.Code != fault.CodeInvalidJSON || h.reached {
			t.Errorf("%s %s, %s: %d %s, handler reached: %v", method, path, name, status, problem.Code, h.reached)
		}
	}
	for name := range schema.Properties {
		// Names that fold to the same: encoding/json takes them for it (K is the Kelvin sign, ſ an s).
		folded := strings.NewReplacer("k", "\u212a", "s", "\u017f").Replace(name)
		for _, other := range []string{folded, strings.ToUpper(name)} {
			if other == name {
				continue
			}
			text, err := json.Marshal(map[string]string{other: "x"})
			if err != nil {
				t.Fatal(err)
			}
			if _, problem := h.send(method, path, op, string(text)); !unknown(problem.Errors, other) || h.reached {
				t.Errorf("%s %s: %q for %q is answered %+v, handler reached: %v", method, path, other, name, problem, h.reached)
			}
		}
		if schema.Properties[name].Value.Type.Is("integer") {
			for _, number := range []string{"9223372036854775808", "1e999", "-9223372036854775809", "1.5"} {
				if status, problem := h.send(method, path, op, `{"`+name+`":`+number+`}`); status != 400 || h.reached {
					t.Errorf("%s %s: %s for %q is answered %d %+v", method, path, number, name, status, problem)
				}
			}
		}
	}
}

func unknown(fields []fault.Field, name string) bool {
	for _, f := range fields {
		if f.Code == string(fault.CodeUnknownField) && f.Pointer == "/"+name {
			return true
		}
	}
	return false
}
