package httpkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/singleflight"

	"centinela/shared/fault"
	"centinela/shared/obs"
	"centinela/shared/svcauth"
)

const (
	defaultClientTimeout = 5 * time.Second
	// A process that is down refuses at once. Only a machine that is gone says nothing: it costs three calls this much, and
	// then the breaker answers. Less would also pass while this process waits for a processor: with 80 ms, hashes and
	// messages in one process made one of some 200 dials of a healthy peer fail (TestBackupUnderLoad, make stress).
	dialTimeout = time.Second
	retryNeeds  = 150 * time.Millisecond // less than that is refused by the callee anyway
	// Connections that are kept: below what a busy moment needs, each answer would close one and each call dial anew.
	idleConns = 512
)

var errUnavailable = fault.New(fault.KindUnavailable, fault.CodeUnavailable, "a service that is needed does not answer")

// ClientOptions is what a client of one peer is made of.
type ClientOptions struct {
	Callee  string          // the peer's service name, the audience of the tokens
	BaseURL func() string   // where the peer is, asked at each call: its port may be known only after start
	Signer  *svcauth.Signer // who calls
	Log     *slog.Logger
	// Registry takes the metrics; several clients of a service may share it. nil: no metrics.
	Registry prometheus.Registerer
	Timeout  time.Duration // of a call whose ctx allows longer; 0 is 5 s
}

// Client calls one peer. It is an HttpRequestDoer for generated clients: give those any base URL, scheme and host are
// replaced by BaseURL at each call. Safe for concurrent use.
type Client struct {
	opts      ClientOptions
	transport *http.Transport
	breaker   *gobreaker.TwoStepCircuitBreaker[struct{}]
	outcomes  map[string]prometheus.Counter
	duration  prometheus.Observer
	answered  atomic.Int64 // when the peer answered last, or the client was made, Unix nanoseconds
	probes    singleflight.Group
}

// NewClient builds the client of opts.Callee with its own pool of connections and its own circuit breaker.
func NewClient(opts ClientOptions) *Client {
	if opts.Timeout <= 0 {
		opts.Timeout = defaultClientTimeout
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	service := opts.Signer.Service()
	c := &Client{
		opts: opts,
		transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext,
			MaxIdleConnsPerHost: idleConns, IdleConnTimeout: 45 * time.Second, // below the callee's 60 s, so that it never closes first
			DisableCompression: true,
		},
		duration: obs.Register(opts.Registry, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: obs.Metric(service, "peer_request_duration_seconds"), Help: "Time until a peer's answer begins.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"peer"})).WithLabelValues(opts.Callee),
		outcomes: map[string]prometheus.Counter{},
	}
	calls := obs.Register(opts.Registry, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: obs.Metric(service, "peer_requests_total"), Help: "Calls to peers by outcome.",
	}, []string{"peer", "outcome"}))
	for _, outcome := range outcomes {
		c.outcomes[outcome] = calls.WithLabelValues(opts.Callee, outcome)
	}
	c.answered.Store(time.Now().UnixNano()) // so that the first calls, which all dial, don't open it together
	c.breaker = c.newBreaker()
	return c
}

// What can come of a call: a class of status, or why there was none.
const (
	outcomeRefused     = "refused" // by the breaker
	outcomeCanceled    = "canceled"
	outcomeTimeout     = "timeout"
	outcomeUnavailable = "unavailable"
)

// outcomes are all of them, those of an answer by the first digit of its status.
var outcomes = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx", outcomeRefused, outcomeCanceled, outcomeTimeout, outcomeUnavailable}

// Close closes the connections that are idle.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Do sends req and returns the answer, whatever its status; see Expect. Errors are faults: unavailable (nobody answers;
// within 100 ms for a dead peer, and for a machine that is gone after the first three calls), timeout. A call that is
// idempotent, or that never reached the peer, is tried once more while 150 ms are left. The caller closes the body.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), c.opts.Timeout)
	resp, err := c.send(ctx, req.Clone(ctx))
	if retryable(ctx, req, resp, err) && pauseFor(ctx, time.Duration(10+rand.IntN(10))*time.Millisecond) {
		if resp != nil {
			drain(resp.Body)
		}
		resp, err = c.send(ctx, req.Clone(ctx))
	}
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &cancelBody{ReadCloser: resp.Body, cancel: cancel}
	return resp, nil
}

