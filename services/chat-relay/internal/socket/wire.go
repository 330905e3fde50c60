package socket

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// errTooFast ends a connection that sends more than its budget.
var errTooFast = errors.New("more bytes a second than a socket may send")

// wire is the connection below gorilla: it counts what comes in, and gathers what goes out while it is corked. Every
// byte counts, also those of frame headers, pings and frames that are thrown away.
type wire struct {
	net.Conn

	bytesPerSecond float64
	budget         float64 // read loop only
	filled         time.Time

	mu       sync.Mutex
	corkedIn *[]byte // nil: not corked
	pool     *sync.Pool
}

func newWire(c net.Conn, bytesPerSecond int, pool *sync.Pool) *wire {
	return &wire{Conn: c, bytesPerSecond: float64(bytesPerSecond), budget: float64(bytesPerSecond), filled: time.Now(), pool: pool}
}

// Read takes what was read off the budget.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	now := time.Now() // real time: a rate of the transport
	w.budget = min(w.bytesPerSecond, w.budget+now.Sub(w.filled).Seconds()*w.bytesPerSecond) - float64(n)
	w.filled = now
	if err == nil && w.budget < 0 {
		return 0, errTooFast
	}
	return n, err
}

// Write sends, or keeps until uncork.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.corkedIn == nil {
		return w.Conn.Write(p)
	}
	*w.corkedIn = append(*w.corkedIn, p...)
	return len(p), nil
}

// SetWriteDeadline sets nothing while corked: gorilla sets it for each frame, and uncork for the one write.
func (w *wire) SetWriteDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.corkedIn != nil {
		return nil
	}
	return w.Conn.SetWriteDeadline(t)
}

func (w *wire) cork() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.corkedIn = w.pool.Get().(*[]byte)
}

// uncork writes what was kept, at once, within the time.
func (w *wire) uncork(within time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.corkedIn
	if kept == nil {
		return nil
	}
	w.corkedIn = nil
	err := w.Conn.SetWriteDeadline(time.Now().Add(within))
	if err == nil && len(*kept) > 0 {
		_, err = w.Conn.Write(*kept)
	}
	if cap(*kept) <= 256<<10 {
		*kept = (*kept)[:0]
		w.pool.Put(kept)
	}
	return err
}

// linger lets the peer read our last words: closing with unread bytes would reset the connection and take them away.
func (w *wire) linger() {
	half, ok := w.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || w.SetReadDeadline(time.Now().Add(lingerFor)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, w.Conn, lingerBytes) // the peer's bytes and its end don't matter any more
}

// hijacker gives gorilla our wire in place of the server's connection.
type hijacker struct {
	http.ResponseWriter
	wrap func(net.Conn) *wire
	wire *wire
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, buffered, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.wire = h.wrap(c)
	return h.wire, buffered, nil
}
