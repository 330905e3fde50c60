package proxy

import (
	"bufio"
	"net"
	"net/http"
)

// wholeClose hands out upgraded connections that can't be closed by half. The
// reverse proxy would close its writing half when the service ends a socket, and
// then wait for the client without an end: one that never closes would keep its
// place for ever. WebSocket has its own goodbye (RFC 6455 §7), sent before.
type wholeClose struct{ http.ResponseWriter }

// Unwrap lets http.ResponseController reach everything else.
func (w wholeClose) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack is http.Hijacker.
func (w wholeClose) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return struct{ net.Conn }{conn}, rw, nil
}
