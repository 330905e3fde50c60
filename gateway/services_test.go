package gateway_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"

	"centinela/openapi/gen/auditapi"
	"centinela/openapi/gen/authapi"
	"centinela/openapi/gen/chatrelayapi"
	"centinela/openapi/gen/recoveryapi"
	"centinela/shared/auditlink/auditlinktest"
	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/module"
	"centinela/shared/testkit"
)

// service is a stand-in of one service: it proves the caller and validates the
// request against the service's spec as the real one does, and remembers what
// reached it.
type service struct {
	name   string
	server *httptest.Server
	engine *gin.Engine

	mu   sync.Mutex
	seen []*http.Request
}

func newService(t testing.TB, name string, spec func() (*openapi3.T, error), ids *httpkittest.Services, people *httpkittest.People) *service {
	t.Helper()
	doc, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if _, ok := t.(*testing.T); ok { // a benchmark prints its log always
		log = testkit.Logger(t)
	}
	kit := httpkit.New(httpkit.Options{
		Service: name, Spec: doc, Log: log, Callers: ids.Verifier(name), People: people.Verifier(),
	})
	s := &service{name: name, engine: kit.Engine()}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.Clone(r.Context()))
		s.mu.Unlock()
		kit.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(s.server.Close)
	return s
}

// requests are those of path that reached the service.
func (s *service) requests(path string) []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*http.Request
	for _, r := range s.seen {
		if r.URL.Path == path {
			out = append(out, r)
		}
	}
	return out
}

// auditService is audit, with the verdicts that a test puts there.
type auditService struct {
	*service
	*auditlinktest.Audit
}

func newAudit(t testing.TB, ids *httpkittest.Services, people *httpkittest.People) *auditService {
	a := &auditService{service: newService(t, module.Audit, auditapi.Spec, ids, people), Audit: auditlinktest.New()}
	a.engine.GET("/internal/verdicts", gin.WrapF(a.Watch))
	a.engine.POST("/internal/events", gin.WrapF(a.Ingest))
	a.engine.GET(operatorRoute, func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"verdicts": []string{}}) })
	return a
}

// accountBody is an answer as auth's spec has it.
const accountBody = `{"id":"acc_000000000000000000000001","user_name":"ana","locale":"es","created_at":"2026-01-02T03:04:05Z","saved_codes_left":4}`

func newAuth(t testing.TB, ids *httpkittest.Services, people *httpkittest.People) *service {
	s := newService(t, module.Auth, authapi.Spec, ids, people)
	s.engine.GET("/.well-known/jwks.json", func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=300")
		people.ServeHTTP(c.Writer, c.Request)
	})
	s.engine.GET("/internal/revocations", gin.WrapH(people))
	s.engine.GET("/v1/me", func(c *gin.Context) {
		// What a service must not be able to say for the gateway, or twice.
		c.Header("X-Content-Type-Options", "nosniff")
		c.Header("Set-Cookie", "a=b")
		c.Data(http.StatusOK, "application/json", []byte(accountBody))
	})
	s.engine.POST("/v1/sessions", func(c *gin.Context) {
		httpkit.Fail(c, fault.New(fault.KindUnauthenticated, fault.CodeCredentialsInvalid, "no"))
	})
	s.engine.POST("/v1/accounts", func(c *gin.Context) {
		body, err := io.ReadAll(c.Request.Body)
		if err != nil || len(body) == 0 {
			httpkit.Fail(c, err)
			return
		}
		c.Data(http.StatusCreated, "application/json", []byte(`{"account":`+accountBody+`,"saved_codes":["0123-4567-89ab-cdef","0123-4567-89ab-cdeg","0123-4567-89ab-cdeh","0123-4567-89ab-cdej"],"advice":"Add a phone."}`))
	})
	s.engine.PUT("/v1/me/password", func(c *gin.Context) { c.Status(http.StatusNoContent) })
	return s
}

func newRecovery(t testing.TB, ids *httpkittest.Services, people *httpkittest.People) *service {
	s := newService(t, module.Recovery, recoveryapi.Spec, ids, people)
	s.engine.GET("/dev/phone", func(c *gin.Context) {
		c.Data(http.StatusOK, "application/json", []byte(`{"texts":[]}`))
	})
	return s
}

func newChat(t testing.TB, ids *httpkittest.Services, people *httpkittest.People) *service {
	s := newService(t, module.ChatRelay, chatrelayapi.Spec, ids, people)
	s.engine.GET("/v1/chat", echo)
	return s
}
