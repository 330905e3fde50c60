package obs

import (
	"io"
	"log/slog"
	"time"
)

// NewLogger writes JSON lines to w: time (UTC, milliseconds), level, msg, service, and what the caller adds. level is
// debug, info, warn or error; anything else counts as info, because config validates it before anybody logs.
func NewLogger(w io.Writer, service, level string) *slog.Logger {
	var min slog.Level
	if err := min.UnmarshalText([]byte(level)); err != nil {
		min = slog.LevelInfo
	}
	handler := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: min, ReplaceAttr: utcMillis})
	return slog.New(handler).With("service", service)
}

func utcMillis(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime {
		a.Value = slog.StringValue(a.Value.Time().UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	}
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.Float64Value(float64(a.Value.Duration()) / float64(time.Millisecond))
	}
	return a
}
