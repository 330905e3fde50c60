package httpkit

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/access"
	"centinela/shared/fault"
	"centinela/shared/obs"
	"centinela/shared/svcauth"
)

// Options is what a server is made of.
type Options struct {
	Service  string // names metrics and events
	Spec     *openapi3.T
	Log      *slog.Logger
	Registry prometheus.Registerer // nil: no metrics
	Callers  *svcauth.Verifier     // required unless Public
	People   *access.Verifier      // required when an operation lists bearerAuth

	// Public is the gateway: no calling service is expected, and the client is whoever is connected.
	Public bool
	// TrustedProxies may speak for clients by X-Forwarded-For (Public only).
	TrustedProxies []netip.Prefix
	// DevAddress believes X-Dev-Address (Public only). Never in production: it forges any address.
	DevAddress bool
	// Timeout of a request without a deadline; 0 is 10 s.
	Timeout time.Duration

	// BeforeLimits runs before the body's limit, and so around everything that can be refused: headers of every answer,
	// counting of refusals.
	BeforeLimits []gin.HandlerFunc
	// BeforeAuth runs when the client address is known and nothing expensive was done yet: firewall, rate limits.
	BeforeAuth []gin.HandlerFunc
	// AfterAuth runs when the person is known and before validation: verdicts on sessions, limits by account.
	AfterAuth []gin.HandlerFunc
}

// Server is a gin engine with the middleware every service has. Register routes on Engine, serve Handler. Requests have
// deadlines of their own here; the limits of headers and idle connections are the http.Server's.
type Server struct {
	opts    Options
	ops     map[string]*operation
	unknown *operation // of routes that the specification doesn't have: nobody may call them internally
	allowed map[string]string
	engine  *gin.Engine
	metrics *serverMetrics
	sampler *obs.Sampler
	check   *validator
}

// New builds a Server. It panics on wiring that can only be a mistake: no specification, an internal server without
// Callers, an operation with bearerAuth without People.
func New(opts Options) *Server {
	if opts.Timeout <= 0 {
		opts.Timeout = DefaultTimeout
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		opts: opts, ops: operations(opts.Spec), unknown: &operation{id: unknownID, maxBody: DefaultMaxBody}, check: newValidator(),
		metrics: newServerMetrics(opts.Service, opts.Registry), sampler: obs.NewSampler(opts.Log),
	}
	s.mustBeWired()
	s.metrics.hold(s.unknown)
	for _, op := range s.ops {
		s.metrics.hold(op)
	}
	s.engine = newEngine()
	s.engine.Use(s.observe)
	s.engine.Use(opts.BeforeLimits...)
	s.engine.Use(s.limitBody)
	s.engine.Use(opts.BeforeAuth...)
	s.engine.Use(s.caller, s.person)
	s.engine.Use(opts.AfterAuth...)
	s.engine.Use(s.validate)
	s.engine.NoRoute(func(c *gin.Context) { Fail(c, errUnknownRoute) })
	s.engine.NoMethod(s.noMethod)
	s.separate()
	s.opts.Spec = nil // read; newOperation says what stays of it
	return s
}

// Engine is where handlers are registered.
func (s *Server) Engine() *gin.Engine { return s.engine }

// Handler serves everything that was registered.
func (s *Server) Handler() http.Handler { return s.engine }

func newEngine() *gin.Engine {
	// Gin's mode is a global of the process; release is the only one in which it prints nothing of its own.
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.ContextWithFallback = true // who takes a *gin.Context for a context has the request's deadline and values
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash = false // a route is what the specification says, nothing near it
	e.UseRawPath = true             // %2F stays inside its parameter
	e.ForwardedByClientIP = false
	if err := e.SetTrustedProxies(nil); err != nil {
		panic("httpkit: trust no proxy: " + err.Error())
	}
	return e
}

func (s *Server) mustBeWired() {
	if !s.opts.Public && s.opts.Callers == nil {
		panic("httpkit: " + s.opts.Service + ": an internal server needs Callers")
	}
	for _, op := range s.ops {
		if op.person && s.opts.People == nil {
			panic("httpkit: " + s.opts.Service + ": operation " + op.id + " needs People")
		}
	}
}

var errUnknownRoute = fault.New(fault.KindNotFound, fault.CodeUnknownRoute, "there is no such route")
