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
	"centinela/shared/ratelimit"
)

// outcomeOK is the outcome of what was no error; an error's is its code.
const outcomeOK = "ok"

type serverMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	panics   prometheus.Counter
}

func newServerMetrics(service string, reg prometheus.Registerer) *serverMetrics {
	return &serverMetrics{
		// The outcome makes this the counter of what happens, too: sign-ins by outcome, codes right and wrong, refusals.
		requests: obs.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: obs.Metric(service, "http_requests_total"), Help: "Requests by operation, class of status and outcome (ok or an error code).",
		}, []string{"operation", "class", "outcome"})),
		duration: obs.Register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: obs.Metric(service, "http_request_duration_seconds"), Help: "Time to answer, by operation.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"operation"})),
		panics: obs.Register(reg, prometheus.NewCounter(prometheus.CounterOpts{
			Name: obs.Metric(service, "panics_total"), Help: "Requests that ended in a panic.",
		})),
	}
}

// hold keeps what every request of op counts, so that nobody looks it up by its labels again.
func (m *serverMetrics) hold(op *operation) {
	op.good = m.requests.WithLabelValues(op.id, "2xx", outcomeOK)
	op.duration = m.duration.WithLabelValues(op.id)
}

func (m *serverMetrics) count(st *state, status int, took time.Duration) {
	st.op.duration.Observe(took.Seconds())
	code, _ := st.code.Load().(string)
	switch {
	case code == "" && status/100 == 2:
		st.op.good.Inc()
		return
	case code == "" && status < http.StatusBadRequest:
		code = outcomeOK
	case code == "":
		code = "none" // an error that is no problem document: a provider's webhook, a foreign service
	}
	m.requests.WithLabelValues(st.op.id, strconv.Itoa(status/100)+"xx", code).Inc()
}

// observe is the outermost middleware: it gives the request its id, its event and its end, catches a panic of everything
// inside, and logs the one line. Emission and recovery are one deferred function, so that neither can miss the other.
func (s *Server) observe(c *gin.Context) {
	start := time.Now() // a latency, so real time
	st := s.open(c)
	limit, err := s.timeOf(c.Request, st.op)
	if limit > 0 {
		ctx, cancel := context.WithDeadline(st.client, start.Add(limit))
		defer cancel()
		st.Context = ctx
		limitAnswer(c, start, limit)
	}
	c.Request = c.Request.WithContext(st)
	c.Writer.Header()[HeaderRequestID] = []string{st.ID}

	defer func() {
		cause := recover()
		gaveUp := cause == http.ErrAbortHandler //nolint:errorlint // a panic value, compared as net/http does
		panicked := cause != nil && !gaveUp
		abort := gaveUp || panicked && c.Writer.Written() // half an answer must not look whole
		if panicked {
			s.panicked(c, &st.event, cause)
		}
		if gaveUp { // how a proxy ends when one of its two ends broke off
			st.event.Set("aborted", true)
		}
		s.finish(c, st, time.Since(start), end{panicked: panicked, gaveUp: gaveUp, gone: st.client.Err() != nil && st.unread.Load() == nil})
		if abort {
			panic(http.ErrAbortHandler) // net/http closes the connection, and logs nothing
		}
	}()
	if err != nil {
		Fail(c, err)
		return
	}
	c.Next()
}

// open makes the state of a request.
func (s *Server) open(c *gin.Context) *state {
	op, ok := s.ops[c.Request.Method+" "+c.FullPath()]
	if !ok {
		op = s.unknown
	}
	client := c.Request.Context()
	st := &state{Context: client, client: client, op: op, public: s.opts.Public}
	st.UserAgent = shorten(c.Request.UserAgent(), maxUserAgent)
	if given := c.GetHeader(HeaderRequestID); !s.opts.Public && plainID(given) {
		st.ID = given
	} else {
		st.ID = id.New("req")
	}
	st.setAddress(s.addressOf(c.Request))
	return st
}

// end is how a request ended, beside its status.
type end struct{ panicked, gaveUp, gone bool }

func (e end) level(st *state, status int) slog.Level {
	byItself := st.Caller != "" && st.Address == "" && st.Person == nil // a service: polls, deliveries, keys
	switch {
	case e.gone && !e.panicked && byItself: // one that stops
		return slog.LevelDebug
	case e.gone && !e.panicked: // the caller left: what came of it is nobody's fault here
		return slog.LevelInfo
	case !e.panicked && !e.gaveUp && status == http.StatusServiceUnavailable:
		return slog.LevelWarn // a refusal on purpose, or somebody else's fault: a flood must not hide what is ours
	case e.panicked || e.gaveUp || status >= http.StatusInternalServerError:
		return slog.LevelError
	case byItself && status < http.StatusBadRequest:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// panicked answers 500 unless an answer (or a socket) was begun, counts, and leaves the stack to the event's line.
// What was begun is broken off.
func (s *Server) panicked(c *gin.Context, event *obs.WideEvent, cause any) {
	s.metrics.panics.Inc()
	event.Set("panic", shorten(fmt.Sprint(cause), 512))
	event.Set("stack", shorten(string(debug.Stack()), 8<<10))
	Fail(c, errors.New("panic"))
}

func (s *Server) finish(c *gin.Context, st *state, took time.Duration, e end) {
	status := c.Writer.Status()
	s.metrics.count(st, status, took)
	level := e.level(st, status)
	if level < slog.LevelError && !s.admit(c, st, status, e.gone) {
		return
	}
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs,
		slog.String("operation", st.op.id), slog.String("method", c.Request.Method), slog.Int("status", status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
	)
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	if st.op.route == nil {
		text("path", pathOf(c))
	}
	code, _ := st.code.Load().(string)
	text("code", code)
	text("address", st.Address)
	text("caller", st.Caller)
	if st.Person != nil {
		attrs = append(attrs, slog.String("account", st.Person.Account), slog.String("session", st.Person.Session))
	}
	attrs = append(attrs, slog.Int64("bytes_in", max(c.Request.ContentLength, 0)), slog.Int("bytes_out", max(c.Writer.Size(), 0)))
	text("request_id", st.ID)
	if e.gone && !e.panicked {
		attrs = append(attrs, slog.Bool("gone", true))
	}
	st.event.Emit(st, s.opts.Log, level, "request", attrs...)
}

// admit thins out the lines of what was refused and of clients that left: how many there are is a stranger's choice.
func (s *Server) admit(c *gin.Context, st *state, status int, gone bool) bool {
	refused := gone || status/100 == 4 || status == http.StatusServiceUnavailable
	if !refused || !s.opts.Log.Enabled(st, slog.LevelInfo) {
		return true
	}
	kind := st.op.id + " " + strconv.Itoa(status)
	if code, ok := st.code.Load().(string); ok {
		kind += " " + code
	}
	if gone {
		kind = st.op.id + " gone"
	}
	source := st.Caller
	if st.Addr.IsValid() {
		source = ratelimit.KeyOf(st.Addr)
	}
	detail := ""
	if st.op.route == nil {
		detail = pathOf(c)
	}
	return s.sampler.Admit(kind, source, detail)
}

// pathOf is what was asked for where the specification has no such route: without its query, and cut.
func pathOf(c *gin.Context) string { return shorten(c.Request.URL.Path, maxPath) }
