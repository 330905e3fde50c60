package httpkit

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
)

const benchSpec = `{"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {"/things/{id}": {"put": {
	"operationId": "putThing",
	"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string", "maxLength": 32}}],
	"requestBody": {"required": true, "content": {"application/json": {"schema": {
		"type": "object", "additionalProperties": false, "required": ["name"],
		"properties": {
			"name": {"type": "string", "minLength": 1, "maxLength": 64},
			"email": {"type": "string", "format": "email", "maxLength": 254},
			"count": {"type": "integer", "minimum": 0, "maximum": 100},
			"tags": {"type": "array", "maxItems": 8, "items": {"type": "string", "maxLength": 16}}
		}}}}},
	"responses": {"204": {"description": "done"}}}}}}`

// BenchmarkValidate is what validation alone costs a request: compare the CPU a request, not wall time.
func BenchmarkValidate(b *testing.B) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(benchSpec))
	if err != nil {
		b.Fatal(err)
	}
	op, check := operations(doc)["PUT /things/:id"], newValidator()
	body := `{"name":"ana pérez","email":"ana@example.org","count":7,"tags":["x","y"]}`
	params := gin.Params{{Key: "id", Value: "a"}}
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("PUT", "/things/a", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if err := check.request(r, op, params); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkValidateRequestOnly is the part of it that is making the request: take it off.
func BenchmarkValidateRequestOnly(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("PUT", "/things/a", strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
	}
}
