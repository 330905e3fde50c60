package obs_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/obs"
)

func ask(h http.Handler, path string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:9080"+path, nil)
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestOps holds "/metrics /healthz /readyz /debug/pprof" with one registry a service (architecture.md, Lifecycle).
func TestOps(t *testing.T) {
	a, b := obs.NewRegistry("auth"), obs.NewRegistry("chat-relay")
	h := obs.Ops(obs.OpsOptions{Metrics: prometheus.Gatherers{a, b}, Ready: func() []obs.Part { return nil }})
	if w := ask(h, "/metrics"); w.Code != 200 || !strings.Contains(w.Body.String(), `centinela_service_info{service="auth"} 1`) ||
		!strings.Contains(w.Body.String(), `{service="chat-relay"}`) || !strings.Contains(w.Body.String(), "go_goroutines") {
		t.Errorf("/metrics: %d %.200s", w.Code, w.Body)
	}
	for _, path := range []string{"/healthz", "/readyz", "/debug/pprof/cmdline"} {
		if w := ask(h, path); w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestReadyz: it names which part is not able and why, for people and for programs (AG D9).
func TestReadyz(t *testing.T) {
	parts := []obs.Part{{Name: "audit"}, {Name: "auth", Err: errors.New("the database is full")}, {Name: "gateway", Err: errors.New("starting")}}
	h := obs.Ops(obs.OpsOptions{Ready: func() []obs.Part { return parts }})
	if w := ask(h, "/readyz"); w.Code != 503 || w.Body.String() != "not ready: auth: the database is full\ngateway: starting\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	accept := func(r *http.Request) { r.Header.Set("Accept", "application/json") }
	var got struct {
		Ready bool
		Parts []struct {
			Name, Reason string
			Ready        bool
		}
	}
	w := ask(h, "/readyz", accept)
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 503 || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v %s", w.Code, err, w.Body)
	}
	if got.Ready || len(got.Parts) != 3 || !got.Parts[0].Ready || got.Parts[1].Ready || got.Parts[1].Reason != "the database is full" || got.Parts[2].Name != "gateway" {
		t.Errorf("%+v", got)
	}
	parts = parts[:1]
	if w := ask(h, "/readyz", accept); w.Code != 200 || !strings.Contains(w.Body.String(), `"ready":true`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestOpsRefusesOtherNames: a page that had its own name point here reads nothing (AG W5, DNS rebinding).
func TestOpsRefusesOtherNames(t *testing.T) {
	ready := func() []obs.Part { return nil }
	h, public := obs.Ops(obs.OpsOptions{Ready: ready}), obs.Ops(obs.OpsOptions{Ready: ready, Public: true})
	for host, local := range map[string]bool{
		"127.0.0.1:9080": true, "localhost:9080": true, "LOCALHOST": true, "localhost.": true, "[::1]:9080": true, "10.0.0.7:9080": true, "a.localhost": true,
		"evil.example": false, "evil.example:9080": false, "127.0.0.1.evil.example": false, "localhost.evil.example": false, "": true,
	} {
		as := func(r *http.Request) { r.Host = host }
		for _, path := range []string{"/metrics", "/readyz", "/debug/pprof/cmdline"} {
			if w := ask(h, path, as); (w.Code == 200) != local || !local && w.Code != 421 {
				t.Errorf("Host %q, %s: %d", host, path, w.Code)
			}
		}
		if w := ask(public, "/readyz", as); w.Code != 200 {
			t.Errorf("Host %q of a listener that is meant to be public: %d", host, w.Code)
		}
	}
}

// TestLoopback: only what this machine alone reaches is that.
func TestLoopback(t *testing.T) {
	for listen, want := range map[string]bool{
		"127.0.0.1:8080": true, "127.9.9.9:1": true, "[::1]:8080": true, "localhost:0": true, "[::ffff:127.0.0.1]:1": true,
		"0.0.0.0:8080": false, ":8080": false, "[::]:8080": false, "10.0.0.1:1": false, "example.org:1": false, "": false, "127.0.0.1": false,
	} {
		if obs.Loopback(listen) != want {
			t.Errorf("Loopback(%q) = %v", listen, !want)
		}
	}
}

// TestOutcomes: each outcome has its series from the start, and a foreign one makes none.
func TestOutcomes(t *testing.T) {
	reg := prometheus.NewRegistry()
	texts := obs.NewOutcomes(reg, "centinela_recovery_texts_total", "Texts by outcome.", "sent", "failed")
	texts.Count("sent")
	texts.Count("sent")
	texts.Count("what a caller made up")
	families, err := reg.Gather()
	if err != nil || len(families) != 1 {
		t.Fatal(families, err)
	}
	got := map[string]float64{}
	for _, m := range families[0].GetMetric() {
		got[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
	}
	if len(got) != 3 || got["sent"] != 2 || got["failed"] != 0 || got["other"] != 1 {
		t.Errorf("%v", got)
	}
}
