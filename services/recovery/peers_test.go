package recovery_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"centinela/openapi/gen/auditapi"
	"centinela/openapi/gen/authapi"
	"centinela/shared/auditlink"
	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/module/moduletest"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
)

// fakeAuth is auth as its spec has it, with one account, "ana".
type fakeAuth struct {
	url string

	mu          sync.Mutex
	down        bool
	weak        bool   // refuse the next password
	lost        bool   // lose the next answer of a reset
	raced       func() // right before the next reset is looked at
	facts       map[string]any
	known       map[string]bool   // device hashes
	saved       string            // the one saved code; empty: spent
	redeemed    map[string]string // redemption id -> code
	resets      map[string]string // reset id -> password
	resetIDs    []string          // newest last
	version     int64             // of the account's security
	ended       map[string]bool   // sessions
	strange     bool              // refuse to say of sessions whether they live
	resetAt     time.Time
	askedNobody int // redemptions for accounts that don't exist
}

func newFakeAuth(i *moduletest.Issuers) *fakeAuth {
	i.T.Helper()
	spec, err := authapi.Spec()
	if err != nil {
		i.T.Fatal(err)
	}
	f := &fakeAuth{
		facts: map[string]any{"locale": "es"}, known: map[string]bool{}, saved: savedCode,
		redeemed: map[string]string{}, resets: map[string]string{}, version: 1, ended: map[string]bool{},
	}
	s := httpkit.New(httpkit.Options{Service: "auth", Spec: spec, Callers: i.Services.Verifier("auth"), People: i.People.Verifier()})
	s.Engine().GET("/.well-known/jwks.json", gin.WrapH(i.People))
	s.Engine().GET("/internal/revocations", gin.WrapH(i.People))
	s.Engine().POST("/internal/accounts/lookup", f.guard(f.lookup))
	s.Engine().GET("/internal/accounts/:account_id/facts", f.guard(f.getFacts))
	s.Engine().POST("/internal/accounts/:account_id/saved-codes/redemption", f.guard(f.redeem))
	s.Engine().GET("/internal/sessions/:session_id", f.guard(f.session))
	s.Engine().POST("/internal/accounts/:account_id/reset", f.guard(func(c *gin.Context) { f.reset(c, i.Now) }))
	server := httptest.NewServer(httpkittest.ValidateResponses(i.T, spec, s.Handler()))
	i.T.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *fakeAuth) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeAuth) guard(next gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.down {
			httpkit.Fail(c, fault.New(fault.KindUnavailable, fault.CodeUnavailable, "down"))
			return
		}
		next(c)
	}
}

func (f *fakeAuth) answerFacts(c *gin.Context, found bool, device string) {
	if !found {
		c.JSON(http.StatusOK, map[string]any{"found": false})
		return
	}
	answer := map[string]any{"found": true, "account_id": ana, "device_known": f.known[device], "security_version": f.version, "reset_ids": append([]string{}, f.resetIDs...)}
	for k, v := range f.facts {
		answer[k] = v
	}
	if !f.resetAt.IsZero() {
		answer["last_reset_at"] = f.resetAt
	}
	c.JSON(http.StatusOK, answer)
}

func (f *fakeAuth) lookup(c *gin.Context) {
	var body struct{ Identifier, Device string }
	if err := json.NewDecoder(c.Request.Body).Decode(&body); err != nil {
		httpkit.Fail(c, err)
		return
	}
	f.answerFacts(c, body.Identifier == "ana", body.Device)
}

func (f *fakeAuth) getFacts(c *gin.Context) {
	f.answerFacts(c, c.Param("account_id") == ana, c.Query("device"))
}

func (f *fakeAuth) redeem(c *gin.Context) {
	var body struct {
		Code       string
		Redemption string `json:"redemption_id"`
	}
	if err := json.NewDecoder(c.Request.Body).Decode(&body); err != nil {
		httpkit.Fail(c, err)
		return
	}
	if c.Param("account_id") != ana {
		f.askedNobody++
	}
	again := f.redeemed[body.Redemption] == body.Code && body.Code != ""
	saved := strings.ReplaceAll(f.saved, "-", "")
	if c.Param("account_id") != ana || (!again && body.Code != saved) {
		httpkit.Fail(c, fault.New(fault.KindUnprocessable, fault.CodeCodeInvalid, "no"))
		return
	}
	f.saved, f.redeemed[body.Redemption] = "", body.Code
	c.Status(http.StatusNoContent)
}

