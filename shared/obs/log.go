package obs

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

// The formats of log lines.
const (
	FormatJSON = "json" // one object a line, for machines
	FormatText = "text" // for people at a terminal: local time, no service, no quotes where none are needed
)

// NewLogger writes lines to w: time (JSON: UTC, milliseconds), level, msg, service, and what the caller adds. level is
// debug, info, warn or error, format FormatJSON or FormatText; anything else counts as info and JSON, because config
// validates them before anybody logs. Durations are milliseconds. The key of an attribute in a group is "group.key".
func NewLogger(w io.Writer, service, level, format string) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		least = slog.LevelInfo
	}
	h := &handler{out: &output{w: w}, least: least, form: jsonForm{}}
	if format == FormatText {
		h.form = textForm{}
	}
	return slog.New(h).With("service", service)
}

// form is how a line is written. Every method appends.
type form interface {
	head(b []byte, at time.Time, level slog.Level, part, msg string) []byte
	attr(b []byte, prefix string, a slog.Attr) []byte
	tail(b []byte) []byte
}

// handler is a slog.Handler that writes into pooled buffers: a line a request costs a fifth of what slog's own takes.
type handler struct {
	out    *output
	least  slog.Level
	form   form
	part   string // the attribute "part", which people get in a column
	fixed  []byte // With's attributes, rendered
	prefix string // of an open group
}

type output struct {
	lines sync.Pool // of *[]byte
	mu    sync.Mutex
	w     io.Writer
}

// Enabled is slog.Handler's.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.least }

// WithAttrs is slog.Handler's.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.fixed = append([]byte(nil), h.fixed...)
	for _, a := range attrs {
		if a.Key == "part" {
			with.part = a.Value.String()
		}
		with.fixed = h.form.attr(with.fixed, h.prefix, a)
	}
	return &with
}

// WithGroup is slog.Handler's.
func (h *handler) WithGroup(name string) slog.Handler {
	with := *h
	with.prefix += name + "."
	return &with
}

// Handle is slog.Handler's.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	line := h.begin(r.Time, r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		*line = h.form.attr(*line, h.prefix, a)
		return true
	})
	return h.end(line)
}

func (h *handler) begin(at time.Time, level slog.Level, msg string) *[]byte {
	line, ok := h.out.lines.Get().(*[]byte)
	if !ok {
		line = new(make([]byte, 0, 1024))
	}
	*line = append(h.form.head((*line)[:0], at, level, h.part, msg), h.fixed...)
	return line
}

func (h *handler) end(line *[]byte) error {
	*line = h.form.tail(*line)
	h.out.mu.Lock()
	_, err := h.out.w.Write(*line)
	h.out.mu.Unlock()
	if cap(*line) <= 16<<10 { // one that a stack trace made large goes
		h.out.lines.Put(line)
	}
	return err
}

// jsonForm writes {"time":…,"level":…,"msg":…,"key":value…}.
type jsonForm struct{}

func (jsonForm) head(b []byte, at time.Time, level slog.Level, _, msg string) []byte {
	b = append(b, `{"time":"`...)
	b = at.UTC().AppendFormat(b, millis)
	b = append(b, `","level":"`...)
	b = append(b, level.String()...)
	return appendJSON(append(b, `","msg":`...), msg)
}

const millis = "2006-01-02T15:04:05.000Z07:00"

func (jsonForm) attr(b []byte, prefix string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		return members(jsonForm{}, b, prefix, a.Key, v)
	}
	b = appendJSON(append(b, ','), prefix+a.Key)
	b = append(b, ':')
	switch v.Kind() {
	case slog.KindInt64:
		return strconv.AppendInt(b, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(b, v.Uint64(), 10)
	case slog.KindBool:
		return strconv.AppendBool(b, v.Bool())
	case slog.KindDuration:
		return strconv.AppendFloat(b, float64(v.Duration())/float64(time.Millisecond), 'f', -1, 64)
	case slog.KindTime:
		return append(v.Time().UTC().AppendFormat(append(b, '"'), millis), '"')
	case slog.KindString:
		return appendJSON(b, v.String())
	default:
		return appendAny(b, v.Any())
	}
}

func (jsonForm) tail(b []byte) []byte { return append(b, "}\n"...) }

// appendAny writes what has no form of its own here. A value that JSON can't hold is told by its type alone.
func appendAny(b []byte, v any) []byte {
	if err, ok := v.(error); ok {
		return appendJSON(b, err.Error())
	}
	text, err := json.Marshal(v)
	if err != nil {
		return appendJSON(b, fmt.Sprintf("%T: %v", v, err))
	}
	return append(b, text...)
}

// appendJSON writes s as JSON. Nearly all of what is logged needs no escape.
func appendJSON(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			text, _ := json.Marshal(s) // a string always encodes
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func members(f form, b []byte, prefix, key string, group slog.Value) []byte {
	if key != "" {
		prefix += key + "."
	}
	for _, a := range group.Group() {
		b = f.attr(b, prefix, a)
	}
	return b
}

// textForm writes "15:04:05.000 WARN gateway    message key=value …".
type textForm struct{}

func (textForm) head(b []byte, at time.Time, level slog.Level, part, msg string) []byte {
	b = at.Local().AppendFormat(b, "15:04:05.000 ")
	b = fmt.Appendf(b, "%-5s ", level)
	if part != "" {
		b = fmt.Appendf(b, "%-10s ", part)
	}
	return append(b, plainText(msg)...)
}

func (textForm) attr(b []byte, prefix string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	switch {
	case a.Key == "service" || a.Key == "part":
		return b
	case v.Kind() == slog.KindGroup:
		return members(textForm{}, b, prefix, a.Key, v)
	}
	b = append(append(append(b, ' '), prefix+a.Key...), '=')
	if v.Kind() == slog.KindDuration {
		return append(b, v.Duration().Round(time.Microsecond).String()...)
	}
	if _, isError := v.Any().(error); v.Kind() == slog.KindAny && !isError {
		return appendAny(b, v.Any())
	}
	return append(b, plainText(v.String())...)
}

func (textForm) tail(b []byte) []byte { return append(b, '\n') }

// plainText is s, in quotes where it could be taken for something else: nobody forges a line or moves a terminal's cursor.
func plainText(s string) string {
	for _, r := range s {
		if r == '"' || r == utf8.RuneError || !strconv.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return s
}
