package obs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"centinela/shared/obs"
	"centinela/shared/secret"
)

// hostile are texts that could break a line, or forge one.
var hostile = []string{"", "plain", `quo"te`, `back\slash`, "new\nline", "\x1b[2J", "tab\t", "\x00", "ñandú €", "\xff\xfe", "\u2028", strings.Repeat("x", 1<<14)}

// TestJSONLines: whatever the values are, a line is one JSON object that holds them.
func TestJSONLines(t *testing.T) {
	for _, text := range hostile {
		var out bytes.Buffer
		log := obs.NewLogger(&out, text, "info", obs.FormatJSON).With(text+"k", text)
		log.Info(text, "v", text, "error", errors.New(text), "list", []string{text})
		if n := strings.Count(out.String(), "\n"); n != 1 {
			t.Fatalf("%d lines for %q", n, text)
		}
		m := line(t, &out)
		want := strings.ToValidUTF8(text, "\ufffd")
		for len(want) > 0 && strings.Contains(text, "\xff\xfe") { // two bytes, two signs
			want = "\ufffd\ufffd"
			break
		}
		if m["msg"] != want || m["v"] != want || m["error"] != want || m["service"] != want || m[want+"k"] != want {
			t.Errorf("%q became %v", text, m)
		}
	}
}

// TestJSONValues: numbers stay numbers, durations are milliseconds, times UTC, and a secret stays one.
func TestJSONValues(t *testing.T) {
	var out bytes.Buffer
	log := obs.NewLogger(&out, "x", "debug", obs.FormatJSON)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.FixedZone("", 3600))
	log.WithGroup("g").Debug("m", "int", -3, "uint", uint64(math.MaxUint64), "float", 1.5, "yes", true, "took", 1500*time.Microsecond,
		"at", at, "no", nil, slog.Group("in", "k", 1), slog.Group("", "flat", 2), "secret", secret.NewString("hunter2"), "inf", math.Inf(1))
	decoder := json.NewDecoder(&out)
	decoder.UseNumber()
	var m map[string]any
	if err := decoder.Decode(&m); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"g.int": json.Number("-3"), "g.uint": json.Number("18446744073709551615"), "g.float": json.Number("1.5"), "g.yes": true,
		"g.took": json.Number("1.5"), "g.at": "2026-01-02T02:04:05.006Z", "g.no": nil, "g.in.k": json.Number("1"), "g.flat": json.Number("2"),
		"g.secret": "[redacted]", "g.inf": "float64: json: unsupported value: +Inf", "level": "DEBUG",
	} {
		if m[key] != want {
			t.Errorf("%s = %v, want %v", key, m[key], want)
		}
	}
}

// TestTextLines: people get a line that nobody forges, and no secret (NC B8).
func TestTextLines(t *testing.T) {
	for _, text := range hostile {
		var out bytes.Buffer
		log := obs.NewLogger(&out, "all", "info", obs.FormatText).With("part", "gateway")
		log.Warn("refused", "v", text, "error", errors.New(text), "took", 1234*time.Microsecond, "secret", secret.NewString("hunter2"))
		got := out.String()
		if strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\x1b\x00\t") || !strings.Contains(got, " WARN  gateway    refused v=") || strings.Contains(got, "service") {
			t.Errorf("%q became %q", text, got)
		}
		if !strings.Contains(got, " took=1.234ms ") || strings.Contains(got, "hunter2") {
			t.Errorf("line = %q", got)
		}
	}
}

// TestLinesDoNotMix: loggers made from one another share the writer and nothing else.
func TestLinesDoNotMix(t *testing.T) {
	var out bytes.Buffer
	log := obs.NewLogger(&out, "x", "info", obs.FormatJSON).With("a", 1)
	one, two := log.With("b", 2), log.With("b", 3)
	for range 3 {
		one.Info("one")
		two.Info("two")
		log.Info("none")
	}
	for l := range strings.Lines(out.String()) {
		ok := strings.Contains(l, `"none"`) && !strings.Contains(l, `"b"`) || strings.Contains(l, `"one"`) && strings.Contains(l, `"b":2`) ||
			strings.Contains(l, `"two"`) && strings.Contains(l, `"b":3`)
		if !ok || !strings.Contains(l, `"a":1`) {
			t.Errorf("line = %s", l)
		}
	}
}
