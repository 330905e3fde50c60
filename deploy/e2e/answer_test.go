package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// answer is what a client sees of one request.
type answer struct {
	status int
	header http.Header
	body   string
	took   time.Duration
}

// call makes one request of the gateway, without anything of the SDK's smoothing.
func (s *world) call(t *testing.T, method, path, body string, header map[string]string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text), time.Since(began)}
}

// checkProblem holds an answer against RFC 9457 and our own form.
func (a answer) checkProblem(t *testing.T, code string) {
	t.Helper()
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	var problem struct {
		Type, Title, Code, Detail string
		Status                    int
		RequestID                 string `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(a.body), &problem); err != nil {
		t.Fatalf("no JSON: %s", a.body)
	}
	if problem.Status != a.status || problem.Title == "" || problem.Code == "" || problem.RequestID == "" {
		t.Errorf("incomplete: %s", a.body)
	}
	if code != "" && problem.Code != code {
		t.Errorf("code %q, want %q: %s", problem.Code, code, a.body)
	}
}

// dial opens a bare socket.
func (s *world) dial(header map[string]string) (*websocket.Conn, *http.Response, error) {
	dialer := websocket.Dialer{HandshakeTimeout: settleTime, Subprotocols: []string{"centinela.chat.v1"}}
	h := http.Header{}
	for k, v := range header {
		h.Set(k, v)
	}
	return dialer.Dial(strings.Replace(s.URL, "http", "ws", 1)+"/v1/chat", h)
}
