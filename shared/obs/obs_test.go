package obs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/obs"
)

// hidden is an error that keeps its cause out of its own text, as a fault does.
type hidden struct{ cause error }

func (hidden) Error() string   { return "internal: " }
func (h hidden) Unwrap() error { return h.cause }

func line(t *testing.T, out *bytes.Buffer) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(out.Bytes(), &m); err != nil {
		t.Fatalf("want exactly one JSON line, got %q: %v", out, err)
	}
	return m
}

// TestWideEvent holds "one wide event per request carries the cause" (architecture.md, Errors).
func TestWideEvent(t *testing.T) {
	var out bytes.Buffer
	log := obs.NewLogger(&out, "auth", "info")
	ctx, event := obs.NewEvent(context.Background())
	obs.From(ctx).Set("operation", "signIn")
	obs.From(ctx).Set("operation", "signUp")
	obs.From(ctx).Fail(hidden{cause: fmt.Errorf("save: %w", errors.New("disk full"))})
	obs.From(ctx).Fail(errors.New("a later consequence"))
	event.Emit(ctx, log, slog.LevelError, "request")

	m := line(t, &out)
	if m["operation"] != "signUp" || m["service"] != "auth" || m["level"] != "ERROR" {
		t.Errorf("line = %v", m)
	}
	if got := m["error"].(string); !strings.Contains(got, "save: disk full") || strings.Contains(got, "later") {
		t.Errorf("error = %q, want the first cause with what is behind it", got)
	}
	if ts, err := time.Parse("2006-01-02T15:04:05.000Z", m["time"].(string)); err != nil || ts.IsZero() {
		t.Errorf("time %v is not UTC milliseconds: %v", m["time"], err)
	}
}

func TestWideEventIsBounded(t *testing.T) {
	var out bytes.Buffer
	ctx, event := obs.NewEvent(context.Background())
	for i := range 1000 {
		event.Set(fmt.Sprintf("k%d", i), i)
	}
	event.Emit(ctx, obs.NewLogger(&out, "x", "info"), slog.LevelInfo, "request")
	if n := len(line(t, &out)); n > 70 {
		t.Errorf("line has %d values", n)
	}
	obs.From(context.Background()).Set("nobody", "sees this")
}

func TestLoggerLevel(t *testing.T) {
	var out bytes.Buffer
	log := obs.NewLogger(&out, "x", "warn")
	log.Info("no")
	if out.Len() != 0 {
		t.Errorf("info passed level warn: %s", &out)
	}
	log.Warn("yes")
	if out.Len() == 0 {
		t.Error("warn did not pass level warn")
	}
}

// TestOps holds "/metrics /healthz /readyz /debug/pprof" with one registry a service (architecture.md, Lifecycle).
func TestOps(t *testing.T) {
	var notReady error
	a, b := obs.NewRegistry("auth"), obs.NewRegistry("chat-relay")
	h := obs.Ops(prometheus.Gatherers{a, b}, func() error { return notReady })
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	if code, body := get("/metrics"); code != 200 || !strings.Contains(body, `centinela_service_info{service="auth"} 1`) ||
		!strings.Contains(body, `{service="chat-relay"}`) || !strings.Contains(body, "go_goroutines") {
		t.Errorf("/metrics: %d %.200s", code, body)
	}
	if code, _ := get("/healthz"); code != 200 {
		t.Errorf("/healthz: %d", code)
	}
	if code, _ := get("/readyz"); code != 200 {
		t.Errorf("/readyz: %d", code)
	}
	notReady = errors.New("draining")
	if code, body := get("/readyz"); code != 503 || !strings.Contains(body, "draining") {
		t.Errorf("/readyz while draining: %d %s", code, body)
	}
	if code, _ := get("/debug/pprof/cmdline"); code != 200 {
		t.Errorf("/debug/pprof: %d", code)
	}
}

func TestRegisterSharesTheSameCollector(t *testing.T) {
	reg := prometheus.NewRegistry()
	opts := prometheus.CounterOpts{Name: obs.Metric("chat-relay", "x_total"), Help: "x"}
	first := obs.Register(reg, prometheus.NewCounter(opts))
	if second := obs.Register(reg, prometheus.NewCounter(opts)); second != first {
		t.Error("the second registration made another collector")
	}
	if got := obs.Metric("chat-relay", "x_total"); got != "centinela_chat_relay_x_total" {
		t.Errorf("name = %s", got)
	}
}
