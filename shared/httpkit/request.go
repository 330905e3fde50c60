package httpkit

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"

	"centinela/shared/access"
	"centinela/shared/fault"
	"centinela/shared/obs"
)

// Request is who calls, on whose behalf, from where.
type Request struct {
	ID        string         // X-Request-Id; req_… of our own at the gateway
	Caller    string         // the calling service; empty at the gateway
	Address   string         // the client's IP address; empty when a service calls for itself
	Addr      netip.Addr     // the same, parsed; invalid where Address is empty
	UserAgent string         // the client's, at most 256 bytes
	Person    *access.Claims // nil without a person
	Token     string         // the person's verified token, to be sent on; a secret
}

// state is a request's context, and in it the one value that the context carries for this package and for obs.
type state struct {
	context.Context                 // the connection's, with the request's end
	client          context.Context // the connection's: it ends when the client leaves
	Request
	op     *operation
	public bool
	event  obs.WideEvent
	code   atomic.Value                // a string: the code of the problem that was answered
	unread atomic.Pointer[fault.Error] // why the client's body could not be read; a proxy reads on a goroutine of its own
}

type stateKey struct{}

// Value is context.Context's.
func (s *state) Value(key any) any {
	switch key.(type) {
	case stateKey:
		return s
	case obs.EventKey:
		return &s.event
	}
	return s.Context.Value(key)
}

// setAddress takes an address that may be invalid.
func (s *state) setAddress(addr netip.Addr) {
	s.Addr, s.Address = addr, ""
	if addr.IsValid() {
		s.Address = addr.String()
	}
}

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
	return context.WithValue(ctx, stateKey{}, &state{Context: ctx, client: ctx, Request: r, op: &operation{id: unknownID}})
}

// OperationOf returns the operation id that the specification gives the request of ctx, "unknown" without one.
func OperationOf(ctx context.Context) string {
	if s := stateOf(ctx); s != nil {
		return s.op.id
	}
	return unknownID
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
func clientAddress(peer string, forwarded []string, trusted []netip.Prefix) netip.Addr {
	addr, _ := parseAddress(peer)
	speaks := func(p netip.Prefix) bool { return p.Contains(addr) }
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for i := len(hops) - 1; i >= 0 && slices.ContainsFunc(trusted, speaks); i-- {
		hop, ok := parseAddress(hops[i])
		if !ok {
			break
		}
		addr = hop
	}
	return addr
}

func (s *Server) addressOf(r *http.Request) netip.Addr {
	if s.opts.Public && s.opts.DevAddress {
		if addr, ok := parseAddress(r.Header.Get(HeaderDevAddress)); ok {
			return addr
		}
	}
	if s.opts.Public {
		return clientAddress(r.RemoteAddr, r.Header["X-Forwarded-For"], s.opts.TrustedProxies)
	}
	addr, _ := parseAddress(r.RemoteAddr)
	return addr
}

// plainID keeps a peer's request id out of the logs unless it is short and harmless.
func plainID(s string) bool {
	const harmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	return s != "" && len(s) <= 64 && strings.Trim(s, harmless) == ""
}

func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