// Transport is the client for a reverse proxy: identity, deadline and breaker, with neither a retry nor a time limit
// of its own, so that streams and upgrades pass. It replaces what the client sent under our header names, and unlike
// other RoundTrippers changes the request that it is given: a reverse proxy's is a copy already.
func (c *Client) Transport() http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) { return c.send(req.Context(), req) })
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// send is out's try: through the breaker, with fresh headers, its error made a fault.
func (c *Client) send(ctx context.Context, out *http.Request) (*http.Response, error) {
	if err := c.prepare(ctx, out); err != nil {
		return nil, err
	}
	done, err := c.allow(ctx)
	if err != nil {
		c.outcomes[outcomeRefused].Inc()
		return nil, errUnavailable.WithCause(fmt.Errorf("%s: %w", c.opts.Callee, err)).WithRetryAfter(time.Second)
	}
	start := time.Now() // a latency, so real time
	resp, err := c.transport.RoundTrip(out)
	end := time.Now()
	c.duration.Observe(end.Sub(start).Seconds())
	if err == nil {
		c.answered.Store(end.UnixNano())
		done(nil)
		c.outcomes[outcomes[min(resp.StatusCode/100, 5)]].Inc()
		return resp, nil
	}
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err) // the transport hides why behind its own errors
	}
	done(err)
	outcome, mapped := c.explain(err)
	c.outcomes[outcome].Inc()
	return nil, mapped
}

func (c *Client) explain(err error) (string, *fault.Error) {
	cause := fmt.Errorf("call %s: %w", c.opts.Callee, err)
	f, known := errors.AsType[*fault.Error](err) // why ctx ended, or why the body couldn't be sent
	switch {
	case known && f.Kind == fault.KindTimeout:
		return outcomeTimeout, f.WithCause(cause)
	case known && f.Kind.Status() < http.StatusInternalServerError:
		return outcomeCanceled, f
	case errors.Is(err, context.Canceled):
		return outcomeCanceled, errGone.WithCause(cause)
	case errors.Is(err, context.DeadlineExceeded) && !unreachable(err):
		return outcomeTimeout, fault.New(fault.KindTimeout, fault.CodeTimeout, "a service that is needed took too long").WithCause(cause)
	default:
		return outcomeUnavailable, errUnavailable.WithCause(cause).WithRetryAfter(time.Second)
	}
}

// prepare turns out to where the peer is now, and signs it.
func (c *Client) prepare(ctx context.Context, out *http.Request) error {
	base, err := url.Parse(c.opts.BaseURL())
	if err != nil || base.Host == "" {
		return errUnavailable.WithCause(fmt.Errorf("%s: its address is not known", c.opts.Callee))
	}
	out.URL.Scheme, out.URL.Host, out.Host = base.Scheme, base.Host, ""
	if path := strings.TrimSuffix(base.Path, "/"); path != "" {
		out.URL.Path = path + out.URL.Path
		if out.URL.RawPath != "" {
			out.URL.RawPath = path + out.URL.RawPath
		}
	}
	if out.GetBody != nil {
		if out.Body, err = out.GetBody(); err != nil {
			return fmt.Errorf("call %s: body: %w", c.opts.Callee, err)
		}
	}
	return c.sign(ctx, out.Header)
}

// sign sets what an internal call carries, and takes away what is not ours to say.
func (c *Client) sign(ctx context.Context, h http.Header) error {
	token, err := c.opts.Signer.Token(c.opts.Callee)
	if err != nil {
		return err
	}
	from := RequestOf(ctx)
	set := func(name, value string) { // canonical names
		if value == "" {
			delete(h, name)
			return
		}
		h[name] = []string{value}
	}
	set(HeaderService, token)
	set(HeaderRequestID, from.ID)
	set(HeaderClientAddress, from.Address)
	set(HeaderUserAgent, from.UserAgent)
	set(HeaderDevAddress, "")
	left := ""
	if deadline, ok := ctx.Deadline(); ok {
		left = strconv.FormatInt(max(time.Until(deadline).Milliseconds(), 0), 10)
	}
	set(HeaderDeadline, left)
	if from.Token != "" && h.Get("Authorization") == "" {
		h.Set("Authorization", "Bearer "+from.Token)
	}
	return nil
}

func retryable(ctx context.Context, req *http.Request, resp *http.Response, err error) bool {
	if ctx.Err() != nil || req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return false
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < retryNeeds {
		return false
	}
	if err != nil {
		return refusedToStart(err) || idempotent(req.Method) && broke(err)
	}
	overloaded := resp.StatusCode == http.StatusBadGateway || resp.StatusCode == http.StatusServiceUnavailable
	return overloaded && idempotent(req.Method) && resp.Header.Get("Retry-After") == ""
}

func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions:
		return true
	}
	return false
}

// refusedToStart: nothing was sent, so any call may be sent again. A dial that timed out is not tried again: it cost enough.
func refusedToStart(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial" && !op.Timeout()
}

// unreachable: the time that ended was the dial's. net's timeouts call themselves context.DeadlineExceeded too.
func unreachable(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// broke: the connection failed on the way. An open breaker is not that, and neither is a dial that timed out.
func broke(err error) bool {
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return false
	}
	op, ok := errors.AsType[*net.OpError](err)
	return fault.From(err).Kind == fault.KindUnavailable && !(ok && op.Timeout())
}

func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// drain reads a short body to its end, so that the connection can be used again.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 64<<10) // best effort: else the connection is closed, which is also right
	_ = body.Close()                          // nothing was written, nothing can be lost
}

// cancelBody ends the call's time limit when the answer was read.
type cancelBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b *cancelBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
