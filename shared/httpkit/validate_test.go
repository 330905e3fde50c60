package httpkit_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"centinela/shared/fault"
	"centinela/shared/httpkit"
)

// TestValidation holds "positive security" (gateway.md) and "never the rejected value" (architecture.md, Spec first).
func TestValidation(t *testing.T) {
	w := newWorld(t, nil)
	const planted = "hunter2secret"
	field := func(pointer, code string) fault.Field { return fault.Field{Pointer: pointer, Code: code} }
	cases := map[string]struct {
		method, path, body string
		status             int
		code               fault.Code
		fields             []fault.Field
	}{
		"good":               {"PUT", "/things/a", `{"name":"abc","email":"a@b.c","tags":["x"]}`, 200, "", nil},
		"unknown_field":      {"PUT", "/things/a", `{"name":"abc","a/b~c":"` + planted + `"}`, 400, fault.CodeInvalidRequest, []fault.Field{field("/a~1b~0c", "unknown_field")}},
		"too_long":           {"PUT", "/things/a", `{"name":"` + planted + `"}`, 400, fault.CodeInvalidRequest, []fault.Field{field("/name", "invalid_field")}},
		"missing":            {"PUT", "/things/a", `{}`, 400, fault.CodeInvalidRequest, []fault.Field{field("/name", "invalid_field")}},
		"wrong_type":         {"PUT", "/things/a", `{"name":[["` + planted + `"]]}`, 400, fault.CodeInvalidRequest, []fault.Field{field("/name", "invalid_field")}},
		"email":              {"PUT", "/things/a", `{"name":"abc","email":"` + planted + `"}`, 400, fault.CodeInvalidRequest, []fault.Field{field("/email", "invalid_field")}},
		"uuid":               {"PUT", "/things/a", `{"name":"abc","key":"` + planted + `"}`, 400, fault.CodeInvalidRequest, []fault.Field{field("/key", "invalid_field")}},
		"enum":               {"PUT", "/things/a", `{"name":"abc","kind":"` + planted + `"}`, 400, fault.CodeInvalidRequest, []fault.Field{field("/kind", "invalid_field")}},
		"one_of":             {"PUT", "/things/a", `{"name":"abc","choice":"` + planted + `"}`, 400, fault.CodeInvalidRequest, []fault.Field{field("/choice", "invalid_field")}},
		"inside_all_of":      {"PUT", "/things/a", `{"name":"abc","whole":{"n":77}}`, 400, fault.CodeInvalidRequest, nil},
		"inside_a_list":      {"PUT", "/things/a", `{"name":"abc","tags":["x","` + planted + `"]}`, 400, fault.CodeInvalidRequest, []fault.Field{field("/tags/1", "invalid_field")}},
		"two_at_once":        {"PUT", "/things/a", `{"name":"` + planted + `","kind":"c"}`, 400, fault.CodeInvalidRequest, []fault.Field{field("/kind", "invalid_field"), field("/name", "invalid_field")}},
		"no_body":            {"PUT", "/things/a", ``, 400, fault.CodeInvalidRequest, []fault.Field{field("", "invalid_field")}},
		"no_json":            {"PUT", "/things/a", `{"name":"` + planted, 400, fault.CodeInvalidJSON, nil},
		"two_values":         {"PUT", "/things/a", `{"name":"abc"}{}`, 400, fault.CodeInvalidJSON, nil},
		"no_utf8":            {"PUT", "/things/a", "{\"name\":\"ab\xff\"}", 400, fault.CodeInvalidJSON, nil},
		"name_twice":         {"PUT", "/things/a", `{"name":"abc","n\u0061me":"abd"}`, 400, fault.CodeInvalidJSON, nil},
		"too_deep":           {"POST", "/small", strings.Repeat("[", 16) + strings.Repeat("]", 16), 400, fault.CodeInvalidRequest, nil},
		"body_not_specified": {"GET", "/things/a", `{}`, 400, fault.CodeInvalidRequest, nil},
		"query":              {"GET", "/things/a?limit=11", "", 400, fault.CodeInvalidRequest, []fault.Field{field("query:limit", "invalid_field")}},
		"query_type":         {"GET", "/things/a?limit=" + planted, "", 400, fault.CodeInvalidRequest, []fault.Field{field("query:limit", "invalid_field")}},
		"query_unknown":      {"GET", "/things/a?other=" + planted, "", 400, fault.CodeInvalidRequest, []fault.Field{field("query:other", "unknown_field")}},
		"path":               {"GET", "/things/" + planted, "", 400, fault.CodeInvalidRequest, []fault.Field{field("path:id", "invalid_field")}},
		"path_slash":         {"GET", "/things/a%2Fb", "", 400, fault.CodeInvalidRequest, []fault.Field{field("path:id", "invalid_field")}},
		"unknown_route":      {"GET", "/thing", "", 404, fault.CodeUnknownRoute, nil},
		"slash_at_the_end":   {"GET", "/either/", "", 404, fault.CodeUnknownRoute, nil},
		"method":             {"DELETE", "/things/a", "", 405, fault.CodeMethodNotAllowed, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := w.do(c.method, c.path, c.body, w.as("acc_1"))
			w.want(a, c.status, c.code)
			for i, f := range c.fields {
				if i >= len(a.Errors) || a.Errors[i].Pointer != f.Pointer || a.Errors[i].Code != f.Code || a.Errors[i].Detail == "" {
					t.Fatalf("errors = %+v, want %+v", a.Errors, c.fields)
				}
			}
			if strings.Contains(a.body, planted) {
				t.Errorf("the answer has the rejected value: %s", a.body)
			}
		})
	}
	if strings.Contains(w.log.String(), planted) {
		t.Error("the log has a rejected value")
	}
	if a := w.do("DELETE", "/things/a", ""); !strings.Contains(a.header.Get("Allow"), "PUT") {
		t.Errorf("Allow: %q", a.header.Get("Allow"))
	}
	if a := w.do("PUT", "/things/a", `{"name":"`+planted+`"}`, w.as("a")); len(a.Errors) != 1 || a.Errors[0].Detail != "must be at most 8 characters" {
		t.Errorf("errors = %+v", a.Errors)
	}
}

