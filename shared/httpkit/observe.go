package httpkit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/id"
	"centinela/shared/obs"
)

type serverMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	panics   prometheus.Counter
}

func newServerMetrics(service string, reg prometheus.Registerer) *serverMetrics {
	return &serverMetrics{
		requests: obs.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: obs.Metric(service, "http_requests_total"), Help: "Requests by operation and class of status.",
		}, []string{"operation", "class"})),
		duration: obs.Register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: obs.Metric(service, "http_request_duration_seconds"), Help: "Time to answer, by operation.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"operation"})),
		panics: obs.Register(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Name: obs.Metric(service, "panics_total"), Help: "Requests that ended in a panic.",
		})),
	}
}

// observe is the outermost middleware: it gives the request its id and its event, catches a panic of everything inside,
// and logs the one line. Emission and recovery are one deferred function, so that neither can miss the other.
func (s *Server) observe(c *gin.Context) {
	start := time.Now() // a latency, so real time
	op, ok := s.ops[c.Request.Method+" "+c.FullPath()]
	if !ok {
		op = unknown
	}
	st := &state{op: op, Request: Request{UserAgent: shorten(c.Request.UserAgent(), maxUserAgent)}}
	if given := c.GetHeader(HeaderRequestID); !s.opts.Public && plainID(given) {
		st.ID = given
	} else {
		st.ID = id.New("req")
	}
	st.Address = s.addressOf(c.Request)
	ctx, event := obs.NewEvent(context.WithValue(c.Request.Context(), stateKey{}, st))
	c.Request = c.Request.WithContext(ctx)
	c.Header(HeaderRequestID, st.ID)

	defer func() {
		cause := recover()
		gaveUp := cause == http.ErrAbortHandler //nolint:errorlint // a panic value, compared as net/http does
		panicked := cause != nil && !gaveUp
		abort := gaveUp || panicked && c.Writer.Written() // half an answer must not look whole
		if panicked {
			s.panicked(c, event, cause)
		}
		if gaveUp { // how a proxy ends when one of its two ends broke off
			event.Set("aborted", true)
		}
		level := slog.LevelInfo
		switch gone := ctx.Err() != nil; {
		case gone && !panicked: // the caller left: what came of it is nobody's fault here
			event.Set("gone", true)
		case cause == nil && c.Writer.Status() == http.StatusServiceUnavailable:
			level = slog.LevelWarn // a refusal on purpose, or somebody else's fault: a flood must not hide what is ours
		case cause != nil || c.Writer.Status() >= http.StatusInternalServerError:
			level = slog.LevelError
		case st.Caller != "" && st.Address == "" && st.Person == nil && c.Writer.Status() < http.StatusBadRequest:
			// A service for itself: polls, deliveries, keys.
			level = slog.LevelDebug
		}
		s.finish(c, st, event, start, level)
		if abort {
			panic(http.ErrAbortHandler) // net/http closes the connection, and logs nothing
		}
	}()
	c.Next()
}

func (s *Server) addressOf(r *http.Request) string {
	if s.opts.Public && s.opts.DevAddress {
		if addr, ok := parseAddress(r.Header.Get(HeaderDevAddress)); ok {
			return addr.String()
		}
	}
	if s.opts.Public {
		return clientAddress(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), s.opts.TrustedProxies)
	}
	return clientAddress(r.RemoteAddr, nil, nil)
}

// panicked answers 500 unless an answer (or a socket) was begun, counts, and leaves the stack to the event's line.
// What was begun is broken off.
func (s *Server) panicked(c *gin.Context, event *obs.WideEvent, cause any) {
	s.metrics.panics.Inc()
	event.Set("panic", shorten(fmt.Sprint(cause), 512))
	event.Set("stack", shorten(string(debug.Stack()), 8<<10))
	fail(c, errors.New("panic"))
}

func (s *Server) finish(c *gin.Context, st *state, event *obs.WideEvent, start time.Time, level slog.Level) {
	took := time.Since(start)
	status := c.Writer.Status()
	s.metrics.requests.WithLabelValues(st.op.id, strconv.Itoa(status/100)+"xx").Inc()
	s.metrics.duration.WithLabelValues(st.op.id).Observe(took.Seconds())

	event.Set("request_id", st.ID)
	event.Set("operation", st.op.id)
	event.Set("method", c.Request.Method)
	event.Set("status", status)
	event.Set("duration_ms", float64(took.Microseconds())/1000)
	event.Set("bytes_in", max(c.Request.ContentLength, 0))
	event.Set("bytes_out", max(c.Writer.Size(), 0))
	event.Set("address", st.Address)
	if st.Caller != "" {
		event.Set("caller", st.Caller)
	}
	if st.Person != nil {
		event.Set("account", st.Person.Account)
		event.Set("session", st.Person.Session)
	}
	event.Emit(context.WithoutCancel(c.Request.Context()), s.opts.Log, level, "request")
}
