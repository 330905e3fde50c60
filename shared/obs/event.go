package obs

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// A request sets a few dozen values at most; what is over is a loop gone wrong, and must not become an endless line.
const maxAttrs = 64

// WideEvent gathers what happened in one request (or one unit of work) for the one line that is logged about it at
// its end. Safe for concurrent use.
type WideEvent struct {
	mu    sync.Mutex
	attrs []slog.Attr
	cause error
}

// EventKey is the WideEvent's in a context, for one that holds it by itself.
type EventKey struct{}

// NewEvent puts a fresh WideEvent into ctx.
func NewEvent(ctx context.Context) (context.Context, *WideEvent) {
	e := &WideEvent{}
	return context.WithValue(ctx, EventKey{}, e), e
}

// From returns the event of ctx; never nil: without one, a throw-away that nobody logs.
func From(ctx context.Context) *WideEvent {
	if e, ok := ctx.Value(EventKey{}).(*WideEvent); ok {
		return e
	}
	return &WideEvent{}
}

// Set keeps a value for the line; the same key again replaces it. No secrets, no bodies, no addresses with ids.
func (e *WideEvent) Set(key string, v any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.attrs {
		if e.attrs[i].Key == key {
			e.attrs[i].Value = slog.AnyValue(v)
			return
		}
	}
	if len(e.attrs) < maxAttrs {
		e.attrs = append(e.attrs, slog.Any(key, v))
	}
}

// Fail keeps why the request failed. The first cause stays: what follows is mostly its consequence.
func (e *WideEvent) Fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cause == nil {
		e.cause = err
	}
}

// Emit logs the one line: attrs, everything that was set, and the cause of a failure with the causes behind it.
func (e *WideEvent) Emit(ctx context.Context, log *slog.Logger, level slog.Level, msg string, attrs ...slog.Attr) {
	if !log.Enabled(ctx, level) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cause != nil {
		attrs = append(attrs, slog.String("error", chain(e.cause)))
	}
	h, ours := log.Handler().(*handler)
	if !ours { // a test's
		log.LogAttrs(ctx, level, msg, append(attrs, e.attrs...)...)
		return
	}
	line := h.begin(time.Now(), level, msg)
	for _, list := range [...][]slog.Attr{attrs, e.attrs} {
		for i := range list {
			*line = h.form.attr(*line, h.prefix, list[i])
		}
	}
	_ = h.end(line) // there is nobody to tell that nothing can be told
}

// chain writes an error and the causes that its own text leaves out: a fault prints only its public part, the log
// line is the one place where the cause behind it shows.
func chain(err error) string {
	text := err.Error()
	for err = errors.Unwrap(err); err != nil; err = errors.Unwrap(err) {
		if s := err.Error(); !strings.Contains(text, s) {
			text += ": " + s
		}
	}
	return text
}
