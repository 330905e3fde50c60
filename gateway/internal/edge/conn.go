package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gin-gonic/gin"
)

// counted is a connection that is within the limits. It gives its place back at the first Close.
type counted struct {
	net.Conn
	once  sync.Once
	leave func()

	// pending: net/http has read a request, or tried to, and no handler has it. What is written now is net/http's own
	// answer, which knows no hook: to a header that is too large, an unknown Expect, and what is no HTTP.
	pending    atomic.Bool
	unreadable func(netip.Addr) bool
	plain      bool // what is written is HTTP, not TLS
}

type connKey struct{}

// WithConn is a hook of http.Server (ConnContext): Received finds the connection by it.
func WithConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, countedOf(conn))
}

// States is a hook of http.Server (ConnState): a request of HTTP/1.1 is on its way. HTTP/2 has no answers of its own.
func States(conn net.Conn, state http.ConnState) {
	if state != http.StateActive {
		return
	}
	if secure, ok := conn.(*tls.Conn); ok && secure.ConnectionState().NegotiatedProtocol == "h2" {
		return
	}
	if c := countedOf(conn); c != nil {
		c.pending.Store(true)
	}
}

// Received says that the chain has the request, and answers it.
func Received(c *gin.Context) {
	if conn, ok := c.Request.Context().Value(connKey{}).(*counted); ok && conn != nil {
		conn.pending.Store(false)
	}
}

// countedOf is the connection below TLS, nil where there is none of ours.
func countedOf(conn net.Conn) *counted {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	c, _ := conn.(*counted)
	return c
}

// Write asks about an answer that no handler gives: a refused address gets none (AG D12), another one gets it with the
// security headers. (Under TLS it passes here as a record already: there it goes without them.)
func (c *counted) Write(p []byte) (int, error) {
	if c.pending.Load() && c.pending.CompareAndSwap(true, false) && c.unreadable != nil {
		if addr, ok := peerOf(c.Conn); ok && !c.unreadable(addr) {
			_ = c.Close() // there is nobody to tell
			return 0, net.ErrClosed
		}
		if status, rest, ok := bytes.Cut(p, []byte("\r\n")); ok && c.plain {
			_, err := c.Conn.Write(slices.Concat(status, []byte("\r\n"+fixedLines), rest))
			return len(p), err
		}
	}
	return c.Conn.Write(p)
}

func (c *counted) Close() error {
	c.once.Do(c.leave)
	return c.Conn.Close()
}

// CloseWrite lets net/http say a refusal to its end: without it the client may
// see a reset in place of the answer.
func (c *counted) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