func (f *fakeAuth) session(c *gin.Context) {
	if f.strange {
		httpkit.Fail(c, fault.New(fault.KindUnauthenticated, fault.CodeTokenInvalid, "something else"))
		return
	}
	if f.ended[c.Param("session_id")] {
		httpkit.Fail(c, fault.New(fault.KindUnauthenticated, fault.CodeSessionRevoked, "the session is over"))
		return
	}
	c.Status(http.StatusNoContent)
}

func (f *fakeAuth) reset(c *gin.Context, now func() time.Time) {
	var body struct {
		Password string `json:"new_password"`
		Reset    string `json:"reset_id"`
		Version  int64  `json:"security_version"`
	}
	if err := json.NewDecoder(c.Request.Body).Decode(&body); err != nil {
		httpkit.Fail(c, err)
		return
	}
	if f.raced != nil {
		f.raced()
		f.raced = nil
	}
	if f.weak {
		f.weak = false
		httpkit.Fail(c, fault.New(fault.KindInvalid, fault.CodePasswordTooWeak, "too weak").
			WithFields(fault.Field{Pointer: "/new_password", Code: string(fault.CodePasswordTooWeak), Detail: "too weak"}))
		return
	}
	if _, done := f.resets[body.Reset]; !done {
		if body.Version != f.version {
			httpkit.Fail(c, fault.New(fault.KindConflict, fault.CodeConflict, "changed meanwhile"))
			return
		}
		f.resets[body.Reset], f.resetAt = body.Password, now()
		f.resetIDs = append(f.resetIDs, body.Reset)
		f.version++
	}
	if f.lost {
		f.lost = false
		httpkit.Fail(c, fault.New(fault.KindUnavailable, fault.CodeUnavailable, "the answer was lost"))
		return
	}
	c.Status(http.StatusNoContent)
}

// fakeAudit keeps events by id and knows one usual address.
type fakeAudit struct {
	url string

	outboxtest.Receiver
	mu    sync.Mutex
	raw   strings.Builder
	usual string
	down  bool // of places
}

func newFakeAudit(i *moduletest.Issuers) *fakeAudit {
	i.T.Helper()
	spec, err := auditapi.Spec()
	if err != nil {
		i.T.Fatal(err)
	}
	f := &fakeAudit{usual: moduletest.Address}
	s := httpkit.New(httpkit.Options{Service: "audit", Spec: spec, Callers: i.Services.Verifier("audit"), People: i.People.Verifier()})
	s.Engine().POST("/internal/events", f.ingest)
	s.Engine().GET("/internal/places/:account_id", func(c *gin.Context) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.down {
			httpkit.Fail(c, fault.New(fault.KindUnavailable, fault.CodeUnavailable, "down"))
			return
		}
		c.JSON(http.StatusOK, map[string]string{"familiarity": map[bool]string{true: "familiar", false: "unfamiliar"}[c.Query("address") == f.usual]})
	})
	server := httptest.NewServer(s.Handler())
	i.T.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *fakeAudit) ingest(c *gin.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		httpkit.Fail(c, err)
		return
	}
	f.raw.Write(body)
	shipment, err := auditlink.ReadShipment(bytes.NewReader(body))
	if err != nil {
		httpkit.Fail(c, err)
		return
	}
	held, err := f.Take(c.Request.Context(), shipment)
	if err != nil {
		httpkit.Fail(c, err)
		return
	}
	c.JSON(http.StatusOK, auditapi.LogHead{N: held.N, Hash: held.Hash.String()})
}

// count is how many events of that action and outcome came.
func (f *fakeAudit) count(action, outcome string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, e := range f.Events() {
		if e.Event.Action == action && e.Event.Outcome == outcome {
			n++
		}
	}
	return n
}

// sent is how many texts with that purpose the provider took.
func (f *fakeAudit) sent(purpose string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, e := range f.Events() {
		if e.Event.Action == record.SMSSent && e.Data()["purpose"] == purpose {
			n++
		}
	}
	return n
}
