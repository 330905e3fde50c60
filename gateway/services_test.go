package gateway_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"

	"centinela/openapi/gen/auditapi"
	"centinela/openapi/gen/authapi"
	"centinela/openapi/gen/chatrelayapi"
	"centinela/openapi/gen/recoveryapi"
	"centinela/shared/access"
	"centinela/shared/auditlink"
	"centinela/shared/httpkit"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/module"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/testkit"
	"centinela/shared/verdicts"
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

// auditService keeps verdicts and events.
type auditService struct {
	*service
	mu      sync.Mutex
	version int64
	list    []verdicts.Verdict
	changed chan struct{}
	outboxtest.Receiver
}

func newAudit(t testing.TB, ids *httpkittest.Services, people *httpkittest.People) *auditService {
	a := &auditService{service: newService(t, module.Audit, auditapi.Spec, ids, people), changed: make(chan struct{}), version: 1}
	a.engine.GET("/internal/verdicts", a.watch)
	a.engine.POST("/internal/events", a.ingest)
	return a
}

// put replaces the verdicts.
func (a *auditService) put(list ...verdicts.Verdict) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = list
	a.version++
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *auditService) watch(c *gin.Context) {
	known, err := strconv.ParseInt(c.DefaultQuery("version", "-1"), 10, 64)
	if err != nil {
		httpkit.Fail(c, err)
		return
	}
	wait, err := strconv.Atoi(c.DefaultQuery("wait_ms", "0"))
	if err != nil {
		httpkit.Fail(c, err)
		return
	}
	a.mu.Lock()
	changed, version := a.changed, a.version
	a.mu.Unlock()
	if version <= known {
		select {
		case <-changed:
		case <-c.Request.Context().Done():
		case <-time.After(time.Duration(wait) * time.Millisecond):
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	answer := gin.H{"version": a.version, "snapshot": a.version > known, "verdicts": []verdicts.Verdict{}, "removed": []string{}}
	if a.version > known {
		answer["verdicts"] = append([]verdicts.Verdict{}, a.list...)
	}
	c.JSON(http.StatusOK, answer)
}

func (a *auditService) ingest(c *gin.Context) {
	shipment, err := auditlink.ReadShipment(c.Request.Body)
	if err != nil {
		httpkit.Fail(c, err)
		return
	}
	held, err := a.Take(c.Request.Context(), shipment)
	if err != nil {
		httpkit.Fail(c, err)
		return
	}
	c.JSON(http.StatusOK, auditapi.LogHead{N: held.N, Hash: held.Hash.String()})
}

// recorded are the events of one action.
func (a *auditService) recorded(action string) []record.Event {
	var out []record.Event
	for _, e := range a.Events() {
		if e.Event.Action == action {
			e.Event.Data = e.Data()
			out = append(out, e.Event)
		}
	}
	return out
}

// accountBody is an answer as auth's spec has it.
const accountBody = `{"id":"acc_000000000000000000000001","user_name":"ana","locale":"es","created_at":"2026-01-02T03:04:05Z","saved_codes_left":4}`

func newAuth(t testing.TB, ids *httpkittest.Services, people *httpkittest.People) *service {
	s := newService(t, module.Auth, authapi.Spec, ids, people)
	s.engine.GET("/.well-known/jwks.json", func(c *gin.Context) {
		keys, err := people.Keys(c)
		if err != nil {
			httpkit.Fail(c, err)
			return
		}
		c.Header("Cache-Control", "public, max-age=300")
		c.Data(http.StatusOK, "application/json", access.JWKS(keys))
	})
	s.engine.GET("/v1/me", func(c *gin.Context) {
		// What a service must not be able to say for the gateway, or twice.
		c.Header("X-Content-Type-Options", "nosniff")
		c.Header("Set-Cookie", "a=b")
		c.Data(http.StatusOK, "application/json", []byte(accountBody))
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
