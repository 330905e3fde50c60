package obs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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
	log := obs.NewLogger(&out, "auth", "info", obs.FormatJSON)
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
	event.Emit(ctx, obs.NewLogger(&out, "x", "info", obs.FormatJSON), slog.LevelInfo, "request")
	if n := len(line(t, &out)); n > 70 {
		t.Errorf("line has %d values", n)
	}
	obs.From(context.Background()).Set("nobody", "sees this")
}

func TestLoggerLevel(t *testing.T) {
	var out bytes.Buffer
	log := obs.NewLogger(&out, "x", "warn", obs.FormatJSON)
	log.Info("no")
	if out.Len() != 0 {
		t.Errorf("info passed level warn: %s", &out)
	}
	log.Warn("yes")
	if out.Len() == 0 {
		t.Error("warn did not pass level warn")
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
