package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The three in a row of the gateway's comparison: generator, bare gin and proxy, and the service in memory, which leaves
// the keys of access tokens to auth.
func TestBareProxies(t *testing.T) {
	auth := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "auth "+r.URL.Path) }))
	defer auth.Close()
	service := start(t, "service", strings.TrimPrefix(auth.URL, "http://"))
	var body strings.Builder
	if status, err := get(t.Context(), "http://"+service+"/.well-known/jwks.json", &body); err != nil || status != 200 || body.String() != "auth /.well-known/jwks.json" {
		t.Errorf("%d %q %v: the rest doesn't reach auth", status, &body, err)
	}
	for _, kind := range []string{"gin", "proxy"} {
		address := start(t, kind, service)
		for _, l := range []load{
			{address, rawRequest("GET", "/v1/me", "", "Authorization: Bearer x"), http.StatusOK},
			{address, rawRequest("POST", "/v1/accounts", `{"a":1}`), http.StatusCreated},
		} {
			if all, took, err := l.run(t.Context(), 2, 30*time.Millisecond); err != nil || len(all) == 0 || took <= 0 {
				t.Errorf("%s: %d requests in %s: %v", kind, len(all), took, err)
			}
		}
		wrong := load{address, rawRequest("GET", "/v1/me", ""), http.StatusTeapot}
		if _, _, err := wrong.run(t.Context(), 2, 30*time.Millisecond); err == nil {
			t.Errorf("%s: an answer that isn't the right one counts as one", kind)
		}
	}
}

// The bare inserts store what they say: the same events in the same number.
func TestBareRows(t *testing.T) {
	address := start(t, "rows", filepath.Join(t.TempDir(), "plain.db"))
	var done inserted
	if err := postJSON(t.Context(), "http://"+address+"/?batches=3", &done); err != nil || done.Rows != 3*eventsABatch || done.Took <= 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if err := postJSON(t.Context(), "http://"+address+"/?batches=x", &done); err == nil {
		t.Error("x batches were inserted")
	}
}

// start runs a baseline in this process.
func start(t *testing.T, what, argument string) (address string) {
	t.Helper()
	handler, stop, err := baseline(context.Background(), what, []string{argument})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() { server.Close(); stop() })
	return strings.TrimPrefix(server.URL, "http://")
}
