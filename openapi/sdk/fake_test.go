package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// fake is a suite that answers as it is told, and remembers what it was asked.
type fake struct {
	t      *testing.T
	server *httptest.Server

	mu     sync.Mutex
	calls  []call
	answer func(call) (status int, body any)
}

type call struct {
	method, path, query, body string
	header                    http.Header
}

func newFake(t *testing.T, answer func(call) (int, any)) *fake {
	t.Helper()
	f := &fake{t: t, answer: answer}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

func (f *fake) client(opts ...Option) *Client {
	f.t.Helper()
	c, err := New(f.server.URL, opts...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(c.CloseIdle)
	return c
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	c := call{r.Method, r.URL.Path, r.URL.RawQuery, string(body), r.Header}
	f.mu.Lock()
	f.calls = append(f.calls, c)
	f.mu.Unlock()
	status, answer := f.answer(c)
	write(f.t, w, status, answer)
}

func write(t *testing.T, w http.ResponseWriter, status int, answer any) {
	t.Helper()
	if p, ok := answer.(problem); ok {
		w.Header().Set("Content-Type", "application/problem+json")
		if p.RetryAfter > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(p.RetryAfter))
		}
		p.Status, p.Type, p.Title, p.RequestID = status, "urn:centinela:problem:"+p.Code, http.StatusText(status), "req_1"
		answer = p
	} else {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	if answer == nil {
		return
	}
	if text, ok := answer.(string); ok {
		_, err := io.WriteString(w, text)
		if err != nil {
			t.Error(err)
		}
		return
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		t.Error(err)
	}
}

// said are the calls so far.
func (f *fake) said() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]call(nil), f.calls...)
}

type problem struct {
	Type       string           `json:"type"`
	Title      string           `json:"title"`
	Status     int              `json:"status"`
	Code       string           `json:"code"`
	Detail     string           `json:"detail,omitempty"`
	RequestID  string           `json:"request_id"`
	RetryAfter int              `json:"retry_after,omitempty"`
	Errors     []map[string]any `json:"errors,omitempty"`
}

// tokens is a TokenSet with the number n in its tokens.
func tokens(n, expiresIn int) map[string]any {
	return map[string]any{
		"account_id": "acc_1", "session_id": "ses_1", "token_type": "Bearer", "access_token": fmt.Sprint("access-", n),
		"expires_in": expiresIn, "refresh_token": fmt.Sprint("refresh-", n), "refresh_expires_at": "2030-01-01T00:00:00Z",
	}
}

// carry is a RoundTripper without a network, for tests that count time.
type carry func(*http.Request) (*http.Response, error)

func (c carry) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

func answerOf(status int, header map[string]string, body string) *http.Response {
	res := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewBufferString(body))}
	for name, value := range header {
		res.Header.Set(name, value)
	}
	return res
}
