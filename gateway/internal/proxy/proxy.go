package proxy

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"centinela/shared/fault"
	"centinela/shared/httpkit"
)

// ours are headers of an answer that the gateway sets; a service's are dropped,
// or they would stand there twice.
var ours = [...]string{
	httpkit.HeaderRequestID, "Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy",
	"Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Strict-Transport-Security", "Set-Cookie", "Server",
}

// errIdentity: the service didn't believe the gateway. That is no fault of the
// person's token, and must not sign anybody out.
var errIdentity = fault.New(fault.KindInternal, fault.CodeInternal, "").
	WithCause(errors.New("the service refused the gateway's own identity: are the keys of both in key_dir?"))

// Options is how requests are passed on.
type Options struct {
	Handshake time.Duration // upgrades (WebSocket) pass through when the service answers them within this time
	OwnHost   string        // of gateway.public_base; "" when that isn't known
	Origins   map[string]bool
	Log       *slog.Logger
}

// To returns the handler that passes a request on to one service.
func To(client *httpkit.Client, o Options) gin.HandlerFunc {
	rp := &httputil.ReverseProxy{
		Rewrite:        func(pr *httputil.ProxyRequest) { o.rewrite(pr) },
		Transport:      client.Transport(),
		BufferPool:     newBuffers(),
		ModifyResponse: received,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if !errors.Is(err, errTaken) {
				httpkit.WriteProblem(w, r, err)
			}
		},
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return func(c *gin.Context) {
		// The service knows best what may be kept; received sets it where it is silent.
		delete(c.Writer.Header(), "Cache-Control")
		defer withHandshake(c, o)()
		rp.ServeHTTP(c.Writer, c.Request)
	}
}

// rewrite takes away what only our own services may say. The client's transport
// then replaces scheme and host, and signs.
func (o Options) rewrite(pr *httputil.ProxyRequest) {
	h := pr.Out.Header
	for name := range h { // canonical names, as the server read them
		if strings.HasPrefix(name, "X-") && (strings.HasPrefix(name, "X-Centinela-") || strings.HasPrefix(name, "X-Forwarded-")) {
			delete(h, name)
		}
	}
	delete(h, "Forwarded")
	delete(h, "X-Real-Ip")
	delete(h, "Cookie") // nothing of ours reads one
	h["X-Forwarded-Host"] = []string{o.hostOf(pr.In)}
}

// hostOf is the name that the client came by, for services that take a page of our own name only (the chat's socket). A
// proxy in front may have put its own name for us in its place: a page of the name that people use is our own all the same
// (FR A19), and so is one that the configuration lists (FR A20). Any other page gets nothing by its Origin.
func (o Options) hostOf(r *http.Request) string {
	origin := r.Header.Get("Origin")
	if _, host, ok := strings.Cut(origin, "://"); ok && (o.Origins[origin] || o.OwnHost != "" && strings.EqualFold(host, o.OwnHost)) {
		return host
	}
	return r.Host
}

// received looks at a service's answer before it is passed on.
func received(r *http.Response) error {
	httpkit.Passed(r.Request.Context(), r.Header)
	if r.StatusCode == http.StatusUnauthorized && httpkit.RefusedService(r.Header) {
		return errIdentity
	}
	for _, name := range ours {
		delete(r.Header, name)
	}
	if len(r.Header["Cache-Control"]) == 0 {
		r.Header["Cache-Control"] = []string{"no-store"}
	}
	if r.StatusCode == http.StatusServiceUnavailable && len(r.Header["Retry-After"]) == 0 {
		r.Header["Retry-After"] = []string{"1"}
	}
	if r.StatusCode == http.StatusSwitchingProtocols {
		return upgraded(r)
	}
	return nil
}
