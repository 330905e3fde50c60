package fault

import (
	"context"
	"errors"
	"maps"
	"time"
)

// Field names one wrong part of a request. It never holds the rejected value:
// that may be a password.
type Field struct {
	// Pointer is a JSON pointer into the body (RFC 6901), or "query:limit",
	// "path:id", "header:X-Name".
	Pointer string `json:"pointer"`
	// Code is the rule that was broken, for example "maxLength".
	Code string `json:"code"`
	// Detail says it for a person.
	Detail string `json:"detail,omitempty"`
}

// Error is an error with a public half (all exported fields) and a private
// cause, which only logs may show.
type Error struct {
	Kind   Kind
	Code   Code
	Detail string
	Fields []Field
	// RetryAfter is how long the caller should wait; 0 says nothing about it.
	RetryAfter time.Duration
	// Members are extension members of the problem document (RFC 9457 §3.2), by
	// names that the document itself has not; each value must encode as JSON.
	Members map[string]any

	cause error
}

// New makes a fault. Package-level sentinels are made with it; the With
// methods return copies, so a sentinel never changes.
func New(kind Kind, code Code, detail string) *Error {
	return &Error{Kind: kind, Code: code, Detail: detail}
}

// WithFields returns a copy with these fields added to those it has.
func (e *Error) WithFields(fields ...Field) *Error {
	c := *e
	c.Fields = append(append([]Field(nil), e.Fields...), fields...)
	return &c
}

// WithRetryAfter returns a copy that asks the caller to wait for d.
func (e *Error) WithRetryAfter(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// WithMember returns a copy with an extension member more.
func (e *Error) WithMember(name string, value any) *Error {
	c := *e
	c.Members = maps.Clone(e.Members)
	if c.Members == nil {
		c.Members = map[string]any{}
	}
	c.Members[name] = value
	return &c
}

// WithCause returns a copy that keeps err for the log and for errors.Is.
func (e *Error) WithCause(err error) *Error {
	c := *e
	c.cause = err
	return &c
}

// WithDetail returns a copy with another public detail.
func (e *Error) WithDetail(detail string) *Error {
	c := *e
	c.Detail = detail
	return &c
}

// Error is "code: detail". It never holds the cause, because error texts reach
// clients by many ways.
func (e *Error) Error() string {
	if e.Detail == "" {
		return string(e.Code)
	}
	return string(e.Code) + ": " + e.Detail
}

// Unwrap gives the cause, nil without one.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is a fault of the same code: a copy, or one that a
// peer sent, is the same error as the sentinel.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t != nil && t.Code == e.Code
}

// From is the fault that err is or wraps. An unlisted error becomes an internal
// one without detail, an expired deadline a timeout, and nil stays nil (test for
// it before returning the result as an error: a nil *Error isn't a nil error).
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		if e == nil { // a nil *Error in an error: a bug of the caller, not a success
			return New(KindInternal, CodeInternal, "")
		}
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return New(KindTimeout, CodeTimeout, "the request took too long").WithCause(err)
	}
	return New(KindInternal, CodeInternal, "").WithCause(err)
}
