package socket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
	"centinela/services/chat-relay/internal/protocol"
	"centinela/services/chat-relay/internal/relay"
	"centinela/shared/access"
	"centinela/shared/fault"
	"centinela/shared/record"
)

// conn is one socket. Its read loop runs in one goroutine from Open to the end; its writer is started when there is
// something to write and stops when there isn't, so that an idle socket has one stack.
type conn struct {
	door    *Door
	log     *slog.Logger
	from    record.Origin
	address netip.Addr
	ws      *websocket.Conn
	wire    *wire
	joined  string // the account it is counted under; Door.mu

	// The read loop's own.
	automaton   protocol.Automaton
	violations  []time.Time
	violated    int
	connected   time.Time
	unsubscribe func()

	expires atomic.Int64 // when the access token ends, in Unix milliseconds; 0: nobody is known

	mu                       sync.Mutex
	space                    sync.Cond // frames were taken from the queue, or the socket ends
	account, session, device string
	queue                    []frame
	queued                   int // bytes of the queue
	writing                  bool
	replaying                bool
	pending                  []relay.Delivery // live messages that wait for the end of the replay
	replayed                 map[string]int64 // up to where the replay brought each conversation
	ended                    *ending          // set once: nothing is queued after its frames
	panics                   int
	ping                     *time.Timer
}

// frame is one WebSocket frame to be written.
type frame struct {
	kind int
	data []byte
}

// ending is why the server closes a socket.
type ending struct {
	close        int    // WebSocket close code
	code, reason string // of the bye frame
}

func newConn(d *Door, from record.Origin) *conn {
	c := &conn{door: d, from: from, log: d.Log.With("request_id", from.RequestID), connected: d.Clock.Now()}
	c.space.L = &c.mu
	if addr, err := netip.ParseAddr(from.Address); err == nil {
		c.address = addr
	}
	return c
}

func (c *conn) wrap(inner net.Conn) *wire {
	return newWire(inner, c.door.Limits.BytesPerSecond, c.door.corks)
}

// greeted takes over who the handshake's token is of.
func (c *conn) greeted(claims access.Claims) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.account, c.session = claims.Account, claims.Session
	c.expires.Store(claims.ExpiresAt.UnixMilli())
	c.automaton.Advance(chatframes.StateGreeted)
}

func (c *conn) identity() (account, session, device string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.account, c.session, c.device
}

// attach takes the upgraded connection, which has so long to say hello. Control frames go through the queue as well:
// there is one writer. A verdict or a shutdown that fell during the handshake has left its goodbye in the queue.
func (c *conn) attach(ws *websocket.Conn, w *wire) {
	ws.SetPingHandler(func(payload string) error {
		c.alive()
		c.push(frame{websocket.PongMessage, []byte(payload)}, true)
		return nil
	})
	ws.SetPongHandler(func(string) error {
		c.alive()
		return nil
	})
	ws.SetCloseHandler(func(code int, _ string) error {
		c.farewell(code)
		return nil
	})
	within := c.door.Limits.HelloWithin
	if c.automaton.State() == chatframes.StateGreeted {
		within = c.door.Limits.GreetedWithin
	}
	_ = w.SetReadDeadline(time.Now().Add(within)) // fails on a closed connection only, which the first read sees
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ws, c.wire = ws, w
	if len(c.queue) > 0 {
		c.startWriter()
	}
}

// run is the life of the socket. Whatever panics in it, also its end, takes this socket out of everywhere and nothing
// else down (R3).
func (c *conn) run() {
	defer c.door.leave(c)
	defer c.cut()
	defer c.recovered("end")
	defer c.finish()
	defer c.recovered("read")
	for {
		kind, reader, err := c.ws.NextReader()
		if err == nil {
			err = c.read(kind == websocket.BinaryMessage, reader)
		}
		if err != nil {
			c.readFailed(err)
			return
		}
	}
}

