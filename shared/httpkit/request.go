package httpkit

import (
	"context"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"

	"centinela/shared/access"
)

// Request is who calls, on whose behalf, from where.
type Request struct {
	ID        string         // X-Request-Id; req_… of our own at the gateway
	Caller    string         // the calling service; empty at the gateway
	Address   string         // the client's IP address; empty when a service calls for itself
	UserAgent string         // the client's, at most 256 bytes
	Person    *access.Claims // nil without a person
	Token     string         // the person's verified token, to be sent on; a secret
}

// state is the one value that a request's context carries for this package.
type state struct {
	Request
	op *operation
}

type stateKey struct{}

// RequestOf returns what is known about the request of ctx; the zero value outside of one.
func RequestOf(ctx context.Context) Request {
	if s := stateOf(ctx); s != nil {
		return s.Request
	}
	return Request{}
}

func stateOf(ctx context.Context) *state {
	s, _ := ctx.Value(stateKey{}).(*state)
	return s
}

// WithRequest puts r into ctx: for work that continues after its request, and for tests of what reads RequestOf.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, stateKey{}, &state{Request: r, op: unknown})
}

// OperationOf returns the operation id that the specification gives the request of ctx, "unknown" without one.
func OperationOf(ctx context.Context) string {
	if s := stateOf(ctx); s != nil {
		return s.op.id
	}
	return unknown.id
}

// Plain returns the request's own context out of gin's, which is pooled and must not be kept or passed to goroutines.
// Values and deadline stay; what was put into gin's own map is left behind.
func Plain(ctx context.Context) context.Context {
	if c, ok := ctx.(*gin.Context); ok && c.Request != nil {
		return c.Request.Context()
	}
	return ctx
}

// parseAddress reads an address with or without a port; IPv4 in IPv6 becomes IPv4, a zone is dropped.
func parseAddress(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.Addr{}, false
	}
	return addr.Unmap().WithZone(""), true
}

// clientAddress is the connection's peer, or, when that is a proxy named in trusted, the last hop of X-Forwarded-For
// that is none. What stands further left was written by the client (gateway.md; 10 of 10 forgeries beat gin's default).
func clientAddress(peer string, forwarded []string, trusted []netip.Prefix) string {
	addr, ok := parseAddress(peer)
	if !ok {
		return ""
	}
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for i := len(hops) - 1; i >= 0 && contains(trusted, addr); i-- {
		hop, ok := parseAddress(hops[i])
		if !ok {
			break
		}
		addr = hop
	}
	return addr.String()
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// plainID keeps a peer's request id out of the logs unless it is short and harmless.
func plainID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
