package httpkit_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/testkit"
)

func get(t *testing.T, ctx context.Context, c *httpkit.Client, path string) (*http.Response, error) { //nolint:revive // t first
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://peer"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(req)
}

// TestClientCarriesIdentity holds "two identities on every internal call" and "the caller sends what is left of its time".
func TestClientCarriesIdentity(t *testing.T) {
	w := newWorld(t, nil)
	var got httpkit.Request
	var left time.Duration
	w.handle = func(c *gin.Context) {
		got = httpkit.RequestOf(c)
		end, _ := c.Deadline()
		left = time.Until(end)
		c.JSON(http.StatusOK, gin.H{"ok": true})
	}
	srv := httptest.NewServer(w.checked)
	t.Cleanup(srv.Close)
	client := w.services.Client("gateway", "chat-relay", srv.URL)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	t.Cleanup(cancel)
	ctx = httpkit.WithRequest(ctx, httpkit.Request{
		ID: "req_1", Caller: "someone", Address: "198.51.100.7", UserAgent: "phone", Token: w.people.Token("acc_1", "ses_1"),
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://anything/things/a", strings.NewReader(`{"name":"abc"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || httpkit.Expect(resp.StatusCode, resp.Header, body, http.StatusOK) != nil {
		t.Fatalf("%d %s %v", resp.StatusCode, body, err)
	}
	if got.ID != "req_1" || got.Caller != "gateway" || got.Address != "198.51.100.7" || got.UserAgent != "phone" || got.Person == nil || got.Person.Account != "acc_1" {
		t.Errorf("the callee saw %+v", got)
	}
	if left > 1980*time.Millisecond || left < 500*time.Millisecond {
		t.Errorf("the callee has %v left", left)
	}
	if req.Header.Get(httpkit.HeaderService) != "" {
		t.Error("the caller's own request was changed")
	}
}

// TestDeadPeer holds "a service that is down gives a 503 problem within 100 ms, never a hang" (gateway.md).
func TestDeadPeer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	client := httpkittest.NewServices(t).Client("gateway", "auth", "http://"+address)
	fastest := time.Hour
	for range 10 { // refused at first, then by the breaker
		begin := time.Now()
		resp, err := get(t, context.Background(), client, "/")
		if err == nil {
			_ = resp.Body.Close() // the test fails anyway
			t.Fatal("a dead peer answered")
		}
		if f := fault.From(err); f.Kind != fault.KindUnavailable || strings.Contains(f.Error(), address) {
			t.Fatalf("err = %v, want unavailable without the peer's address", err)
		}
		fastest = min(fastest, time.Since(begin))
	}
	if fastest > 100*time.Millisecond {
		t.Errorf("it took %v at best", fastest)
	}
}

// TestBreakerClosesAgain: a peer that comes back is found within a breaker's pause.
func TestBreakerClosesAgain(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		if down.Load() {
			panic(http.ErrAbortHandler) // the connection breaks
		}
	}))
	t.Cleanup(srv.Close)
	client := httpkittest.NewServices(t).Client("gateway", "auth", srv.URL)
	call := func() (reached bool) {
		before := asked.Load()
		if _, err := get(t, context.Background(), client, "/"); fault.From(err).Kind != fault.KindUnavailable { //nolint:bodyclose // no answer
			t.Fatalf("err = %v", err)
		}
		return asked.Load() > before
	}
	testkit.Eventually(t, 5*time.Second, func() (bool, string) { return !call(), "the breaker doesn't open" })
	reached := 0
	for range 30 {
		if call() {
			reached++
		}
	}
	if reached > 10 { // a probe each half second
		t.Errorf("%d of 30 calls reached a broken peer", reached)
	}
	down.Store(false)
	testkit.Eventually(t, testkit.Patience, func() (bool, string) {
		resp, err := get(t, context.Background(), client, "/")
		if err != nil {
			return false, err.Error()
		}
		_ = resp.Body.Close() // empty
		return true, ""
	})
}

