package moduletest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"centinela/shared/httpkit"
)

// Address is the client address that calls bring (RFC 5737).
const Address = "203.0.113.7"

// Answer is a response, read.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Code is the problem's; "" where the answer is none.
func (a Answer) Code() string { return a.Field("code") }

// Field is a text of the answer's JSON object; "" where there is none.
func (a Answer) Field(name string) string {
	var fields map[string]any
	if json.Unmarshal([]byte(a.Body), &fields) != nil {
		return ""
	}
	text, _ := fields[name].(string)
	return text
}

// Do calls as a service ("" for nobody), with an Authorization unless it is empty.
func (w *World) Do(service, authorization, method, path, body string) Answer {
	w.T.Helper()
	got, err := w.Try(service, authorization, method, path, body)
	if err != nil {
		w.T.Fatal(err)
	}
	return got
}

// Try is Do for where a call may fail, and for goroutines that are not the test's.
func (w *World) Try(service, authorization, method, path, body string) (Answer, error) {
	r, err := http.NewRequestWithContext(w.T.Context(), method, w.URL+path, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if body != "" {
		r.Header.Set("Content-Type", w.mediaType(method, path))
	}
	if err := w.Identify(r, service, authorization); err != nil {
		return Answer{}, err
	}
	return Send(r)
}

// Send makes a call and reads its answer.
func Send(r *http.Request) (Answer, error) {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return Answer{resp.StatusCode, resp.Header, string(text)}, err
}

// Identify makes r a call by a service ("" for nobody), with an Authorization unless it is empty, for a client at Address.
func (i *Issuers) Identify(r *http.Request, service, authorization string) error {
	if service != "" {
		token, err := i.Services.Signer(service).Token(i.Service)
		if err != nil {
			return err
		}
		r.Header.Set(httpkit.HeaderService, token)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	r.Header.Set(httpkit.HeaderClientAddress, Address)
	r.Header.Set(httpkit.HeaderUserAgent, "test agent")
	return nil
}

// mediaType is that of the operation's body; JSON where the specification knows no other.
func (w *World) mediaType(method, path string) string {
	for _, op := range (Matrix{Spec: w.Spec}).operations() {
		if op.method != method || op.RequestBody == nil || !template(op.path).MatchString(path) {
			continue
		}
		for name := range op.RequestBody.Value.Content {
			return name
		}
	}
	return "application/json"
}

// Into reads an answer of the given status into v, and fails the test at another.
func (w *World) Into(v any, got Answer, status int) {
	w.T.Helper()
	if got.Status != status {
		w.T.Fatalf("%d %s, want %d", got.Status, got.Body, status)
	}
	if err := json.Unmarshal([]byte(got.Body), v); err != nil {
		w.T.Fatal(err)
	}
}
