package httpkit_test

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/clock"
	"centinela/shared/httpkit"
	"centinela/shared/httpkit/httpkittest"
)

// BenchmarkChain is what every protection of the server side costs a request with a person and a small body.
func BenchmarkChain(b *testing.B) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(spec))
	if err != nil {
		b.Fatal(err)
	}
	services, people := httpkittest.NewServices(b), httpkittest.NewPeople(b, clock.Real())
	s := httpkit.New(httpkit.Options{
		Service: "bench", Spec: doc, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
		Callers: services.Verifier("bench"), People: people.Verifier(),
	})
	s.Engine().PUT("/things/:id", func(c *gin.Context) { c.Status(204) })
	token := people.Token("acc_1", "ses_1")
	for b.Loop() {
		req := httptest.NewRequest("PUT", "/things/a", strings.NewReader(`{"name":"abc","email":"a@b.c","tags":["x"]}`))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+token)
		services.Authorize(req, "gateway", "bench")
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, req)
		if rec.Code != 204 {
			b.Fatal(rec.Code, rec.Body)
		}
	}
}