// TestRetries: idempotent calls only, once, within the deadline (architecture.md, Requests).
func TestRetries(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		fail   func(http.ResponseWriter)
		within time.Duration
		asked  int64
		ok     bool
	}{
		"GET_503":        {http.MethodGet, status(503, ""), time.Second, 2, true},
		"GET_502":        {http.MethodGet, status(502, ""), time.Second, 2, true},
		"GET_503_wait":   {http.MethodGet, status(503, "5"), time.Second, 1, false},
		"GET_500":        {http.MethodGet, status(500, ""), time.Second, 1, false},
		"GET_broken":     {http.MethodGet, func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, time.Second, 2, true},
		"PUT_with_body":  {http.MethodPut, status(503, ""), time.Second, 2, true},
		"POST_503":       {http.MethodPost, status(503, ""), time.Second, 1, false},
		"POST_broken":    {http.MethodPost, func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, time.Second, 1, false},
		"no_time_left":   {http.MethodGet, status(503, ""), 120 * time.Millisecond, 1, false},
		"PATCH_is_no_go": {http.MethodPatch, status(503, ""), time.Second, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			var bodies atomic.Value
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				bodies.Store(string(b))
				if asked.Add(1) == 1 {
					c.fail(w)
				}
			}))
			t.Cleanup(srv.Close)
			client := httpkittest.NewServices(t).Client("gateway", "auth", srv.URL)
			ctx, cancel := context.WithTimeout(context.Background(), c.within)
			t.Cleanup(cancel)
			var body io.Reader
			if c.method != http.MethodGet {
				body = strings.NewReader("the body")
			}
			req, err := http.NewRequestWithContext(ctx, c.method, "http://peer/", body)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(req)
			ok := err == nil && resp.StatusCode == http.StatusOK
			if err == nil {
				_ = resp.Body.Close() // empty
			}
			if ok != c.ok || asked.Load() != c.asked {
				t.Errorf("ok %v after %d tries, want %v after %d (%v)", ok, asked.Load(), c.ok, c.asked, err)
			}
			if body != nil && bodies.Load() != "the body" {
				t.Errorf("the last try carried %q", bodies.Load())
			}
		})
	}
}

func status(code int, retryAfter string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(code)
	}
}

