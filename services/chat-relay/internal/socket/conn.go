package socket

import (
	"context"
	"errors"
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
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/record"
)

// conn is one socket. Its read loop runs in one goroutine from Open to the end; its writer is started when there is
// something to write and stops when there isn't, so that an idle socket has one stack.
type conn struct {
	door    *Door
	log     *slog.Logger
	address netip.Addr
	who     atomic.Pointer[identity] // replaced, never changed

	// The read loop's own.
	state       chatframes.State // it only goes forward: connected, greeted (may be left out), ready
	violations  []time.Time
	violated    int
	connected   time.Time
	unsubscribe func()

	joined bool // counted under its account: Door.mu

	// Set by attach, under mu. The loops start after it and need no lock for them.
	ws   *websocket.Conn
	wire *wire

	mu        sync.Mutex
	space     sync.Cond // frames were taken from the queue, or the socket ends
	cut       bool      // the connection is to be closed at once
	queue     []frame
	queued    int // bytes of the queue
	writing   bool
	replaying bool
	pending   []*room.Update   // live messages that wait for the end of the replay
	replayed  map[string]int64 // up to where the replay brought each conversation
	ended     *ending          // set once: nothing is queued after its frames
	panics    int
	ping      *time.Timer
}

// identity is who a socket is of, as far as that is known.
type identity struct {
	account, session string
	device           string    // hex hash of the device key
	expires          time.Time // of the access token; zero: nobody is known
	from             record.Origin
}

func newConn(d *Door, from record.Origin) *conn {
	c := &conn{door: d, log: d.Log.With("request_id", from.RequestID), connected: d.Clock.Now()}
	c.who.Store(&identity{from: from})
	c.space.L = &c.mu
	c.address, _ = netip.ParseAddr(from.Address) // none where it can't be read
	return c
}

func (c *conn) wrap(inner net.Conn) *wire {
	return newWire(inner, c.door.Limits.BytesASecond, c.door.corks)
}

// attach takes the upgraded connection, which has so long to say hello. Control frames go through the queue as well:
// there is one writer. A verdict or a shutdown that fell during the handshake has left its goodbye in the queue.
func (c *conn) attach(ws *websocket.Conn, w *wire) {
	ws.SetPingHandler(func(payload string) error {
		c.alive()
		c.push(frame{kind: websocket.PongMessage, data: []byte(payload), size: len(payload)})
		return nil
	})
	ws.SetPongHandler(func(string) error {
		c.alive()
		return nil
	})
	ws.SetCloseHandler(func(code int, _ string) error {
		c.close(endAnswered(code))
		return nil
	})
	within := c.door.Limits.HelloWithin
	if c.state == chatframes.StateGreeted {
		within = c.door.Limits.GreetWithin
	}
	_ = w.SetReadDeadline(time.Now().Add(within)) // fails on a closed connection only, which the first read sees
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ws, c.wire = ws, w
	if c.cut {
		_ = w.Close() // the first read sees it
	}
	if len(c.queue) > 0 {
		c.startWriter()
	}
}

// run is the life of the socket. Whatever panics in it, also its end, takes this socket out of everywhere and nothing
// else down (R3).
func (c *conn) run() {
	defer c.door.leave(c)
	defer c.close(endBroken)
	defer c.recovered("end")
	defer c.leave()
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
		c.violate(&protocol.Violation{Fault: protocol.TooLong, State: c.state, Size: n})
		c.close(endTooBig)
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
		c.violate(&protocol.Violation{Fault: protocol.TooFast, State: c.state})
		c.close(endTooFast)
	case errors.As(err, &network):
		if network.Timeout() && c.state < chatframes.StateReady {
			c.close(endSilent)
		}
	case errors.As(err, &left), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		// the peer left, with a goodbye or without one
	default:
		// Bytes that are no WebSocket frame.
		c.count(&protocol.Violation{Fault: protocol.BadFraming, State: c.state})
		c.close(endFraming)
	}
}

// alive gives the peer until the next ping is unanswered. Before hello it changes nothing: a socket that answers pings
// and never says who it is doesn't stay, nor does one after our goodbye.
func (c *conn) alive() {
	c.mu.Lock() // the writer's last deadline, behind a goodbye, must not be replaced
	defer c.mu.Unlock()
	if c.state != chatframes.StateReady || c.ended != nil {
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
		c.push(frame{kind: websocket.PingMessage})
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.ended == nil {
			c.ping.Reset(c.door.Limits.PingEvery)
		}
	})
}

// leave waits for our last words to be written, and takes the socket out of everywhere.
func (c *conn) leave() {
	if c.unsubscribe != nil {
		c.unsubscribe()
	}
	c.close(endLeft)
	how := c.quiet()
	if how.close != 0 {
		c.wire.linger()
	}
	_ = c.ws.Close() // it is over either way
	c.recordEnd(how)
}

// quiet returns when nothing is written any more, and how the socket ended.
func (c *conn) quiet() ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ping != nil {
		c.ping.Stop()
	}
	for c.writing {
		c.space.Wait()
	}
	return *c.ended
}

// recovered is deferred: a panic of the loop ends this socket and nothing else (R3).
func (c *conn) recovered(loop string) {
	if cause := recover(); cause != nil {
		c.reportPanic(loop, cause)
		c.close(endInternal)
	}
}

func (c *conn) reportPanic(loop string, cause any) {
	c.door.Panicked(loop, c.who.Load().from, cause, debug.Stack())
}

// context is for what one command asks of others. A relay that stops doesn't wait for it.
func (c *conn) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.door.running, commandTimeout)
}