func TestDepth(t *testing.T) {
	w := newWorld(t, nil)
	nested := func(n int) string {
		return `{"name":"abc","tags":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`
	}
	w.want(w.do("PUT", "/things/a", nested(17), w.as("a")), 400, fault.CodeInvalidJSON)
	w.want(w.do("PUT", "/things/a", nested(16), w.as("a")), 400, fault.CodeInvalidRequest) // deep enough to be judged by its schema
}

// TestBody: limits come from x-max-body, Content-Length first, then while reading (R2.1); the handler finds the body unread.
func TestBody(t *testing.T) {
	w := newWorld(t, nil)
	var got string
	w.handle = func(c *gin.Context) {
		b, err := io.ReadAll(c.Request.Body)
		if err != nil {
			httpkit.OnHandlerError(c, err)
			return
		}
		got = string(b)
		c.JSON(http.StatusOK, gin.H{"ok": true})
	}
	chunked := func(r *http.Request) { r.ContentLength = -1 }
	stream := header("Content-Type", "application/octet-stream")
	fits, over := `{"a":"`+strings.Repeat("x", 24)+`"}`, `{"a":"`+strings.Repeat("x", 25)+`"}`

	w.want(w.do("POST", "/small", fits), 200, "")
	if got != fits {
		t.Errorf("the handler read %q", got)
	}
	w.want(w.do("POST", "/small", over), 413, fault.CodeBodyTooLarge)
	w.want(w.do("POST", "/small", over, chunked), 413, fault.CodeBodyTooLarge)
	w.want(w.do("POST", "/small", over, chunked, stream), 413, fault.CodeBodyTooLarge)
	w.want(w.do("POST", "/small", "\x00\xff", stream), 200, "")
	if got != "\x00\xff" {
		t.Errorf("the handler read %q of a stream", got)
	}
	w.want(w.do("POST", "/small", ""), 200, "")
	w.want(w.do("POST", "/small", fits, header("Content-Type", "text/plain")), 415, fault.CodeUnsupportedMediaType)
	w.want(w.do("POST", "/small", fits, header("Content-Type", "")), 415, fault.CodeUnsupportedMediaType)
	w.want(w.do("POST", "/small", fits, header("Content-Encoding", "gzip")), 415, fault.CodeUnsupportedMediaType)
	w.want(w.do("PUT", "/things/a", `{"name":"`+strings.Repeat("x", httpkit.DefaultMaxBody)+`"}`, w.as("a")), 413, fault.CodeBodyTooLarge)
}
