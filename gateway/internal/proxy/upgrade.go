package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"centinela/shared/fault"
)

// stalled is how long a socket's client may leave what was sent to it unread. The service's own limit doesn't reach
// it: between them stand this process's buffers, and a copy that waits for the client doesn't see the service leave.
const stalled = 15 * time.Second

// errHandshake: the service took an upgrade's connection and never answered.
var errHandshake = fault.New(fault.KindTimeout, fault.CodeTimeout, "a service that is needed took too long")

// withHandshake ends an upgrade that the service doesn't answer within the time of a request. An upgrade that is
// answered has no end of its own, so its context can't have one; answered, in a request's context, takes it back.
func withHandshake(c *gin.Context, limit time.Duration) (cancel func()) {
	if _, ok := c.Request.Context().Deadline(); ok {
		return func() {} // no upgrade, or not on a socket's route
	}
	ctx, end := context.WithCancelCause(c.Request.Context())
	timer := time.AfterFunc(limit, func() { end(errHandshake) })
	answered := func() { timer.Stop() }
	c.Request = c.Request.WithContext(context.WithValue(ctx, answeredKey{}, answered))
	return func() { timer.Stop(); end(nil) }
}

type answeredKey struct{}

// answered stops the clock of a handshake.
func answered(ctx context.Context) {
	if stop, ok := ctx.Value(answeredKey{}).(func()); ok {
		stop()
	}
}

// sockets hands out upgraded connections with limits of their own.
type sockets struct{ http.ResponseWriter }

// Unwrap lets http.ResponseController reach everything else.
func (w sockets) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack is http.Hijacker.
func (w sockets) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return socket{conn}, rw, nil
}

// socket can't be closed by half. The reverse proxy would close its writing half when the service ends a socket, and
// then wait for the client without an end: one that never closes would keep its place for ever. WebSocket has its own
// goodbye (RFC 6455 §7), sent before.
type socket struct{ net.Conn }

// copyBytes is what a direction of a socket holds for as long as it lives: io.Copy would take 32 KiB, which was three
// quarters of the memory of an idle socket here.
const copyBytes = 4 << 10

// plain hides all but reading and writing, so that io.CopyBuffer uses the buffer that it is given.
type (
	plainReader struct{ io.Reader }
	plainWriter struct{ io.Writer }
)

// ReadFrom is the way to the client; it writes through Write, and so with its limit.
func (s socket) ReadFrom(r io.Reader) (int64, error) {
	return io.CopyBuffer(plainWriter{s}, plainReader{r}, make([]byte, copyBytes))
}

// WriteTo is the way from the client.
func (s socket) WriteTo(w io.Writer) (int64, error) {
	return io.CopyBuffer(plainWriter{w}, plainReader{s.Conn}, make([]byte, copyBytes))
}

// Write fails when the client doesn't read, and with it the socket ends.
func (s socket) Write(p []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(stalled)); err != nil {
		return 0, err
	}
	return s.Conn.Write(p)
}