func TestSlowPeerIsATimeout(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(srv.Close)
	client := httpkittest.NewServices(t).Client("gateway", "auth", srv.URL)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	t.Cleanup(cancel)
	if _, err := get(t, ctx, client, "/"); fault.From(err).Kind != fault.KindTimeout { //nolint:bodyclose // no answer
		t.Errorf("err = %v, want a timeout", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := get(t, ctx, client, "/"); !errors.Is(err, context.Canceled) { //nolint:bodyclose // no answer
		t.Errorf("err = %v, want canceled", err)
	}
}

// TestReadProblem: what a service wrote, its peer reads back; what is not for the peer's own caller becomes internal.
func TestReadProblem(t *testing.T) {
	problem := func(err error) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		httpkit.WriteProblem(rec, httptest.NewRequest(http.MethodGet, "/", nil), err)
		return rec
	}
	read := func(rec *httptest.ResponseRecorder) *fault.Error {
		return httpkit.ReadProblem(rec.Code, rec.Header(), rec.Body.Bytes())
	}
	sent := fault.New(fault.KindConflict, fault.CodeNameTaken, "taken").
		WithFields(fault.Field{Pointer: "/name", Code: "invalid_field", Detail: "is taken"}).WithRetryAfter(3 * time.Second)
	got := read(problem(sent))
	if !errors.Is(got, sent) || got.Kind != sent.Kind || got.Detail != "taken" || len(got.Fields) != 1 || got.RetryAfter != 3*time.Second {
		t.Errorf("read back %+v", got)
	}
	for _, code := range fault.Codes() {
		if code == fault.CodeInternal || code == fault.CodeCallerNotAllowed {
			continue
		}
		f := fault.New(fault.KindConflict, code, "x")
		if !errors.Is(read(problem(f)), f) {
			t.Errorf("code %s does not come back", code)
		}
	}
	plain := httptest.NewRecorder()
	plain.WriteHeader(http.StatusNotFound)
	for name, rec := range map[string]*httptest.ResponseRecorder{
		"unlisted":           problem(errors.New("x")),
		"not_allowed_caller": problem(fault.New(fault.KindForbidden, fault.CodeCallerNotAllowed, "x")),
		"unknown_code":       problem(fault.New(fault.KindConflict, "made_up", "x")),
		"no_problem":         plain,
	} {
		if f := read(rec); f.Kind != fault.KindInternal || f.Code != fault.CodeInternal || f.Detail != "" {
			t.Errorf("%s reads as %+v, want internal", name, f)
		}
	}
	bare := httptest.NewRecorder()
	bare.WriteHeader(http.StatusServiceUnavailable)
	if f := read(bare); f.Kind != fault.KindUnavailable {
		t.Errorf("a bare 503 reads as %+v", f)
	}
}

// TestTransportUnderAProxy: the gateway's way: upgrades and streams pass, forged headers don't, a dead peer is a problem.
func TestTransportUnderAProxy(t *testing.T) {
	services := httpkittest.NewServices(t)
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Saw", r.Header.Get(httpkit.HeaderClientAddress)+"|"+r.Header.Get(httpkit.HeaderDevAddress)+"|"+strconv.FormatBool(r.Header.Get(httpkit.HeaderService) != "forged"))
		if r.Header.Get("Upgrade") == "" {
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello") // the reader tells
		_ = rw.Flush()                                                                                                      // the reader tells
	}))
	t.Cleanup(peer.Close)
	client := services.Client("gateway", "chat-relay", peer.URL)
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:      func(*httputil.ProxyRequest) {},
		Transport:    client.Transport(),
		ErrorHandler: httpkit.WriteProblem,
	})
	t.Cleanup(proxy.Close)
	ask := func(upgrade string) *http.Response {
		req, err := http.NewRequest(http.MethodGet, proxy.URL+"/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{httpkit.HeaderClientAddress, httpkit.HeaderDevAddress, httpkit.HeaderService} {
			req.Header.Set(name, "forged")
		}
		if upgrade != "" {
			req.Header.Set("Connection", "Upgrade")
			req.Header.Set("Upgrade", upgrade)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() }) // read as far as needed
		return resp
	}
	if saw := ask("").Header.Get("X-Saw"); saw != "||true" {
		t.Errorf("the peer saw forged headers: %s", saw)
	}
	up := ask("websocket")
	hello := make([]byte, 5)
	if _, err := io.ReadFull(up.Body, hello); up.StatusCode != http.StatusSwitchingProtocols || err != nil || string(hello) != "hello" {
		t.Errorf("upgrade: %d %q %v", up.StatusCode, hello, err)
	}
	peer.CloseClientConnections()
	peer.Close()
	dead := ask("")
	if dead.StatusCode != http.StatusServiceUnavailable || dead.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("a dead peer: %d %s", dead.StatusCode, dead.Header.Get("Content-Type"))
	}
}

// TestRead: an answer is the value of a success, or the fault that it stands for; nothing of a body is guessed.
func TestRead(t *testing.T) {
	type thing struct{ Name string }
	answer := func(status int, mediaType, body string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {mediaType}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
	for name, status := range map[string]int{"ok": 200, "created": 201, "accepted": 202} {
		if got, err := httpkit.Read[thing](answer(status, "application/json", `{"name":"a"}`)); err != nil || got.Name != "a" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if got, err := httpkit.Read[thing](answer(204, "", "")); err != nil || got.Name != "" {
		t.Errorf("no content: %+v, %v", got, err)
	}
	gone := errors.New("cut")
	if _, err := httpkit.Read[thing](nil, gone); !errors.Is(err, gone) {
		t.Errorf("a call that failed: %v", err)
	}
	for name, c := range map[string]struct {
		status          int
		mediaType, body string
		want            fault.Code
	}{
		"a problem":          {404, "application/problem+json", `{"status":404,"code":"not_found","detail":"it isn't there"}`, fault.CodeNotFound},
		"a proxy's page":     {404, "text/html", "<h1>", fault.CodeInternal},
		"a redirect":         {302, "", "", fault.CodeInternal},
		"no JSON":            {200, "application/json", "<h1>", fault.CodeInternal},
		"another type":       {200, "application/json", `{"name":7}`, fault.CodeInternal},
		"a success cut off":  {200, "application/json", `{"name":"a"`, fault.CodeInternal},
		"nothing, but is ok": {200, "application/json", "", fault.CodeInternal},
	} {
		got, err := httpkit.Read[thing](answer(c.status, c.mediaType, c.body))
		if err == nil || fault.From(err).Code != c.want || got.Name != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
