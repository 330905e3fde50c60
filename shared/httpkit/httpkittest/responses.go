package httpkittest

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// maxKept of a body is held against its schema; a longer one is a stream.
const maxKept = 1 << 20

// ValidateResponses serves next and fails t for each response that spec doesn't allow: a status that is neither listed
// nor covered by default, another media type, a body against its schema. Upgraded connections, and routes that are not
// in spec, pass unchecked.
func ValidateResponses(t testing.TB, spec *openapi3.T, next http.Handler) http.Handler {
	t.Helper()
	bare := *spec
	bare.Servers = nil
	router, err := gorillamux.NewRouter(&bare)
	if err != nil {
		t.Fatalf("route the specification: %v", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route, params, err := router.FindRoute(r)
		if err != nil || r.Header.Get("Upgrade") != "" {
			next.ServeHTTP(w, r)
			return
		}
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r)
		if problem := wrong(r, route, params, rec); problem != "" {
			t.Errorf("%s %s answered %d against the specification: %s", r.Method, route.Path, rec.status, problem)
		}
	})
}

func wrong(r *http.Request, route *routers.Route, params map[string]string, rec *recorder) string {
	ref := route.Operation.Responses.Status(rec.status)
	if ref == nil {
		ref = route.Operation.Responses.Default()
	}
	if ref == nil || ref.Value == nil {
		return "the status is not listed and there is no default"
	}
	header := rec.Header()
	if len(ref.Value.Content) == 0 {
		if rec.body.Len() > 0 {
			return "there is a body where none is specified"
		}
		return ""
	}
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || ref.Value.Content.Get(mediaType) == nil {
		return "media type " + header.Get("Content-Type") + " is not specified"
	}
	isJSON := mediaType == "application/json" || strings.HasSuffix(mediaType, "+json")
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 rec.status, Header: header, Body: io.NopCloser(bytes.NewReader(rec.body.Bytes())),
		Options: &openapi3filter.Options{MultiError: true, ExcludeResponseBody: !isJSON || rec.body.Len() > maxKept},
	}
	if err := openapi3filter.ValidateResponse(r.Context(), input); err != nil {
		return err.Error()
	}
	return ""
}

// recorder passes an answer on and keeps what is needed to check it.
type recorder struct {
	http.ResponseWriter
	status int
	began  bool
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	if !r.began && status >= 200 {
		r.status, r.began = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.began = true
	if r.body.Len() <= maxKept {
		r.body.Write(b)
	}
	return r.ResponseWriter.Write(b)
}

// Flush keeps streams flowing.
func (r *recorder) Flush() {
	if f, ok := r.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Unwrap lets http.ResponseController through.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