// read takes one frame. The buffer comes from a pool only now: an idle socket holds none.
func (c *conn) read(binary bool, reader io.Reader) error {
	buffer := c.door.frames.Get().(*[]byte)
	defer c.door.frames.Put(buffer)
	n, err := io.ReadFull(reader, *buffer)
	if err == nil { // one byte more than a frame may have
		c.violate(&protocol.Violation{Fault: protocol.TooLong, State: c.automaton.State(), Size: n})
		c.end(ending{closeTooBig, string(fault.CodeProtocolViolation), "the frame is too long"})
		return errTooLong
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if c.isEnding() {
		return nil // what comes after our goodbye isn't read
	}
	c.take(binary, (*buffer)[:n])
	c.alive() // only now: a long replay isn't the peer's silence
	return nil
}

var errTooLong = errors.New("frame too long")

// readFailed says why the server ends the connection, where it does.
func (c *conn) readFailed(err error) {
	var network net.Error // gorilla wraps what it reads: os.ErrDeadlineExceeded isn't found in it
	var left *websocket.CloseError
	switch {
	case errors.Is(err, errTooLong):
		// said already
	case errors.Is(err, errTooFast):
		c.violate(&protocol.Violation{Fault: protocol.TooFast, State: c.automaton.State()})
		c.end(ending{closePolicy, string(fault.CodeTooManyRequests), "too many bytes a second"})
	case errors.As(err, &network):
		if network.Timeout() && c.automaton.State() < chatframes.StateReady {
			c.end(ending{closeUnauthorized, string(fault.CodeUnauthenticated), "no hello in time"})
		}
	case errors.As(err, &left), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		// the peer left, with a goodbye or without one
	default:
		// Bytes that are no WebSocket frame. Gorilla has closed with 1002: nothing can follow.
		c.count(&protocol.Violation{Fault: protocol.BadFraming, State: c.automaton.State()})
		c.endMute(ending{closeProtocol, string(fault.CodeProtocolViolation), ""})
	}
}

// alive gives the peer until the next ping is unanswered. Before hello it changes nothing: a socket that answers pings
// and never says who it is doesn't stay, nor does one after our goodbye.
func (c *conn) alive() {
	c.mu.Lock() // the writer's last deadline, behind a goodbye, must not be replaced
	defer c.mu.Unlock()
	if c.automaton.State() != chatframes.StateReady || c.ended != nil {
		return
	}
	l := c.door.Limits
	_ = c.wire.SetReadDeadline(time.Now().Add(l.PingEvery + l.PongWithin)) // fails on a closed connection only, which the next read sees
}

// keepAlive starts the pings.
func (c *conn) keepAlive() {
	c.alive()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return
	}
	c.ping = time.AfterFunc(c.door.Limits.PingEvery, func() {
		defer c.recovered("ping")
		c.push(frame{kind: websocket.PingMessage}, true)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.ended == nil {
			c.ping.Reset(c.door.Limits.PingEvery)
		}
	})
}

// finish waits for our last words to be written, and takes the socket out of everywhere.
func (c *conn) finish() {
	if c.unsubscribe != nil {
		c.unsubscribe()
	}
	c.mu.Lock()
	goodbye := c.ended != nil
	if !goodbye {
		c.ended = &ending{} // the peer left, or the connection broke
		c.drop()
	}
	if c.ping != nil {
		c.ping.Stop()
	}
	for c.writing {
		c.space.Wait()
	}
	c.space.Broadcast()
	c.mu.Unlock()
	if goodbye {
		c.wire.linger()
	}
	_ = c.ws.Close() // it is over either way
	c.recordEnd()
}

// recovered is deferred: a panic of the loop ends this socket and nothing else (R3).
func (c *conn) recovered(loop string) {
	if cause := recover(); cause != nil {
		c.reportPanic(loop, cause)
	}
}

func (c *conn) reportPanic(loop string, cause any) {
	c.door.metrics.panics.Inc()
	c.log.Error("panic in a socket", "loop", loop, "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
	c.end(ending{closeInternal, string(fault.CodeInternal), "an error of ours"})
}

// refuse ends the socket for a verdict.
func (c *conn) refuse(f *fault.Error) {
	c.end(ending{closeForbidden, string(f.Code), f.Detail})
}

// cut ends the connection without a word.
func (c *conn) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wire != nil {
		_ = c.wire.Close() // it is over either way
	}
}

func (c *conn) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), commandTimeout)
}
