package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"centinela/shared/fault"
)

const (
	// stalled is how long a socket's client may leave what was sent to it unread. The service's own limit doesn't reach
	// it: between them stand this process's buffers, and a copy that waits for the client doesn't see the service leave.
	stalled = 15 * time.Second
	// copyBytes is what a direction of a socket holds for as long as it lives; io.Copy would take 32 KiB.
	copyBytes = 2 << 10
)

// errHandshake: the service took an upgrade's connection and never answered.
var errHandshake = fault.New(fault.KindTimeout, fault.CodeTimeout, "a service that is needed took too long")

// errTaken tells the reverse proxy that the answer was given: the socket runs by itself.
var errTaken = errors.New("the socket was taken over")

// handshake is an upgrade that is on its way.
type handshake struct {
	writer http.ResponseWriter
	timer  *time.Timer
	log    *slog.Logger
}

type handshakeKey struct{}

// withHandshake ends an upgrade that the service doesn't answer within the time of a request. An upgrade that is
// answered has no end of its own, so its context can't have one.
func withHandshake(c *gin.Context, o Options) (cancel func()) {
	if _, ok := c.Request.Context().Deadline(); ok {
		return func() {} // no upgrade, or not on a socket's route
	}
	ctx, end := context.WithCancelCause(c.Request.Context())
	h := &handshake{writer: c.Writer, log: o.Log, timer: time.AfterFunc(o.Handshake, func() { end(errHandshake) })}
	c.Request = c.Request.WithContext(context.WithValue(ctx, handshakeKey{}, h))
	return func() { h.timer.Stop(); end(nil) }
}

// upgraded answers 101 and lets the socket run by itself: the request's own goroutine and buffers, which are three
// quarters of what an idle socket would cost here, are free then. Its error is errTaken, or why there is no socket.
func upgraded(res *http.Response) error {
	h, ok := res.Request.Context().Value(handshakeKey{}).(*handshake)
	service, writable := res.Body.(io.ReadWriteCloser)
	if !ok || !writable || !strings.EqualFold(res.Header.Get("Upgrade"), "websocket") {
		return errors.New("the service switched to a protocol that nobody asked for")
	}
	h.timer.Stop()
	header := h.writer.Header()
	for name, values := range res.Header {
		header[name] = values
	}
	h.writer.WriteHeader(http.StatusSwitchingProtocols) // gin keeps it for the event
	conn, rw, err := http.NewResponseController(h.writer).Hijack()
	if err != nil {
		return fmt.Errorf("take the connection over: %w", err)
	}
	res.Header, res.Body = header, nil // Write writes the head alone
	if err := errors.Join(res.Write(rw), rw.Flush()); err != nil {
		_, _ = conn.Close(), service.Close() // the client has gone
	} else {
		early, _ := rw.Reader.Peek(rw.Reader.Buffered()) // what is there can be looked at
		join(socket{conn}, append([]byte(nil), early...), service, h.log)
	}
	res.Body = http.NoBody // the reverse proxy closes it
	return errTaken
}

// join passes bytes on in both directions until one end leaves, and then closes both. early is what the client has sent
// already.
func join(client io.ReadWriteCloser, early []byte, service io.ReadWriteCloser, log *slog.Logger) {
	over := sync.OnceFunc(func() { _, _ = client.Close(), service.Close() }) // nobody is left to tell
	pass := func(to io.Writer, first []byte, from io.Reader) {
		defer over()
		defer func() { // a goroutine of its own: a panic would end the process (R3)
			if cause := recover(); cause != nil {
				log.Error("a socket broke", slog.Any("panic", cause), slog.String("stack", string(debug.Stack())))
			}
		}()
		if len(first) > 0 {
			if _, err := to.Write(first); err != nil {
				return
			}
		}
		_, _ = io.CopyBuffer(plainWriter{to}, plainReader{from}, make([]byte, copyBytes)) // its end is the socket's
	}
	go pass(service, early, client)
	go pass(client, nil, service)
}

// plainReader and plainWriter hide all but reading and writing, so that io.CopyBuffer uses the buffer that it is given.
type (
	plainReader struct{ io.Reader }
	plainWriter struct{ io.Writer }
)

// socket is the client's end. WebSocket has its own goodbye (RFC 6455 §7), which was sent before it is closed.
type socket struct{ net.Conn }

// Write fails when the client doesn't read, and with it the socket ends.
func (s socket) Write(p []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(stalled)); err != nil {
		return 0, err
	}
	return s.Conn.Write(p)
}
