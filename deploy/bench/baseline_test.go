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
	if said, err := fetch(t.Context(), "GET", "http://"+service.address+"/.well-known/jwks.json"); err != nil || string(said) != "auth /.well-known/jwks.json" {
		t.Errorf("%q %v: the rest doesn't reach auth", said, err)
	}
	for _, kind := range []string{"gin", "proxy"} {
		address := start(t, kind, service.address).address
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
	rows := start(t, "rows", filepath.Join(t.TempDir(), "plain.db"))
	var done inserted
	if err := rows.ask(t.Context(), 3, &done); err != nil || done.Rows != 3*eventsABatch || done.Took <= 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if err := rows.ask(t.Context(), 1001, &done); err == nil {
		t.Error("1001 batches were inserted")
	}
}

// start runs a baseline in this process.
func start(t *testing.T, what, argument string) server {
	t.Helper()
	handler, err := baseline(context.Background(), what, argument)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return server{address: strings.TrimPrefix(s.URL, "http://")}
}
