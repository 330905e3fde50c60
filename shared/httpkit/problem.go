package httpkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"centinela/shared/fault"
	"centinela/shared/obs"
)

const problemType = "application/problem+json"

// problem is the body of every error (RFC 9457 §3; schema Problem in openapi/common.yaml).
type problem struct {
	Type       string        `json:"type"`
	Title      string        `json:"title"`
	Status     int           `json:"status"`
	Code       fault.Code    `json:"code"`
	Detail     string        `json:"detail,omitempty"`
	RequestID  string        `json:"request_id"`
	Errors     []fault.Field `json:"errors,omitempty"`
	RetryAfter int           `json:"retry_after,omitempty"` // seconds
}

var (
	errGone = fault.New(fault.KindTimeout, fault.CodeTimeout, "the caller went away") // from here, a call that was given up
	errLeft = fault.New(fault.KindRequestTimeout, fault.CodeRequestTimeout, "the client went away before its answer")
)

// soon is when whoever gets a 503 that says nothing about it may try again.
const soon = time.Second

// WriteProblem answers r with err and keeps it for the request's event. An error that is no fault is a 500 without
// detail; so is an internal fault, whatever it says. It must be the first thing that is written.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	ctx := r.Context()
	f := faultOf(ctx, err)
	obs.From(ctx).Fail(err)
	st, status := stateOf(ctx), f.Kind.Status()
	p := problem{
		Type: "urn:centinela:problem:" + string(f.Code), Title: http.StatusText(status), Status: status,
		Code: f.Code, Detail: f.Detail, Errors: f.Fields, RequestID: RequestOf(ctx).ID,
	}
	members := f.Members
	if f.Kind == fault.KindInternal {
		p.Detail, p.Errors, members = "", nil, nil
	}
	h := w.Header()
	if st != nil {
		st.code.Store(string(f.Code))
		if !st.public {
			h.Set(HeaderCode, string(f.Code))
		} else if f.Kind == fault.KindUnavailable && f.RetryAfter == 0 {
			f = f.WithRetryAfter(soon)
		}
	}
	if f.Kind == fault.KindRequestTimeout && r.ProtoMajor == 1 {
		h.Set("Connection", "close") // what is still to come is not read; a stream of HTTP/2 ends by itself
	}
	if f.RetryAfter > 0 {
		p.RetryAfter = int(math.Ceil(f.RetryAfter.Seconds()))
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	body := encode(p)
	if len(members) > 0 { // beside the members that every problem has
		body = append(append(body[:len(body)-1], ','), encode(members)[1:]...)
	}
	h.Set("Content-Type", problemType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Del("Content-Length")
	h.Del("Content-Encoding")
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever asked may have gone; there is nobody else to tell
}

func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic("httpkit: a problem does not encode: " + err.Error())
	}
	return body
}

// faultOf is fault.From, with what the client did told apart: a body that could not be read, and leaving, are no errors
// of ours, whatever they became on the way here.
func faultOf(ctx context.Context, err error) *fault.Error {
	f := fault.From(err)
	if f.Kind.Status() < http.StatusInternalServerError {
		return f
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge
	}
	st := stateOf(ctx)
	if st == nil {
		return f
	}
	if unread := st.unread.Load(); unread != nil {
		return unread
	}
	if errors.Is(err, context.Canceled) && st.client.Err() != nil {
		return errLeft
	}
	return f
}

// Passed takes over what a service says about its answer to the request of ctx, which is passed on with header.
func Passed(ctx context.Context, header http.Header) {
	code := fault.Code(header.Get(HeaderCode))
	delete(header, HeaderCode)
	if st := stateOf(ctx); st != nil && code.Known() {
		st.code.Store(string(code))
	}
}

// Fail ends a gin request with err as problem+json. An answer that was begun stays as it is: the event tells.
func Fail(c *gin.Context, err error) {
	c.Abort()
	if c.Writer.Written() {
		obs.From(c.Request.Context()).Fail(err)
		return
	}
	WriteProblem(c.Writer, c.Request, err)
}

// OnHandlerError is the hook for what a handler returns.
func OnHandlerError(c *gin.Context, err error) { Fail(c, err) }

// OnRequestError is the hook for a request that generated code cannot read. The text of such an error holds the value,
// so only its type is kept.
func OnRequestError(c *gin.Context, err error) {
	if f := faultFromReading(err); f != errUnreadable {
		Fail(c, f)
		return
	}
	obs.From(c.Request.Context()).Set("request_error", fmt.Sprintf("%T", err))
	Fail(c, errInvalid)
}

// OnRouteError is the hook for a parameter that generated code cannot read; the status it proposes is not used.
func OnRouteError(c *gin.Context, err error, _ int) { OnRequestError(c, err) }

// OnResponseError is the hook for an answer that cannot be written: a mistake of ours, or a client that left.
func OnResponseError(c *gin.Context, err error) { Fail(c, fmt.Errorf("write the answer: %w", err)) }

// ReadProblem rebuilds the fault that a peer answered with. What is no problem of ours, speaks of the calling service
// instead of the person, or is an error inside the peer, becomes an internal error: our own caller did nothing wrong.
// Who calls decides anew what its caller may see of the rest.
func ReadProblem(status int, header http.Header, body []byte) *fault.Error {
	kind := fault.KindOf(status)
	var p problem
	mediaType, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	ours := strings.TrimSpace(mediaType) == problemType && json.Unmarshal(body, &p) == nil && p.Code.Known()
	retry := retryAfter(header)
	if kind == fault.KindUnavailable && !ours {
		return errUnavailable.WithRetryAfter(retry)
	}
	aboutUs := RefusedService(header) || p.Code == fault.CodeCallerNotAllowed
	if !ours || aboutUs || kind == fault.KindInternal {
		return fault.New(fault.KindInternal, fault.CodeInternal, "").
			WithCause(fmt.Errorf("peer answered %d %s (its request %s)", status, p.Code, shorten(p.RequestID, 64)))
	}
	f := fault.New(kind, p.Code, p.Detail).WithRetryAfter(retry)
	if len(p.Errors) > 0 {
		f = f.WithFields(p.Errors...)
	}
	return f
}

// Expect returns nil when status is one of ok, and what ReadProblem makes of the answer otherwise.
func Expect(status int, header http.Header, body []byte, ok ...int) error {
	if slices.Contains(ok, status) {
		return nil
	}
	return ReadProblem(status, header, body)
}

// maxAnswer bounds what is read of a peer's answer, in bytes.
const maxAnswer = 64 << 20

// Read takes the answer of a call of a generated client: the T of its JSON when it is a success, the zero T when there
// is no content; else what ReadProblem makes of it, or the error that the call ended with. It closes the body.
func Read[T any](resp *http.Response, err error) (T, error) {
	var out T
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return out, fmt.Errorf("read a peer's answer: %w", err)
	}
	if err := Expect(resp.StatusCode, resp.Header, body, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent); err != nil {
		return out, err
	}
	if resp.StatusCode == http.StatusNoContent {
		return out, nil
	}
	if len(body) > maxAnswer {
		return out, fmt.Errorf("a peer's answer has more than %d bytes", maxAnswer)
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return *new(T), fmt.Errorf("a peer's answer is not what its specification says: %w", err)
	}
	return out, nil
}

// RefusedService reports whether a peer's 401 is about the calling service, and not about the person.
func RefusedService(h http.Header) bool { return h.Get("WWW-Authenticate") == serviceChallenge }

func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
